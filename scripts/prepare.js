// npm runs this after `npm ci` and before it packs. Where this folder is installed by its path into another project, npm
// runs it too, and has installed nothing here: then the packages are fetched first, which comes back here to build.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const npm = process.env.npm_execpath
const run = (...args) =>
  execFileSync(process.execPath, [npm, ...args], {
    stdio: 'inherit',
    env: { ...process.env, TALLYSTICK_FETCHED: '1', npm_config_global: 'false' }
  })

if (npm === undefined) throw new Error('scripts/prepare.js is run by npm: type "npm ci"')
if (existsSync('node_modules/protons') || process.env.TALLYSTICK_FETCHED !== undefined)
  run('run', '--silent', 'build')
else run('ci', '--include=dev', '--no-fund', '--no-audit')
