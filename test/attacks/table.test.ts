import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { repositoryFile } from '../helpers/core.js'

/** Of the mocha that lists tests without running them: what is looked at here. */
interface Listing {
  readonly tests: readonly { readonly file: string; readonly title: string }[]
}

const BUILT = fileURLToPath(new URL('../../', import.meta.url))
const mocha = join(dirname(createRequire(import.meta.url).resolve('mocha/package.json')), 'bin', 'mocha.js')

/** The tests that each file of these has, by the path of its source. */
async function testsOf(files: readonly string[]): Promise<Map<string, string[]>> {
  const built = files.map(file => join(BUILT, file.replace(/\.ts$/, '.js')))
  const options = [
    '--no-config',
    '--require',
    'core-js/actual/promise/with-resolvers.js',
    '--dry-run',
    '--reporter',
    'json'
  ]
  const { stdout } = await promisify(execFile)(process.execPath, [mocha, ...options, ...built])
  const listing: Listing = JSON.parse(stdout)
  return new Map(
    files.map((file, index) => [
      file,
      listing.tests.filter(test => test.file === built[index]).map(test => test.title)
    ])
  )
}

/** The tests that the document names, by the file that it names above them. */
function testsNamed(document: string): Map<string, string[]> {
  const named = new Map<string, string[]>()
  let titles: string[] = []
  for (const line of document.split('\n')) {
    const file = /^`(test\/.*\.test\.ts)`$/.exec(line)?.[1]
    if (file !== undefined) {
      titles = []
      named.set(file, titles)
    }
    const tests = /^\|.*\|.*\| (`.*`) \|$/.exec(line)?.[1]
    titles.push(...(tests?.split('<br>').map(test => test.slice(1, -1)) ?? []))
  }
  return named
}

describe('the table of attacks', () => {
  const named = testsNamed(repositoryFile('docs/ATTACKS.md'))
  let existing: Map<string, string[]>

  before(async () => {
    existing = await testsOf([...named.keys()])
  })

  it('names no test that does not exist', () => {
    for (const [file, titles] of named)
      for (const title of titles)
        assert.ok(existing.get(file)?.includes(title), `${file} has no test "${title}"`)
  })

  it('names every test of the attack suite, once', () => {
    const suite = readdirSync(join(BUILT, 'test/attacks')).filter(file => file.endsWith('.test.js'))
    for (const file of suite.map(name => `test/attacks/${name.replace(/\.js$/, '.ts')}`)) {
      if (file === 'test/attacks/table.test.ts') continue
      assert.deepEqual(named.get(file)?.toSorted(), existing.get(file)?.toSorted(), file)
    }
  })
})
