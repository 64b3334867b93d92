import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import type { Command } from 'commander'
import { UsageError } from '#src/cli/failure.js'
import { peerCommand } from '#src/cli/peer/peer-command.js'
import { expectOptionsOf } from '#src/cli/peer/role-options.js'
import { toolCommand } from '#tools/tool-command.js'
import { Cleanup } from '../helpers/cleanup.js'
import { repositoryFile } from '../helpers/core.js'
import { program, type ToolResult, tool } from '../helpers/program.js'

/** A command and all that are in it, by the words that lead to them. */
function* commandsIn(command: Command, words = command.name()): Iterable<readonly [string, Command]> {
  yield [words, command]
  for (const part of command.commands) yield* commandsIn(part, `${words} ${part.name()}`)
}

function helpOf(command: Command): string {
  let help = ''
  command.configureOutput({
    writeOut: text => {
      help += text
    }
  })
  command.outputHelp()
  return help
}

/** The command lines below `Examples:`, as a shell would divide the last part of each. */
function examplesIn(help: string): string[][] {
  const [, examples = ''] = help.split('\nExamples:\n')
  return examples
    .split('\n')
    .filter(line => /^ {2}\S/.test(line))
    .map(line => line.split(/ (?:&&|\|) /).at(-1) ?? '')
    .map(line => [...line.replace(/ > .*/, '').matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)])
    .map(words => words.map(([, one, two, three]) => one ?? two ?? three ?? ''))
}

/** Parses it, and does nothing. An account is given as a real one. */
async function parse(command: Command, words: readonly string[]): Promise<string[]> {
  const parsed: string[] = []
  for (const [name, part] of commandsIn(command)) {
    part.exitOverride().configureOutput({ writeErr: text => assert.fail(text) })
    if (part.commands.length === 0)
      part.action(() => {
        parsed.push(name)
      })
  }
  const account = '12D3KooWQaGpobsHYPtfSJhZSijnsBCHNWLDS9jEGPRM34HaAT91'
  await command.parseAsync(
    words.map(word => (word === '12D3KooW…' ? account : word)),
    { from: 'user' }
  )
  return parsed
}

describe('The help', () => {
  for (const [words, command] of commandsIn(toolCommand()))
    it(`of "${words}" has examples, each of which can be typed`, async () => {
      const examples = examplesIn(helpOf(command))
      assert.ok(examples.length > 0)
      for (const [program, ...rest] of examples) {
        assert.equal(program, 'tallystick')
        const [parsed = ''] = await parse(toolCommand(), rest)
        assert.ok(parsed.startsWith(words), `${rest.join(' ')} is of ${parsed}`)
      }
    })

  it('of a peer has examples, too', async () => {
    const examples = examplesIn(helpOf(peerCommand()))
    assert.ok(examples.length > 3)
    for (const [node, program, ...rest] of examples) {
      assert.deepEqual([node, program], ['node', 'dist/peer.js'])
      assert.deepEqual(await parse(peerCommand(), rest), ['peer'])
    }
  })

  it('has each command and each option of a peer in a group of its own kind', () => {
    for (const command of toolCommand().commands)
      assert.match(command.helpGroup(), /^[A-Z].*:$/, command.name())
    for (const { helpGroupHeading, long } of peerCommand().options)
      assert.match(helpGroupHeading ?? '', long === '--role' ? /^Options:$/ : /^Of .*:$/, long ?? '')
  })

  it('names each command of the tool in the docs, and each option of a peer', () => {
    const docs = ['COMMANDS', 'LOCALNET'].map(page => repositoryFile(`docs/${page}.md`)).join('\n')
    for (const [words] of commandsIn(toolCommand())) {
      const [, ...rest] = words.split(' ')
      if (rest.length > 0) assert.match(docs, new RegExp(`\\| \`${rest.join(' ')}[ \`]`), words)
    }
    for (const { long } of peerCommand().options) assert.ok(docs.includes(`\`${long}`), long ?? '')
  })
})

describe('A command line', () => {
  const cleanup = new Cleanup(afterEach)
  const { version } = JSON.parse(repositoryFile('package.json'))

  for (const file of ['peer', 'tallystick'] as const) {
    it(`${file} --version prints the version of the package, and nothing else`, async () => {
      for (const flag of ['--version', '-V']) {
        const { code, stdout, stderr } = await program(file, await cleanup.folder(), flag)
        assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: `${version}\n`, stderr: '' })
      }
    })

    it(`${file} alone shows the help as wrong usage does`, async () => {
      const { code, stdout, stderr } = await program(file, await cleanup.folder())
      assert.deepEqual({ code, stdout }, { code: 2, stdout: '' })
      assert.match(stderr, new RegExp(`^Usage: ${file} `))
      assert.match(stderr, /\nExamples:\n/)
    })

    it(`${file} --help fits 80 columns, on standard output`, async () => {
      const { code, stdout, stderr } = await program(file, await cleanup.folder(), '--help')
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
      for (const line of stdout.split('\n')) assert.ok(line.length <= 80 || line.startsWith('  node '), line)
    })
  }

  it('that is wrong usage says where the help is', async () => {
    const folder = await cleanup.folder()
    const says = ({ code, stderr }: ToolResult, text: RegExp): void => {
      assert.equal(code, 2)
      assert.match(stderr, text)
    }
    says(
      await tool(folder, 'submit'),
      /missing required argument 'message'\ntallystick submit --help tells more\n$/
    )
    says(await tool(folder, 'network', 'kill'), /\ntallystick network kill --help tells more\n$/)
    says(await tool(folder, 'sumbit'), /Did you mean submit\?/)
    says(await tool(folder, 'network'), /^Usage: tallystick network /)
  })
})

/** Parses it, and does nothing but look at whose the options are. */
async function refusalOf(args: readonly string[]): Promise<void> {
  const command = peerCommand().exitOverride()
  command.action(({ role }, self) => expectOptionsOf(role, self))
  await command.parseAsync([...args], { from: 'user' })
}

describe('An option of another role', () => {
  const cleanup = new Cleanup(afterEach)
  /** Whose each option is, once more and by hand; those of all roles are left out. */
  const OF_ROLES: Readonly<Record<string, string>> = {
    '--data data': 'sequencer client follower miner',
    '--marks marks': 'sequencer client',
    '--key-grace 5': 'sequencer',
    '--sign-positions-again-and-risk-conviction': 'sequencer',
    '--rate 2': 'client',
    '--duration 2': 'client',
    '--stdin': 'client',
    '--verify full': 'client follower',
    '--mine 2': 'miner',
    '--threads 1': 'miner',
    '--owner 12D3KooWQaGpobsHYPtfSJhZSijnsBCHNWLDS9jEGPRM34HaAT91': 'follower miner',
    '--room garden': 'chat'
  }
  const OF_ALL = ['--role', '--network', '--key', '--listen', '--connect', '--no-connect']
  const CLOSED = ['--members-only', '--allow', '--swarm-key', '--json']

  it('is every option but those of all roles', () => {
    const known = [...Object.keys(OF_ROLES).map(text => text.split(' ')[0]), ...OF_ALL, ...CLOSED]
    assert.deepEqual(
      known.sort(),
      peerCommand()
        .options.map(({ long }) => long)
        .sort()
    )
  })

  for (const [given, of] of Object.entries(OF_ROLES))
    it(`${given} is wrong usage for all but ${of}, and the sentence says so`, async () => {
      const [option = '', ...value] = given.split(' ')
      for (const role of ['sequencer', 'client', 'follower', 'miner', 'chat']) {
        const refused = refusalOf(['--role', role, option, ...value])
        if (of.split(' ').includes(role)) await assert.doesNotReject(refused)
        else
          await assert.rejects(refused, error => {
            assert.ok(error instanceof UsageError)
            assert.ok(error.message.startsWith(`${option} is for the role`), error.message)
            for (const named of of.split(' ')) assert.ok(error.message.includes(named), error.message)
            assert.ok(error.message.includes(`not for a ${role}`))
            return true
          })
      }
    })

  it('ends the program with exit code 2 before it makes anything', async () => {
    const folder = await cleanup.folder()
    const { code, stdout, stderr } = await program(
      'peer',
      folder,
      '--role',
      'sequencer',
      '--rate',
      '5',
      '--json'
    )
    assert.equal(code, 2)
    assert.match(stderr, /^error: --rate is for the role client, and not for a sequencer; /)
    assert.match(JSON.parse(stdout).error, /^--rate is for the role client/)
    assert.deepEqual(await readdir(folder), [])
  })
})
