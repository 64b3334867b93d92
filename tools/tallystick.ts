#!/usr/bin/env node
import { launch } from '#src/launch.js'

await launch(() => import('./programs/tallystick.js'))
