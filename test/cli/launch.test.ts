import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Cleanup } from '../helpers/cleanup.js'
import { repositoryFile, repositoryPath } from '../helpers/core.js'

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function node(...args: readonly string[]): Promise<Ended> {
  return new Promise(resolve => {
    const child = execFile(process.execPath, [...args], { timeout: 60_000 }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr })
    )
  })
}

/** Makes the Node that runs a program say that it is another version. */
function sayingItIs(version: string): string {
  const code = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
  return `--import=data:text/javascript,${encodeURIComponent(code)}`
}

const OLDEST = JSON.parse(repositoryFile('package.json')).engines.node.replace('>=', '')
const PROGRAMS = ['dist/peer.js', 'dist/tallystick.js', 'scripts/installed.js']

describe('A program that cannot run here', () => {
  const cleanup = new Cleanup(afterEach)

  /** The project as a clone has it, and with what is built where that is asked for. */
  async function clone(...copied: readonly string[]): Promise<string> {
    const folder = await cleanup.folder()
    for (const name of ['package.json', 'scripts', ...copied])
      await cp(repositoryPath(name), join(folder, name), { recursive: true })
    return folder
  }

  for (const version of ['18.20.4', '20.18.3', '16.0.0'])
    it(`says in one sentence that Node ${version} is too old`, async () => {
      for (const program of PROGRAMS) {
        const { code, stdout, stderr } = await node(sayingItIs(version), repositoryPath(program), '--help')
        assert.equal(
          stderr,
          `error: tallystick cannot run here: this is Node ${version}, and it needs Node ${OLDEST} or later\n`
        )
        assert.equal(stdout, '')
        assert.equal(code, 2)
      }
    })

  it('runs on the oldest Node that package.json names, and on later ones', async () => {
    for (const version of [`${OLDEST}.0`, '21.0.0', '30.1.2'])
      for (const program of PROGRAMS)
        assert.equal((await node(sayingItIs(version), repositoryPath(program), '--help')).code, 0)
  })

  it('says in one sentence that nothing is installed, before any script of npm does anything', async () => {
    const folder = await clone()
    const { code, stderr } = await node(join(folder, 'scripts/installed.js'))
    assert.equal(
      stderr,
      'error: tallystick cannot run here: its packages are not installed: run "npm ci" first\n'
    )
    assert.equal(code, 2)
  })

  it('says that nothing is built, where packages alone are there', async () => {
    const folder = await clone()
    await symlink(repositoryPath('node_modules'), join(folder, 'node_modules'))
    const { code, stderr } = await node(join(folder, 'scripts/installed.js'))
    assert.equal(stderr, 'error: tallystick cannot run here: it is not built: run "npm run build" first\n')
    assert.equal(code, 2)
    assert.equal((await node(join(folder, 'scripts/installed.js'), '--to-build')).code, 0)
  })

  it('says that the packages are missing where only the build is there', async () => {
    const folder = await clone('dist')
    for (const program of ['dist/peer.js', 'dist/tallystick.js']) {
      const { code, stderr } = await node(join(folder, program), '--help')
      assert.equal(
        stderr,
        'error: tallystick cannot run here: its packages are not installed: run "npm ci" in its folder first\n'
      )
      assert.equal(code, 2)
    }
  })

  it('is what each command of npm that runs or builds it begins with', () => {
    const { scripts } = JSON.parse(repositoryFile('package.json'))
    for (const name of ['demo', 'bench', 'soak', 'build', 'lint'])
      assert.match(scripts[name], /^node scripts\/installed\.js/, name)
    for (const name of ['test', 'simulate']) assert.match(scripts[name], /^npm run --silent build/, name)
  })
})
