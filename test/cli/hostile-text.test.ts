import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { writeExport } from '#src/cli/files/export-file.js'
import { encodeBlock } from '#src/core/block.js'
import { ChainMaker } from '../helpers/blocks.js'
import { ChatProcess } from '../helpers/chat-process.js'
import { Cleanup } from '../helpers/cleanup.js'
import { repositoryFile } from '../helpers/core.js'
import { HOSTILE, HostilePeer } from '../helpers/hostile-peer.js'
import { identity, makeNetwork, makeWorkNetwork, nameOf } from '../helpers/networks.js'
import { type ToolResult, tool, written } from '../helpers/program.js'
import { makeUnorderedNetwork, RunningUnordered } from '../helpers/unordered.js'

/** Whatever does something to a terminal, or is not seen; a line's end is all that may be there of it. */
const UNSEEN =
  /(?!\n)[\p{Control}\p{Format}\p{Line_Separator}\p{Paragraph_Separator}\p{Default_Ignorable_Code_Point}]/u

function assertHarmless(what: string, text: string): void {
  const found = UNSEEN.exec(text)
  assert.equal(
    found,
    null,
    `${what}: U+${found?.[0].codePointAt(0)?.toString(16)} in ${JSON.stringify(text)}`
  )
  assert.doesNotMatch(text, /^(SUCCESS|VALID): forged/m, what)
}

/** The string fields of the protocol, as `Message.field`. */
function stringFields(proto: string): string[] {
  return [...proto.matchAll(/^message (\w+) \{\n(.*?)^\}/gms)].flatMap(([, message, body = '']) =>
    [...body.matchAll(/^\s+(?:repeated |optional )?string (\w+) = /gm)].map(
      ([, field]) => `${message}.${field}`
    )
  )
}

describe('Texts of strangers: a peer that says control sequences in every string', () => {
  const cleanup = new Cleanup(after)
  const said = new Set<string>()
  let folder: string
  let ordered: HostilePeer
  let equal: HostilePeer
  let unordered: HostilePeer

  before(async () => {
    folder = await cleanup.folder()
    const key = await identity('hostile')
    const net = await makeNetwork({ name: HOSTILE })
    const work = await makeWorkNetwork({ name: HOSTILE })
    const set = await makeUnorderedNetwork({ alice: 10n }, { name: HOSTILE })
    for (const [file, { network }] of Object.entries({ net, work, set }))
      await writeFile(join(folder, `${file}.json`), JSON.stringify(network.document))
    await writeFile(join(folder, 'key'), privateKeyToProtobuf(await identity('alice')), { mode: 0o600 })
    async function* blocks(): AsyncIterable<Uint8Array> {
      yield encodeBlock(new ChainMaker(work).add([]))
    }
    await writeExport({ path: join(folder, 'log'), ifThere: 'refuse' }, work.network, blocks())
    ordered = await HostilePeer.start(cleanup, net.network.id, key, said, net)
    equal = await HostilePeer.start(cleanup, work.network.id, key, said)
    unordered = await HostilePeer.start(cleanup, set.network.id, key, said)
  })

  /** Runs it for people and as JSON at once. */
  async function runs(args: readonly string[], code = 1): Promise<readonly ToolResult[]> {
    const results = await Promise.all([tool(folder, ...args), tool(folder, ...args, '--json')])
    for (const [index, { code: ended, stdout, stderr }] of results.entries()) {
      const what = `${args.join(' ')}${index === 1 ? ' --json' : ''}`
      assertHarmless(`${what}, stdout`, stdout)
      assertHarmless(`${what}, stderr`, stderr)
      assert.equal(ended, code, `${what}: ${stderr}`)
      if (index === 1) for (const line of stdout.split('\n').slice(0, -1)) JSON.parse(line)
    }
    return results
  }

  /** The asking part of a command line. */
  function of(peer: HostilePeer, network: string): string[] {
    return ['--connect', peer.address, '--network', `${network}.json`]
  }

  const ID = 'ab'.repeat(32)
  const ASKING = [
    ...[['count'], ['head'], ['block', '1'], ['block', ID], ['previous', ID], ['proof', '0'], ['checkpoint']],
    ...[['read'], ['read', '0'], ['read', '--follow'], ['read', ID]],
    ...[['chain'], ['account', '--key', 'key'], ['accounts'], ['account', '--history', '--key', 'key']],
    ...[['export', 'out'], ['export', 'out', '--evidence'], ['export', 'out', '--proof', '0'], ['node']]
  ]

  it('that refuses: no asking command writes one of its characters', async () => {
    ordered.manner = 'refuses'
    for (const args of ASKING) {
      const { code, stdout, stderr } = await tool(folder, ...args, ...of(ordered, 'net'))
      assertHarmless(args.join(' '), stdout + stderr)
      assert.equal(code, 1, args.join(' '))
      // Without a ledger nobody is asked for accounts.
      const asksNobody = args[0]?.startsWith('account') === true && !args.includes('--history')
      assert.match(stderr, asksNobody ? /keeps no ledger/ : /the peer refuses the query: forged/)
    }
  })

  it('that finds nothing: no asking command writes one of its characters as JSON, and a program reads them all', async () => {
    equal.manner = 'finds nothing'
    for (const args of ASKING) {
      const { stdout, stderr } = await tool(folder, ...args, ...of(equal, 'work'), '--json')
      assertHarmless(`${args.join(' ')}, stdout`, stdout)
      assertHarmless(`${args.join(' ')}, stderr`, stderr)
      const lines: { readonly error?: string }[] = stdout
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line))
      if (args[0] === 'count') assert.ok(lines[0]?.error?.endsWith(`: ${HOSTILE}`), stdout)
    }
  })

  it('no command of an owner, and none that hands something over, writes one of its characters', async () => {
    equal.manner = 'refuses'
    for (const args of [
      ['mine', '--key', 'key'],
      ['shutdown', '--key', 'key'],
      ['hand', 'log']
    ])
      await runs([...args, ...of(equal, 'work')])
    equal.manner = 'tells'
    const [shown, json] = await runs(['hand', 'log', ...of(equal, 'work')])
    assert.match(shown?.stdout ?? '', /^NOT TAKEN: forged/)
    // For a program each character is there as it was said.
    assert.equal(json?.json().reason, HOSTILE)
    for (const json of [[], ['--json'], []]) {
      const { stdout, stderr } = await tool(folder, 'node', ...of(equal, 'work'), ...json)
      assertHarmless('node', stdout + stderr)
    }
  })

  it('what becomes of a message is told with none of its characters, by a sequencer and among equals', async () => {
    ordered.manner = 'finds nothing'
    equal.refusesSubmissions = false
    unordered.refusesSubmissions = false
    const to = nameOf(await identity('bob'))
    const sending = [
      ['submit', 'hello', ...of(ordered, 'net')],
      ['submit', 'hello', ...of(equal, 'work')],
      ['transfer', '--to', to, '--amount', '1', ...of(unordered, 'set')]
    ]
    for (const [index, args] of sending.entries())
      for (const json of [[], ['--json']]) {
        // A key of its own for each: no other folder may go on with one.
        const name = `sender${index}${json.length}`
        const files = ['--key', `${name}.key`, '--data', name]
        const { code, stdout, stderr } = await tool(folder, ...args, ...files, ...json)
        assertHarmless(args.join(' '), stdout + stderr)
        assert.equal(code, 1, stderr)
        assert.match(stdout + stderr, /forged/)
      }
  })

  it('no command of a network with no order writes one of its characters', async () => {
    for (const manner of ['refuses', 'finds nothing', 'tells'] as const) {
      unordered.manner = manner
      for (const args of [['count'], ['account', '--key', 'key', '--json'], ['accounts'], ['read']]) {
        const { code, stdout, stderr } = await tool(folder, ...args, ...of(unordered, 'set'))
        assertHarmless(args.join(' '), stdout + stderr)
        assert.equal(code, 1)
      }
    }
    await runs(['verify', unordered.address, '--network', 'set.json'])
    await runs(['head', ...of(unordered, 'set')], 2)
  })

  it('no role writes one of its characters, whatever greets it', async () => {
    const roles: (readonly [string, HostilePeer, string, string | undefined])[] = [
      ['client', ordered, 'net', 'busy'],
      ['client', ordered, 'net', 'wrong network'],
      ['follower', ordered, 'net', 'busy'],
      ['follower', equal, 'work', undefined],
      ['follower', unordered, 'set', undefined]
    ]
    for (const [index, [role, peer, network, greeting]] of roles.entries()) {
      peer.greeting = greeting
      peer.manner = 'refuses'
      for (const json of [[], ['--json']]) {
        const files = ['--key', `${role}.key`, '--data', `role${index}${json.length}`]
        const listen = ['--listen', '/ip4/127.0.0.1/tcp/0']
        const args = ['--role', role, ...of(peer, network), ...files, ...listen, ...json]
        const text = await written(folder, args, greeting === undefined ? peer.asked() : /forged/)
        assertHarmless(`${role} ${json}`, text)
      }
    }
    ordered.greeting = undefined
  })

  it('a peer that is asked with them writes none of them', async () => {
    const set = await makeUnorderedNetwork({ alice: 10n }, { name: HOSTILE })
    const asked = await RunningUnordered.start(cleanup, set, 'asked')
    await unordered.ask(asked.address)
    assert.deepEqual(asked.events.of('warning'), [])
  })

  it('a chat shows none of them, of a line or of an address, at a terminal and through pipes', async () => {
    for (const json of [[], ['--json']]) {
      const args = ['--network', 'set.json', '--connect', unordered.address, ...json]
      const chat = ChatProcess.start(cleanup, folder, args)
      await chat.started()
      await unordered.chat()
      await chat.says(/forged/)
      chat.signal('SIGTERM')
      await chat.exit()
      assertHarmless(`chat ${json}`, chat.screen + chat.stderr.join('\n'))
    }
  })

  it('every string field of the protocol has been said', () => {
    assert.deepEqual([...said].sort(), stringFields(repositoryFile('src/core/wire/tallystick.proto')).sort())
  })
})
