import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { Command } from 'commander'
import { handCommand } from '#src/cli/commands/hand.js'
import { mineCommand } from '#src/cli/commands/node.js'
import { submitCommand } from '#src/cli/commands/submit.js'
import { UsageError } from '#src/cli/failure.js'
import { toHex } from '#src/core/bytes.js'
import { peerIdToString, signerOf } from '#src/core/keys.js'
import { flipped } from '../helpers/bytes.js'
import { present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity, makeNetwork, makeWorkNetwork, type TestNetwork } from '../helpers/networks.js'
import { Program, type ToolResult, tool } from '../helpers/program.js'
import { RunningEqual } from '../helpers/running-equal.js'

/** One miner that mines when it is told to, another peer that has nothing, and the tool that asks both. */
describe('the tool among equals', () => {
  const cleanup = new Cleanup(after)
  let net: TestNetwork
  let folder: string
  let miner: RunningEqual

  before(async () => {
    net = await makeWorkNetwork()
    folder = await cleanup.folder()
    await writeFile(join(folder, 'network.json'), JSON.stringify(net.network.document))
    const owner = await identity('owner')
    for (const who of ['owner', 'stranger'])
      await writeFile(join(folder, `${who}.key`), privateKeyToProtobuf(await identity(who)), { mode: 0o600 })
    miner = await RunningEqual.start(cleanup, net, {
      owners: [signerOf(owner).peerId],
      mining: { threads: 1, blocks: 0 }
    })
  })

  const ask = (...args: readonly string[]): Promise<ToolResult> =>
    tool(folder, ...args, '--connect', miner.address, '--network', 'network.json')

  async function good(...args: readonly string[]): Promise<ToolResult> {
    const result = await ask(...args)
    assert.equal(result.code, 0, result.stderr)
    return result
  }

  /** Each line of standard output. */
  function lines({ stdout }: ToolResult): { readonly [name: string]: unknown }[] {
    return stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
  }

  it('node: its PeerId, role, addresses and peers', async () => {
    const { peerId, role, pool, peers } = (await good('node', '--json')).json()
    assert.deepEqual(
      [peerId, role, pool, peers?.length],
      [peerIdToString(signerOf(await identity('equal')).peerId), 'miner', 0, 1]
    )
  })

  it('submit: a message is handed in, and waited for until it is so many blocks deep', async () => {
    const submitted = good(
      'submit',
      'hello',
      '--key',
      'alice.key',
      '--data',
      'alice',
      '--wait',
      '2',
      '--json'
    )
    await miner.pools(1)
    const mined = await miner.controls.mine(2, AbortSignal.timeout(20_000))
    assert.ok(mined.ok)
    const events = lines(await submitted)
    assert.deepEqual(
      events.map(({ event }) => event),
      ['started', 'accepted', 'summary', 'included']
    )
    const { height, id, position, depth } = present(events[3])
    assert.deepEqual([height, id, position, depth], [1, toHex(present(mined.blocks[0]).id), 0, 2])
  })

  it('mine: as many blocks as the owner wants, and none for others', async () => {
    const { mined } = (await good('mine', '--count', '2', '--key', 'owner.key', '--json')).json()
    assert.deepEqual(
      mined?.map(({ height }) => height),
      [3, 4]
    )
    const stranger = await ask('mine', '--key', 'stranger.key')
    assert.deepEqual([stranger.code, miner.controls.status().height], [1, 4])
    assert.match(stranger.stderr, /not the owner/)
  })

  it('chain: its blocks one a line, from where and as many as one likes', async () => {
    const all = lines(await good('chain', '--json'))
    assert.deepEqual(
      all.map(({ height }) => height),
      [0, 1, 2, 3, 4]
    )
    const people = await good('chain', '--from', '2', '--limit', '2')
    const ids = all.map(({ id }) => id)
    const rows = [2, 3].map(height => `       ${height}  ${ids[height]}  .*  0 messages, 1 in all\n`)
    assert.match(people.stdout, new RegExp(`^${rows.join('')}$`))
    assert.match(people.stderr, /as this peer has it, with no other compared/)
  })

  it('proof: verified as far as a chain that may move can be', async () => {
    const { valid, height, size } = (await good('proof', '0', '--json')).json()
    assert.deepEqual([valid, height, size], [true, 1, 1])
    await assert.rejects(stat(join(folder, 'data')), 'no head is kept to compare the next one with')
    const none = await ask('checkpoint')
    assert.equal(none.code, 1)
    assert.match(none.stderr, /nobody signs checkpoints/)
  })

  it('verify: the chain of a peer, and of a file that was exported, with its work', async () => {
    const { network, weight, ...verdict } = (
      await tool(folder, 'verify', miner.address, '--network', 'network.json', '--json')
    ).json()
    assert.deepEqual(verdict, { valid: true, height: 4, size: 1 })
    assert.ok(BigInt(present(weight)) > 4n)
    assert.equal(network, toHex(net.network.id))
    await good('export', 'log.tally')
    const file = await tool(folder, 'verify', 'log.tally', '--network', 'network.json')
    assert.equal(file.code, 0, file.stderr)
    assert.match(file.stdout, new RegExp(`^VALID: 4 blocks, 1 messages\n.*\nweight {4}${weight}\n`))
  })

  it('hand: a chain is taken if it is valid and heavier, else it is said why', async () => {
    const other = await RunningEqual.start(cleanup, net, { who: 'other' })
    const handed = (file: string): Promise<ToolResult> =>
      tool(folder, 'hand', file, '--connect', other.address, '--network', 'network.json', '--json')
    const log = await readFile(join(folder, 'log.tally'))
    // In the message of block 1: its header does not name it any more.
    await writeFile(join(folder, 'altered.tally'), flipped(log, log.indexOf('hello')))
    const altered = await handed('altered.tally')
    assert.deepEqual([altered.code, altered.json().taken], [1, false], altered.stderr)
    assert.equal(other.controls.status().height, 0)
    await writeFile(join(folder, 'cut.tally'), log.subarray(0, log.length - 9))
    const cut = await handed('cut.tally')
    assert.equal(cut.code, 1)
    assert.match(cut.stderr, /after block 3, the file ends in the middle of a block/)
    const taken = await handed('log.tally')
    assert.deepEqual([taken.code, taken.json().taken, taken.json().height], [0, true, 4], taken.stderr)
    assert.equal(other.controls.status().height, 4)
  })

  it('hand: out of the folder of a stopped peer, too', async () => {
    const other = await RunningEqual.start(cleanup, net, { who: 'one more' })
    await miner.stop()
    const args = ['hand', miner.folder, '--connect', other.address, '--network', 'network.json']
    const { code, stdout, stderr } = await tool(folder, ...args)
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^SUCCESS: the node says that it has taken it; its head is block 4/)
    const verdict = await tool(folder, 'verify', miner.folder, '--network', 'network.json', '--json')
    assert.deepEqual([verdict.json().valid, verdict.json().pending], [true, 0], verdict.stderr)
  })

  it('shutdown: a peer that makes its owner a key beside its own stops for whoever holds that', async () => {
    const listen = ['--listen', '/ip4/127.0.0.1/tcp/0', '--no-connect']
    const files = ['--network', 'network.json', '--key', 'own.key', '--data', 'own']
    const program = Program.start(cleanup, folder, ['--role', 'follower', ...files, ...listen, '--json'])
    await program.times('started', 1)
    const address = present(program.of('started')[0]?.addresses?.[0])
    assert.equal((await stat(join(folder, 'own.owner.key'))).mode & 0o777, 0o600)
    const args = ['--connect', address, '--network', 'network.json', '--key', 'own.owner.key']
    const owner = await tool(folder, 'shutdown', ...args)
    assert.deepEqual(
      [owner.code, owner.stdout],
      [0, 'SUCCESS: the node says that it is stopping\n'],
      owner.stderr
    )
    assert.equal((await program.exit()).code, 0)
    assert.equal(program.of('stopped').length, 1)
  })

  const wrongUsages: readonly (readonly [string, RegExp, () => Command, readonly string[]])[] = [
    ['a wait where a sequencer gives receipts', /--wait is for/, submitCommand, ['x', '--wait', '1']],
    ["mining without the owner's key", /there is no owner's key/, mineCommand, ['--key', 'nobody.key']],
    ['handing a peer to a peer', /is a peer; name a file/, handCommand, ['/ip4/127.0.0.1/tcp/1']]
  ]
  for (const [what, sentence, command, args] of wrongUsages)
    it(`${what} is wrong usage`, async () => {
      const path = join(folder, 'sequenced.json')
      await writeFile(path, JSON.stringify((await makeNetwork()).network.document))
      const run = command().parseAsync([...args, '--network', path], { from: 'user' })
      await assert.rejects(run, error => error instanceof UsageError && sentence.test(error.message))
    })
})
