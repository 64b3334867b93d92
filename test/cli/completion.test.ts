import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Command } from 'commander'
import { withVersion } from '#src/cli/package-version.js'
import { toolCommand } from '#tools/tool-command.js'
import { Cleanup } from '../helpers/cleanup.js'
import { tool } from '../helpers/program.js'

const SHELLS = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof SHELLS)[number]

/** Bash is on every Debian. The others are not needed to build or test: with them their scripts are run, without them their form is checked. */
function isThere(shell: Shell): boolean {
  return spawnSync(shell, ['--version']).status === 0
}

/** What is offered for a command line whose last word is being typed, by its shell, which is given the script as a file. */
const ASK: Readonly<Record<Shell, string>> = {
  bash: `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tallystick; printf '%s\\n' "\${COMPREPLY[@]}"`,
  // Without a terminal there is no completion; what offers there prints here.
  zsh: `_files() { print -l -- \${cur}*(N) }
    _describe() { local name=\${@[-1]}; print -l -- \${\${(P@)name}%%:*} }
    compadd() { print -l -- "\${@[2,-1]}" }
    compdef() { : }
    file=$1; shift; source $file; words=("$@"); CURRENT=$#; _tallystick`,
  fish: `source $argv[1]; complete -C (string join ' ' -- $argv[2..-1]) | string replace -r '\\t.*' ''; true`
}

const NO_STARTUP: Readonly<Record<Shell, readonly string[]>> = {
  bash: ['--norc', '--noprofile'],
  zsh: ['-f'],
  fish: ['--no-config']
}

/** The commands in it, by the words that lead to them. */
function commandsIn(command: Command, words: readonly string[]): (readonly [readonly string[], Command])[] {
  const inside = command.commands.flatMap(part => commandsIn(part, [...words, part.name()]))
  return [[words, command], ...inside]
}

for (const shell of SHELLS)
  describe(`The completion of ${shell}`, () => {
    const cleanup = new Cleanup(after)
    let folder: string
    let script: string

    before(async () => {
      folder = await cleanup.folder()
      const { code, stdout, stderr } = await tool(folder, 'completion', shell)
      assert.equal(code, 0, stderr)
      script = stdout
      await writeFile(join(folder, 'script'), script)
      await mkdir(join(folder, 'data'))
      await writeFile(join(folder, 'daybook.tally'), '')
    })

    async function offered(...typed: readonly string[]): Promise<string[]> {
      const args = [...NO_STARTUP[shell], '-c', ASK[shell], ...(shell === 'fish' ? [] : ['-']), './script']
      const { stdout, stderr } = await promisify(execFile)(shell, [...args, ...typed], { cwd: folder })
      assert.equal(stderr, '')
      return stdout.split('\n').filter(line => line !== '')
    }

    it('is valid for it', function () {
      if (!isThere(shell)) this.skip()
      const { status, stderr } = spawnSync(shell, ['-n', join(folder, 'script')], { encoding: 'utf8' })
      assert.equal(status, 0, stderr)
    })

    it('names each command and each option of each of them', () => {
      for (const [words, command] of commandsIn(withVersion(toolCommand()), ['tallystick'])) {
        for (const part of command.commands) assert.ok(script.includes(part.name()), part.name())
        for (const { long } of command.options)
          assert.match(
            script,
            new RegExp(shell === 'fish' ? `${words.join(' ')}' .*-l ${long?.slice(2)} ` : `${long}`)
          )
      }
    })

    it('offers what can follow each command, and nothing else', async function () {
      this.timeout(60_000)
      if (!isThere(shell)) this.skip()
      for (const [words, command] of commandsIn(withVersion(toolCommand()), ['tallystick'])) {
        const flags = (await offered(...words, '--')).filter(flag => flag.startsWith('--'))
        const long = command.options
          .flatMap(option => [option.short, option.long])
          .filter(flag => flag?.startsWith('--'))
        assert.deepEqual(flags.sort(), [...long, '--help'].sort(), words.join(' '))
        if (command.commands.length === 0) continue
        const parts = (await offered(...words, '')).filter(part => part !== 'help')
        assert.deepEqual(parts.sort(), command.commands.map(part => part.name()).sort())
      }
    })

    it('offers values where they are known, and files and folders where they are wanted', async function () {
      if (!isThere(shell)) this.skip()
      assert.deepEqual((await offered('tallystick', 'init', '--ordering', '')).sort(), [
        'none',
        'sequencer',
        'work'
      ])
      assert.deepEqual((await offered('tallystick', 'completion', '')).sort(), ['bash', 'fish', 'zsh'])
      const found = (await offered('tallystick', 'verify', 'da')).map(name => name.replace(/\/$/, ''))
      assert.deepEqual(found.sort(), ['data', 'daybook.tally'])
      const nothing = await offered('tallystick', 'init', '--name', 'da')
      assert.deepEqual(nothing, [])
      if (shell === 'zsh') return
      const folders = (await offered('tallystick', 'export', '--from', 'da')).map(name =>
        name.replace(/\/$/, '')
      )
      assert.deepEqual(folders, ['data'])
    })
  })

describe('The completion of bash, as it is typed', () => {
  const cleanup = new Cleanup(after)

  it('goes on with --option=value, and takes no value for a command', async () => {
    const folder = await cleanup.folder()
    const { stdout } = await tool(folder, 'completion', 'bash')
    const ask = (...typed: readonly string[]): string =>
      spawnSync('bash', ['-c', `${stdout}\n${ASK.bash}`, '-', '/dev/null', ...typed], { encoding: 'utf8' })
        .stdout
    assert.equal(ask('tallystick', 'init', '--ordering', '=', 'w'), 'work\n')
    assert.equal(ask('tallystick', 'init', '--ordering', '='), 'sequencer\nwork\nnone\n')
    assert.match(ask('tallystick', 'submit', 'network', '--'), /^--wait$/m)
  })
})
