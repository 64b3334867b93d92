import assert from 'node:assert/strict'

import { copyFile, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { writeExport } from '#src/cli/files/export-file.js'
import { type Answer, decodeAnswer, encodeAnswer } from '#src/core/answer.js'
import { decodeBlockParts, encodeBlock, readUnverifiedHeader } from '#src/core/block.js'
import { Block as WireBlock } from '#src/core/wire/tallystick.js'
import { Host } from '#src/network/host.js'
import { QUERY_PROTOCOL } from '#src/network/names.js'
import { QUERY_STREAMS } from '#src/query/query-protocol.js'
import { Author, OpenAuthor } from '../helpers/authors.js'
import { ChainMaker } from '../helpers/blocks.js'
import { flipped } from '../helpers/bytes.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { HOSTILE } from '../helpers/hostile-peer.js'
import { identity, makeNetwork, makeWorkNetwork, nameOf, type TestNetwork } from '../helpers/networks.js'
import { Program, SequencerProcess, type ToolResult, tool } from '../helpers/program.js'
import { RawPeer } from '../helpers/raw-peer.js'
import { RunningEqual } from '../helpers/running-equal.js'
import { makeUnorderedNetwork, RunningUnordered } from '../helpers/unordered.js'

/** A line of `read --json`. */
interface Shown {
  readonly event?: string
  readonly position: number | null
  readonly leaf: string
  readonly height: number | null
  readonly author: string
  readonly sequence: number
  readonly time: number
  readonly sealed: string | false
  readonly body: unknown
  readonly problem?: string
}

function shownIn({ stdout }: ToolResult): Shown[] {
  return stdout
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line))
}

const texts = (...words: readonly string[]): object[] => words.map(text => ({ text }))

/** The bodies of `a 0`, `a 1`, … */
const numbered = (about: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${about} ${index}`)

const NETWORK = ['--network', 'network.json'] as const
const KEYS = ['--key', 'sequencer.encryption.key'] as const

/** A real sequencer that cuts blocks of five, with clients that are processes too; then its folder and an exported file. */
describe('tallystick read', () => {
  const cleanup = new Cleanup(after)
  let net: TestNetwork
  let sequencer: SequencerProcess
  let folder: string

  /** A client that says these lines, and waits for its receipts. */
  async function says(who: string, lines: readonly string[]): Promise<void> {
    const files = ['--key', `${who}.key`, '--data', who, '--connect', sequencer.address]
    const args = ['--role', 'client', ...NETWORK, ...files, '--stdin', '--json']
    const client = Program.start(cleanup, folder, args, `${lines.join('\n')}\n`)
    assert.equal((await client.exit()).code, 0)
    assert.equal(client.of('receipt').length, lines.length)
  }

  const read = (...args: readonly string[]): Promise<ToolResult> =>
    tool(folder, 'read', ...args, '--connect', sequencer.address, ...NETWORK)

  async function shown(...args: readonly string[]): Promise<Shown[]> {
    const result = await read(...args, ...KEYS, '--json')
    assert.equal(result.code, 0, result.stderr)
    return shownIn(result)
  }

  before(async () => {
    net = await makeNetwork({ blockSize: 5 })
    sequencer = await SequencerProcess.start(cleanup, net)
    folder = sequencer.folder
    await says('alice', numbered('alice', 7))
    await says('bob', numbered('bob', 5))
  })

  it('prints the messages in blocks in their order, with position, author, time and body, opened with the keys', async () => {
    const all = await shown()
    assert.deepEqual(
      all.map(({ position, height, sequence, body }) => [position, height, sequence, body]),
      texts(...numbered('alice', 7), ...numbered('bob', 3)).map((body, position) => [
        position,
        position < 5 ? 1 : 2,
        position < 7 ? position + 1 : position - 6,
        body
      ])
    )
    assert.ok(all.every(({ sealed, time }) => /^[0-9a-f]{16}$/.test(String(sealed)) && time > 1e12))
    assert.equal(new Set(all.map(({ author }) => author)).size, 2)
    const proof = (await tool(folder, 'proof', '3', '--connect', sequencer.address, ...NETWORK, '--json'))
      .stdout
    assert.equal(JSON.parse(proof).leaf, all[3]?.leaf)
  })

  it('says without the keys what each message is sealed to, and prints no body', async () => {
    const result = await read('..2', '--json')
    for (const { sealed, body, problem } of shownIn(result))
      assert.deepEqual([body, problem], [null, `sealed to key ${sealed}`])
    const people = await read('..2')
    assert.match(people.stdout, /^ +0 {2}\d{4}-\S+Z {2}…\w{8} {2}\(sealed to key [0-9a-f]{16}\)\n/)
    assert.match(people.stderr, /3 of them are sealed .*: --key FILE/)
    assert.match(people.stderr, /VALID: 3 messages shown; the log has 10 messages in 2 blocks/)
  })

  it('takes a position, a range with both ends, a block, and a leaf', async () => {
    const positions = async (ref: string): Promise<(number | null)[]> =>
      (await shown(ref)).map(({ position }) => position)
    assert.deepEqual(await positions('6'), [6])
    assert.deepEqual(await positions('3..6'), [3, 4, 5, 6])
    assert.deepEqual(await positions('8..'), [8, 9])
    assert.deepEqual(await positions('8..900'), [8, 9])
    assert.deepEqual(await positions('..1'), [0, 1])
    assert.deepEqual(await positions('block:2'), [5, 6, 7, 8, 9])
    const [seventh] = await shown('6')
    assert.deepEqual(await shown(present(seventh).leaf), [seventh])
    for (const ref of ['10', 'block:3', '00'.repeat(32)]) {
      const { code, stderr } = await read(ref)
      assert.equal(code, 1, ref)
      assert.match(stderr, /is not there: the log has 2 blocks with 10 messages|no block holds/)
    }
    for (const wrong of ['3..2', 'seven', 'block:x', '-1']) assert.equal((await read(wrong)).code, 2, wrong)
  })

  it('leaves out what others have written where an author is named', async () => {
    const [first] = await shown('0')
    const own = await shown('--author', present(first).author)
    assert.deepEqual(
      own.map(({ body }) => body),
      texts(...numbered('alice', 7))
    )
  })

  it('opens after a key rotation what is sealed to either key, and with one of them alone its own', async () => {
    const rotated = await tool(folder, 'keygen', 'sequencer.encryption.key', '--type', 'X25519', '--rotate')
    assert.equal(rotated.code, 0, rotated.stderr)
    sequencer.program.signal('SIGHUP')
    await sequencer.program.times('key', 1)
    await says('carol', numbered('carol', 3))
    const both = await shown('10..')
    assert.deepEqual(
      both.map(({ body }) => body),
      texts('bob 3', 'bob 4', ...numbered('carol', 3))
    )
    assert.equal(new Set(both.map(({ sealed }) => sealed)).size, 2)
    const pem = await readFile(join(folder, 'sequencer.encryption.key'), 'utf8')
    const newest = pem.slice(0, pem.indexOf('encryption key', 1))
    await writeFile(join(folder, 'newest.key'), newest, { mode: 0o600 })
    const opened = shownIn(await read('10..', '--key', 'newest.key', '--json'))
    assert.deepEqual(
      opened.map(({ body }) => body),
      [null, null, ...texts(...numbered('carol', 3))]
    )
    assert.equal(opened[0]?.problem, `sealed to key ${both[0]?.sealed}`)
  })

  it('goes on beside traffic with --follow, also after the sequencer was killed, and ends with exit code 0', async () => {
    const following = ['read', '--follow', '--connect', sequencer.address, ...NETWORK, ...KEYS, '--json']
    const files = [join(folder, 'followed.json'), join(folder, 'asking.key')] as const
    await copyFile(join(folder, 'network.json'), files[0])
    await writeFile(files[1], privateKeyToProtobuf(await identity('a reader')), { mode: 0o600 })
    const own = ['--network', files[0], '--ask-with', files[1], '--data', 'sighted']
    const sighted = Program.startTool(cleanup, folder, [...following, ...own])
    const blind = Program.startTool(cleanup, folder, [...following.slice(0, -3), '--data', 'blind', '--json'])
    const ranged = Program.startTool(cleanup, folder, [...following, '13..21', '--data', 'ranged'])
    // Who follows from now on is there before the next message is.
    await ranged.until('it has begun', () => ranged.events.length === 2)
    for (const program of [sighted, blind])
      await program.says(/^shows new messages, from position 15 on; Ctrl-C ends it$/)
    // What has been read is not read again: a demo takes its files with it, and a key may have a passphrase.
    for (const file of files) await rm(file)
    await says('dora', numbered('dora', 5))
    const bodies = (program: Program): unknown[] => program.events.map(({ body }) => body)
    await sighted.until('the first block', () => sighted.events.length === 5)
    await sequencer.program.kill('SIGKILL')
    await sighted.says(/it is asked again until it answers/)
    await sequencer.start()
    await says('emil', numbered('emil', 5))
    const all = texts(...numbered('dora', 5), ...numbered('emil', 5))
    for (const program of [sighted, blind])
      await program.until('both blocks', () => program.events.length === 10)
    assert.deepEqual(bodies(sighted), all)
    assert.deepEqual(
      sighted.events.map(({ position }) => position),
      Array.from({ length: 10 }, (_, index) => 15 + index)
    )
    assert.ok(bodies(blind).every(body => body === null))
    assert.deepEqual(await ranged.exit(), { code: 0, signal: null })
    assert.deepEqual(bodies(ranged), texts('carol 1', 'carol 2', ...numbered('dora', 5), 'emil 0', 'emil 1'))
    sighted.signal('SIGINT')
    blind.signal('SIGTERM')
    for (const program of [sighted, blind]) assert.deepEqual(await program.exit(), { code: 0, signal: null })
  })

  it('refuses what a peer shows that does not hold, and prints nothing of it', async () => {
    const truth = await RawPeer.connect(cleanup, net, sequencer.address, 'mallory')
    const address = await lyingPeer(cleanup, truth)
    const asked = ['--connect', address, ...NETWORK, ...KEYS, '--json']
    for (const ref of [[], ['6..']]) {
      const { code, stdout, stderr } = await tool(folder, 'read', ...ref, ...asked)
      assert.equal(code, 1)
      assert.match(stderr, /the messages are not those that the header names/)
      const lines = stdout.split('\n').slice(0, -1)
      // The first block is served as it is.
      assert.equal(lines.filter(line => 'position' in JSON.parse(line)).length, ref.length === 0 ? 5 : 0)
    }
  })

  it('prints the same of an exported file and of a stopped sequencer’s folder, there also what is in no block yet', async () => {
    const all = await shown()
    await says('fritz', numbered('fritz', 2))
    const exported = await tool(folder, 'export', 'log.tally', '--connect', sequencer.address, ...NETWORK)
    assert.equal(exported.code, 0, exported.stderr)
    await sequencer.program.kill('SIGTERM')
    const from = (...args: readonly string[]): Promise<ToolResult> =>
      tool(folder, 'read', ...args, ...NETWORK, ...KEYS, '--json')
    assert.deepEqual(shownIn(await from('--from', 'log.tally')), all)
    const stored = shownIn(await from('--from', 'sequencer'))
    assert.deepEqual(stored.slice(0, -2), all)
    assert.deepEqual(
      stored.slice(-2).map(({ position, height, body }) => [position, height, body]),
      texts('fritz 0', 'fritz 1').map((body, index) => [all.length + index, null, body])
    )
    assert.deepEqual(shownIn(await from('block:2', '--from', 'log.tally')), all.slice(5, 10))
    assert.deepEqual(shownIn(await from(present(all[7]).leaf, '--from', 'sequencer')), [all[7]])
    assert.equal((await from('99', '--from', 'sequencer')).code, 1)
    assert.equal((await from('--follow', '--from', 'sequencer')).code, 2)
    await writeFile(join(folder, 'bad.tally'), flipped(await readFile(join(folder, 'log.tally')), 5000))
    const bad = await from('--from', 'bad.tally')
    assert.equal(bad.code, 1)
    assert.match(bad.stderr, /the log ends here: block \d+/)
  })
})

describe('tallystick read, of what is in the messages', () => {
  const cleanup = new Cleanup(after)

  it('shows hostile text on one line, harmless, and gives a program each character; a body that does not open is said as such', async () => {
    const net = await makeNetwork({ blockSize: 4 })
    const folder = await cleanup.folder()
    const alice = await Author.create(net, 'alice')
    const [stolen] = (await Author.create(net, 'bob')).says(1)
    const { body } = present(stolen).message
    const maker = new ChainMaker(net)
    const said = [
      alice.say({ text: HOSTILE }),
      alice.signed(alice.claim(), body),
      alice.sealed(Buffer.from('{"text": "two  spaces"}')),
      alice.say({ text: 'last' }, { time: Number.MAX_SAFE_INTEGER })
    ]
    const block = maker.add(said)
    await writeExport(
      { path: join(folder, 'log'), ifThere: 'refuse' },
      net.network,
      (async function* () {
        yield encodeBlock(block)
      })()
    )
    await writeFile(join(folder, 'key'), pemOf(net.openingKey.secretKey), { mode: 0o600 })
    const json = await tool(folder, 'read', '--from', 'log', '--key', 'key', '--json')
    const shown = shownIn(json)
    assert.deepEqual(
      shown.map(({ body }) => body),
      [{ text: HOSTILE }, null, null, { text: 'last' }]
    )
    assert.match(present(shown[1]?.problem), /^sealed to key [0-9a-f]{16}, with which it does not open$/)
    assert.match(present(shown[2]?.problem), /^its body says nothing here: /)
    const { stdout, stderr } = await tool(folder, 'read', '--from', 'log', '--key', 'key')
    assert.equal(stdout.split('\n').length, 5)
    assert.doesNotMatch(stdout + stderr, UNSEEN)
    assert.match(
      stdout,
      /with which it does not open\)\n.*says nothing here.*\n.* 9007199254740991 .*"last"/s
    )
  })

  it('says where messages have changed because a chain moved to a heavier branch', async () => {
    const net = await makeWorkNetwork({ blockSize: 2 })
    const folder = await cleanup.folder()
    await writeFile(join(folder, 'network.json'), JSON.stringify(net.network.document))
    const node = await RunningEqual.start(cleanup, net)
    const alice = await OpenAuthor.create(net, 'alice')
    const said = alice.says(7)
    const first = new ChainMaker(net)
    for (const [from, to] of [
      [0, 2],
      [2, 4]
    ] as const)
      first.add(said.slice(from, to))
    const other = first.fork(1)
    for (const [from, to] of [
      [4, 5],
      [2, 4],
      [5, 7]
    ] as const)
      other.add(said.slice(from, to))
    const hand = async (maker: ChainMaker): Promise<void> => {
      async function* blocks(): AsyncIterable<Uint8Array> {
        for (const block of maker.blocks) yield encodeBlock(block)
      }
      await writeExport({ path: join(folder, 'log'), ifThere: 'replace' }, net.network, blocks())
      const { code, stdout, stderr } = await tool(
        folder,
        'hand',
        'log',
        '--connect',
        node.address,
        ...NETWORK
      )
      assert.equal(code, 0, stdout + stderr)
    }
    await hand(first)
    const args = ['read', '0..', '--follow', '--connect', node.address, ...NETWORK, '--json']
    const reader = Program.startTool(cleanup, folder, args)
    await reader.until('the first branch', () => reader.events.length === 4)
    await hand(other)
    await reader.until('the other branch', () => reader.events.length === 10)
    assert.deepEqual(
      reader.events.map(({ event, position, body }) =>
        event === undefined ? [position, body] : [event, position]
      ),
      [
        ...texts('message 0', 'message 1', 'message 2', 'message 3').map((body, at) => [at, body]),
        ['reorg', 2],
        ...texts('message 4', 'message 2', 'message 3', 'message 5', 'message 6').map((body, at) => [
          2 + at,
          body
        ])
      ]
    )
    reader.signal('SIGTERM')
    assert.equal((await reader.exit()).code, 0)
    const block = await tool(folder, 'block', '1', '--connect', node.address, ...NETWORK)
    assert.match(block.stdout, /#1 {2}[0-9a-f]{64} {2}\{"text":"message 0"\}/)
    const json = await tool(folder, 'block', '1', '--connect', node.address, ...NETWORK, '--json')
    const { messages }: { readonly messages: readonly { readonly body: object }[] } = JSON.parse(json.stdout)
    assert.deepEqual(
      messages.map(({ body }) => body),
      texts('message 0', 'message 1')
    )
  })

  it('prints transfers that have no order without positions, and takes no range there', async () => {
    const net = await makeUnorderedNetwork({ alice: 10n })
    const folder = await cleanup.folder()
    await writeFile(join(folder, 'network.json'), JSON.stringify(net.network.document))
    await writeFile(join(folder, 'alice.key'), privateKeyToProtobuf(await identity('alice')), { mode: 0o600 })
    const peer = await RunningUnordered.start(cleanup, net, 'peer')
    const asked = ['--connect', peer.address, ...NETWORK, '--json']
    const to = nameOf(await identity('bob'))
    const paid = await tool(folder, 'transfer', '--to', to, '--amount', '3', '--key', 'alice.key', ...asked)
    assert.equal(paid.code, 0, paid.stderr)
    const read = await tool(folder, 'read', ...asked)
    assert.deepEqual(
      shownIn(read).map(({ position, height, sealed, author, body }) => [
        position,
        height,
        sealed,
        author,
        body
      ]),
      [[null, null, false, nameOf(await identity('alice')), { to, amount: '3', fee: '0' }]]
    )
    assert.equal((await tool(folder, 'read', '0..', ...asked)).code, 2)
    assert.equal((await tool(folder, 'read', '--follow', ...asked)).code, 2)
  })
})

/** Whatever does something to a terminal, or is not seen. */
const UNSEEN =
  /(?!\n)[\p{Control}\p{Format}\p{Line_Separator}\p{Paragraph_Separator}\p{Default_Ignorable_Code_Point}]/u

/** A peer that passes on what a sequencer says, but for the second block, where it leaves out a message. */
async function lyingPeer(cleanup: Cleanup, truth: RawPeer): Promise<string> {
  const host = await Host.create({
    key: await identity('liar'),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    topics: []
  })
  await host.serve(QUERY_PROTOCOL, QUERY_STREAMS, async channel => {
    const frame = present(await channel.receive(deadline()))
    const answers = await truth.rawQuery(frame)
    for (const answer of answers.map(decodeAnswer))
      await channel.send(encodeAnswer(shortened(answer)), deadline())
    await channel.close(deadline())
  })
  await host.start()
  cleanup.add(() => host.stop())
  return present(host.addresses()[0])
}

function shortened(answer: Answer): Answer {
  if (answer.kind !== 'block' || answer.peaks.length > 0) return answer
  const { header, checkpoint, envelopes, document } = decodeBlockParts(answer.block)
  if (header.length === 0 || readUnverifiedHeader({ header, checkpoint }).header.height !== 2) return answer
  return {
    ...answer,
    block: WireBlock.encode({ header, checkpoint, document, envelopes: envelopes.slice(1) })
  }
}

function pemOf(secretKey: Uint8Array): string {
  const der = Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), secretKey])
  return `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`
}
