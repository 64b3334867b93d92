import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { Cleanup } from '../helpers/cleanup.js'
import { repositoryPath } from '../helpers/core.js'

/** The guides whose blocks can all be typed in an empty folder. */
const GUIDES = ['CHAT', 'LEDGER', 'LOCALNET', 'VERIFY', 'WORK']

/** What a clone has after `npm ci`. */
const INSTALLED = ['dist', 'node_modules', 'scripts', 'package.json']

describe('What the docs tell to type, at a terminal of 80 columns', function () {
  // Each command has a deadline of its own.
  this.timeout(0)
  const cleanup = new Cleanup(afterEach)

  async function types(folder: string, text: string): Promise<void> {
    await writeFile(join(folder, 'guide.md'), text)
    const bin = join(folder, 'bin')
    await mkdir(bin)
    await symlink(repositoryPath('dist/tallystick.js'), join(bin, 'tallystick'))
    const { PATH = '' } = process.env
    const env = { ...process.env, PATH: [bin, PATH].join(delimiter) }
    await new Promise<void>(resolve => {
      const typist = [repositoryPath('scripts/type-docs.js'), 'guide.md']
      execFile(process.execPath, typist, { cwd: folder, env, maxBuffer: 2 ** 26 }, (error, stdout) => {
        assert.equal(error, null, stdout)
        assert.match(stdout, /\n\S+ {2}\$ .*\n(.*\n)*all of it can be typed as it stands\n$/)
        resolve()
      })
    })
  }

  it('works in the order of the README, in a clone that is installed', async () => {
    const folder = await cleanup.folder()
    for (const name of INSTALLED) await symlink(repositoryPath(name), join(folder, name))
    await mkdir(join(folder, 'config'))
    for (const name of ['sequencer.json', 'none.json'])
      await copyFile(repositoryPath(`config/${name}`), join(folder, 'config', name))
    const readme = await readFile(repositoryPath('README.md'), 'utf8')
    // Installing is what came before this test; the demo runs for a minute in it.
    const quick = readme.replace('$ npm ci && npm run demo\n', '$ npm run demo -- --duration 15 --rate 2\n')
    assert.notEqual(quick, readme)
    await types(folder, quick)
  })

  for (const guide of GUIDES)
    it(`works in the order of docs/${guide}.md, in an empty folder`, async () => {
      await types(await cleanup.folder(), await readFile(repositoryPath(`docs/${guide}.md`), 'utf8'))
    })
})
