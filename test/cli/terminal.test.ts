import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { repositoryFile, repositoryPath } from '../helpers/core.js'

/** The file that owns the streams, and what runs before any module of ours can be imported: its sentences are its own. */
const OWNERS = ['src/cli/terminal/terminal.ts', 'src/launch.ts']

/** Files that draw with a terminal, or hand it over to something that does, beside the one that owns the streams. */
const DRAWING = [
  'src/cli/ask/chain-source.ts',
  'src/cli/ask/set-source.ts',
  'src/cli/commands/export.ts',
  'src/cli/files/frame-file.ts',
  'src/cli/run.ts',
  'src/cli/terminal/conversation.ts',
  'src/cli/terminal/passphrase.ts',
  'src/cli/terminal/progress.ts',
  'tools/demo/command.ts',
  'tools/manager/command.ts',
  'tools/manager/display.ts',
  'tools/soak/command.ts'
]

/** What these write by themselves: control sequences and text of their own. */
const OWN_WRITES = [
  /this\.stream\.write\(SHELL_LOOKS\)/,
  /this\.stream\.write\(BARS_LOOK \+ '\\n'\.repeat\(this\.#phases\.length - 1\)\)/,
  /standardOutput\.write\('\\n'\.repeat\(rowsDrawn\(this\.#terminal\) \?\? rows\)\)/,
  /output\.write\(harmless\(question\)\)/,
  /output\.write\('\\n'\)/,
  /this\.#bars\.log\(`\$\{harmless\(text\)\}\\n`\)/
]

describe('Standard output and standard error', () => {
  const sources = ['src', 'tools']
    .flatMap(root =>
      readdirSync(repositoryPath(root), { recursive: true, encoding: 'utf8' }).map(name => `${root}/${name}`)
    )
    .filter(name => name.endsWith('.ts') && !OWNERS.includes(name) && !name.startsWith('src/core/wire/'))
    .map(name => ({ name, text: repositoryFile(name) }))

  it('are named by one file, and nothing else writes to them', () => {
    assert.ok(sources.length > 200)
    for (const { name, text } of sources) {
      assert.doesNotMatch(
        text,
        /process\.(stdout|stderr)|\bconsole\b|\{[^}]*\bstd(out|err)\b[^}]*\} = process\b/,
        name
      )
      assert.doesNotMatch(
        text,
        /emitWarning|fs\.writeSync|from 'node:console'|\/dev\/(tty|stdout|stderr)/,
        name
      )
    }
  })

  it('are handed to few, and what these write by themselves holds no text of anybody else', () => {
    const users = sources.filter(({ text }) =>
      /standard(Output|Error)|NodeJS\.Writ(ableStream|eStream)|type Output\b/.test(text)
    )
    assert.deepEqual(users.map(({ name }) => name).sort(), DRAWING)
    for (const { name, text } of users)
      for (const line of text.split('\n'))
        if (/\.(write|log)\(/.test(line))
          assert.ok(
            OWN_WRITES.some(own => own.test(line)),
            `${name}: ${line.trim()}`
          )
  })
})
