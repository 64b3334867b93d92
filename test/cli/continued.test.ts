import assert from 'node:assert/strict'
import { join } from 'node:path'
import { ChatProcess } from '../helpers/chat-process.js'
import { Cleanup } from '../helpers/cleanup.js'
import { toolWith } from '../helpers/program.js'
import { hasTerminals, screenOf } from '../helpers/screen.js'
import { Shell } from '../helpers/shell.js'

const RUN = '"$NODE" "$TOOL"'

describe('What is shown at a terminal, after Ctrl-Z and fg', () => {
  const cleanup = new Cleanup(afterEach)

  before(function () {
    if (!hasTerminals()) this.skip()
  })

  it('is the prompt of a chat with what is typed, and what is typed next belongs to it', async () => {
    const folder = await cleanup.folder()
    const other = ChatProcess.start(cleanup, folder, ['--no-connect'])
    await other.started()
    const shell = Shell.start(cleanup, folder)
    shell.press(`bash -c 'echo process $$; exec ${RUN} chat --connect ${other.address}'\n`)
    await shell.sees(/type a line/)
    await shell.sees(/connected with 1/)
    const pid = Number(/process (\d+)/.exec(await shell.sees(/process \d+/))?.[1])
    shell.press('one')
    await shell.sees(/one$/)
    const again = await shell.stopAndGoOn()
    await shell.sees(/> one/, again)
    shell.press(', two')
    await shell.sees(/, two/, again)
    assert.deepEqual(screenOf(shell.screen.slice(again), 1_000).match(/^> .*/gm), ['> one, two▏'])
    // Stopped by somebody else, the terminal is left as it is.
    await shell.sees(/> one, two/, await shell.stopAndGoOn(() => void process.kill(pid, 'SIGSTOP')))
    const at = shell.screen.length
    shell.press(', three\r')
    await other.says(/^one, two, three$/)
    other.type('and back')
    await shell.sees(/< and back/, at)
    shell.press('\u0003')
    await shell.sees(/-- stopped/, at)
  })

  it('is the question for a passphrase, which is then taken whole', async () => {
    const folder = await cleanup.folder()
    const shell = Shell.start(cleanup, folder)
    shell.press(`${RUN} keygen --encrypt own.key; echo "it has ended"\n`)
    await shell.sees(/new passphrase for own\.key: $/)
    await shell.sees(/new passphrase for own\.key: /, await shell.stopAndGoOn())
    shell.press('a passphrase\r')
    await shell.sees(/once more: $/)
    shell.press('a pass')
    await shell.sees(/once more: /, await shell.stopAndGoOn())
    shell.press('phrase\r')
    await shell.sees(/12D3KooW/)
    const passphrases = { TALLYSTICK_PASSPHRASE: 'a passphrase', TALLYSTICK_NEW_PASSPHRASE: 'another' }
    const opened = await toolWith(
      passphrases,
      folder,
      'keygen',
      join(folder, 'own.key'),
      '--change-passphrase'
    )
    assert.equal(opened.code, 0, opened.stderr)
  })

  it('are the bars of long work, all of them, below what the shell has written; the cursor was the shell’s meanwhile', async () => {
    const folder = await cleanup.folder()
    const shell = Shell.start(cleanup, folder)
    const module = new URL('../../../dist/cli/terminal/progress.js', import.meta.url).href
    const script = `
      import { progressOn } from "${module}"
      const bars = progressOn(process.stderr)
      bars.phase("first", 10, "messages").advance(3)
      bars.phase("second", 10, "messages").advance(4)
      process.stdin.resume()`
    shell.press(`"$NODE" --input-type=module --eval '${script.trim().replaceAll('\n', ';')}'\n`)
    await shell.sees(/first +\[[^\]]*\] 3\/10 messages[^/]*second +\[[^\]]*\] 4\/10/)
    const before = shell.screen.length
    const after = await shell.stopAndGoOn()
    const meanwhile = shell.screen.slice(before, after)
    assert.ok(meanwhile.indexOf('\u001b[?25h') < meanwhile.indexOf('Stopped'), JSON.stringify(meanwhile))
    const shown = await shell.sees(/first[^/]*3\/10 messages[^/]*second[^/]*4\/10/, after)
    assert.ok(shown.includes('\u001b[?25l'), JSON.stringify(shown))
    shell.press('\u0003')
  })

  it('is the view of a network, though nothing has happened in it', async () => {
    const folder = await cleanup.folder()
    const shell = Shell.start(cleanup, folder)
    shell.press(`${RUN} network up --nodes 2\n`)
    await shell.sees(/one head, at height 0[\s\S]*Ctrl-C stops it/)
    const after = await shell.stopAndGoOn()
    await shell.sees(/one head, at height 0[\s\S]*Ctrl-C stops it/, after)
    shell.press('\u0003')
    await shell.sees(/stopped\r\n/, after)
  })
})
