import assert from 'node:assert/strict'
import type { Handler } from '#src/api/handler.js'
import { keys, ranges } from '#src/chain/store.js'
import { signHeader } from '#src/core/block.js'
import { toHex } from '#src/core/bytes.js'
import { forkEvidence } from '#src/core/evidence.js'
import { sha256 } from '#src/core/hash.js'
import { signReceipt } from '#src/core/receipt.js'
import { Host } from '#src/network/host.js'
import { topicsOf } from '#src/network/names.js'
import { HeaderQueries } from '#src/query/header-queries.js'
import { Author } from '../helpers/authors.js'
import { ChainMaker } from '../helpers/blocks.js'
import { deadline, present } from '../helpers/changes.js'
import { openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { foldedLogEvidence } from '../helpers/false-evidence.js'
import { FalseSequencer } from '../helpers/false-sequencer.js'
import { Gossiper } from '../helpers/gossiper.js'
import { identity, makeNetwork, type TestNetwork } from '../helpers/networks.js'
import { RunningClient, RunningFollower, RunningSequencer } from '../helpers/peers.js'
import { chainResponder } from '../helpers/served.js'

const BLOCK = 4

/** The liar is a stranger: the sequencer is honest, and all that it has signed is true. */
describe('false evidence, made of the public data of an honest sequencer', () => {
  const cleanup = new Cleanup(afterEach)

  async function write(net: TestNetwork, address: string, who: string): Promise<void> {
    const client = await RunningClient.connected(cleanup, net, address, who)
    await client.send(BLOCK, who)
    await client.receipted(BLOCK)
    await client.stop()
  }

  /** Takes the blocks from a peer, as anybody can. */
  async function madeFrom(net: TestNetwork, address: string): Promise<Uint8Array[]> {
    const host = await Host.create({ key: await identity('stranger'), listen: [], topics: [] })
    await host.start()
    cleanup.add(() => host.stop())
    const asker = new HeaderQueries(host, await host.connect(address, deadline()), net.rules)
    const [one, two] = [await asker.claimedBlock(1), await asker.claimedBlock(2)]
    return [
      foldedLogEvidence(undefined, one.block, one.peaks),
      foldedLogEvidence(undefined, one.block, one.peaks, 2),
      foldedLogEvidence(one.block.signed, two.block, two.peaks),
      foldedLogEvidence(one.block.signed, two.block, two.peaks, 2)
    ]
  }

  /** What only the sequencer itself can make. */
  function trueEvidence(net: TestNetwork): Uint8Array {
    const maker = new ChainMaker(net)
    const { header } = signedBlock(maker)
    const [one, other] = [1, 2].map(time => signHeader({ ...header, time }, net.signer))
    return forkEvidence(present(one), present(other))
  }

  function signedBlock(maker: ChainMaker) {
    return maker.forge([]).signed
  }

  /** As a version that believed it has kept it. */
  async function store(folder: string, pieces: readonly Uint8Array[]): Promise<void> {
    const database = await openDatabase(folder)
    for (const piece of pieces) await database.put(keys.evidence(sha256(piece)), piece)
    await database.close()
  }

  async function stored(folder: string): Promise<string[]> {
    const database = await openDatabase(folder)
    const kept = await database.keys(ranges.evidence).all()
    await database.close()
    return kept.map(toHex)
  }

  it('a follower that is sent it, before and after it has the block, goes on; what is true convicts still', async () => {
    const net = await makeNetwork({ blockSize: BLOCK })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address])
    await follower.events.times('connected', 1)
    for (const who of ['alice', 'bob']) await write(net, sequencer.address, who)
    await follower.has(2)
    const pieces = await madeFrom(net, sequencer.address)
    const { evidence } = topicsOf(net.network.id)
    const key = await identity('mallory')
    const mallory = await Gossiper.connect(cleanup, follower.address, key, evidence)
    mallory.publish(...pieces.map(data => ({ data })))
    await write(net, follower.address, 'carol')
    await follower.has(3)
    // It has none of these blocks, so that no piece is about one that it has checked.
    const fresh = await RunningFollower.start(cleanup, net, [], 'fresh')
    const other = await Gossiper.connect(cleanup, fresh.address, await identity('trudy'), evidence)
    other.publish(...pieces.map(data => ({ data })))
    assert.equal(follower.events.count('evidence'), 0)
    // Pieces of one neighbour are looked at in turn: of all of them this one alone convicts.
    for (const gossiper of [mallory, other]) gossiper.publish({ data: trueEvidence(net) })
    for (const peer of [follower, fresh]) {
      await peer.events.times('evidence', 1)
      assert.deepEqual(
        peer.events.of('evidence').map(({ kind }) => kind),
        ['fork']
      )
    }
  })

  it('a light client that is shown it by the peer it asks, and sent it, goes on; what is true convicts still', async () => {
    const net = await makeNetwork({ blockSize: BLOCK })
    const maker = new ChainMaker(net)
    maker.addAll((await Author.create(net, 'alice')).says(2 * BLOCK))
    const [one, two] = maker.blocks.map(block => present(block))
    const { peaks } = maker.fork(1).cursor.frontier
    const pieces = [
      foldedLogEvidence(undefined, present(one), []),
      foldedLogEvidence(present(one).signed, present(two), peaks)
    ]
    let asked = 0
    const evidence: Handler = {
      reply: query => {
        if (query.kind !== 'evidence') return undefined
        asked += 1
        const shown = pieces.map(piece => ({ kind: 'evidence', evidence: piece }) as const)
        return { answers: [...shown, { kind: 'done', next: shown.length }] }
      }
    }
    // Not the sequencer: a relay, as anybody may be one, that has its receipts.
    const relay = await identity('mallory')
    const mallory = await FalseSequencer.startAs(cleanup, net, relay, evidence, chainResponder(maker))
    const client = await RunningClient.connected(cleanup, net, mallory.address, 'victim')
    await client.send(1)
    const receipt = mallory.receiptFor(await mallory.firstMessage())
    const entries = receipt.entries.map(entry => ({ ...entry, position: 2 * BLOCK }))
    for (const piece of pieces) await mallory.accuse(piece)
    await mallory.tell({ receipt: signReceipt({ ...receipt, entries }, net.signer) })
    await client.receipted(1)
    assert.ok(asked > 0)
    assert.deepEqual([client.events.count('evidence'), client.events.failures], [0, []])
    await mallory.accuse(trueEvidence(net))
    assert.match(await client.failure(), /the sequencer has lied: it signed two blocks/)
    assert.deepEqual(
      client.events.of('evidence').map(({ kind }) => kind),
      ['fork']
    )
  })

  it('a follower and a light client that have kept it start, say so, remove it, and go on', async () => {
    const net = await makeNetwork({ blockSize: BLOCK })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address])
    const client = await RunningClient.connected(cleanup, net, sequencer.address, 'client')
    await client.send(2 * BLOCK)
    await client.receipted(2 * BLOCK)
    await follower.has(2)
    const pieces = await madeFrom(net, sequencer.address)
    await Promise.all([follower.stop(), client.stop()])
    for (const { folder } of [follower, client]) await store(folder, pieces)
    await Promise.all([follower.start(), client.start()])
    for (const { events } of [follower, client]) {
      const removed = events.of('warning').filter(({ message }) => /proves nothing .*removed/.test(message))
      assert.equal(removed.length, pieces.length)
      assert.equal(events.count('evidence'), 0)
    }
    await client.client.connected(deadline())
    await client.send(BLOCK, 'more')
    await client.receipted(3 * BLOCK)
    await follower.has(3)
    await Promise.all([follower.stop(), client.stop()])
    for (const { folder } of [follower, client]) assert.deepEqual(await stored(folder), [])
    assert.deepEqual(client.events.failures, [])
  })
})
