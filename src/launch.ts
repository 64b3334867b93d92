/**
 * What the programs begin with, before anything else is imported. `needed` in package.json's engines is the same
 * version (test/cli/launch.test.ts). Nothing here may need more than Node 14 has.
 */
const OLDEST_NODE = '20.19'

/** Imports a program and so runs it; a Node that is too old, or packages that are missing, are told in one sentence. */
export async function launch(program: () => Promise<unknown>): Promise<void> {
  if (isOlder(process.versions.node, OLDEST_NODE))
    return refuse(`this is Node ${process.versions.node}, and it needs Node ${OLDEST_NODE} or later`)
  try {
    await program()
  } catch (error) {
    if (!isMissingPackage(error)) throw error
    refuse('its packages are not installed: run "npm ci" in its folder first')
  }
}

function isOlder(version: string, least: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [leastMajor = 0, leastMinor = 0] = least.split('.').map(Number)
  return major < leastMajor || (major === leastMajor && minor < leastMinor)
}

/** The program's modules are linked before any of them runs, so nothing has been done yet. */
function isMissingPackage(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'
}

function refuse(why: string): void {
  process.stderr.write(`error: tallystick cannot run here: ${why}\n`)
  process.exitCode = 2
}
