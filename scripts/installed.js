// Says in one sentence what is missing, before anything of ours or of a package is read: a Node that is too old, an
// install or a build that was not done. Imports nothing that an old Node lacks. Exit code 2.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const isBuild = process.argv.includes('--to-build')
const fault = oldNode() ?? (isInstalled() ? notBuilt() : 'its packages are not installed: run "npm ci" first')
if (fault !== undefined) {
  process.stderr.write(`error: tallystick cannot run here: ${fault}\n`)
  process.exit(2)
}

function oldNode() {
  const wanted = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node.replace('>=', '')
  const [major, minor] = process.versions.node.split('.').map(Number)
  const [leastMajor, leastMinor] = wanted.split('.').map(Number)
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return undefined
  return `this is Node ${process.versions.node}, and it needs Node ${wanted} or later`
}

/** A package that it runs with, and one that it is built with. */
function isInstalled() {
  return ['libp2p', ...(isBuild ? ['protons'] : [])].every(name =>
    existsSync(join(root, 'node_modules', name))
  )
}

function notBuilt() {
  if (isBuild || existsSync(join(root, 'dist', 'tallystick.js'))) return undefined
  return 'it is not built: run "npm run build" first'
}
