import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { ChainHandler } from '#src/api/chain-handler.js'
import { type Handler, replyWith } from '#src/api/handler.js'
import type { EvidenceKind } from '#src/core/evidence-shape.js'
import { VerifierCache } from '#src/core/keys.js'
import { rootOf } from '#src/core/merkle.js'
import { Host } from '#src/network/host.js'
import { SequencerQueries } from '#src/query/sequencer-queries.js'
import { readEvidence } from '#src/validation/evidence-check.js'
import type { Made } from '../helpers/authors.js'
import { ChainMaker } from '../helpers/blocks.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { seedOf } from '../helpers/core.js'
import { FalseSequencer } from '../helpers/false-sequencer.js'
import { identity, makeNetwork, type TestNetwork } from '../helpers/networks.js'
import { ledgerOf, Payer } from '../helpers/payers.js'
import { RunningClient, RunningFollower, RunningSequencer } from '../helpers/peers.js'
import { chainResponder, servedBy, servedChain } from '../helpers/served.js'

/**
 * The liar is the real sequencer: its key used on two folders at once, or on an old copy of its folder, as a
 * dishonest operator would.
 */
describe('evidence of a lying sequencer', () => {
  const cleanup = new Cleanup(afterEach)

  /** Which half of the lie comes by first is chance. */
  async function convicted(follower: RunningFollower, kinds: readonly EvidenceKind[]): Promise<void> {
    await follower.events.times('evidence', 1)
    const [{ kind }] = [present(follower.events.of('evidence')[0])]
    assert.ok(kinds.includes(kind), kind)
  }

  /** Asks for it as a stranger would, and checks it with nothing but the network document. */
  async function expectServed(net: TestNetwork, follower: RunningFollower): Promise<void> {
    const host = await Host.create({ key: await identity('stranger'), listen: [], topics: [] })
    await host.start()
    cleanup.add(() => host.stop())
    const peer = await host.connect(follower.address, deadline())
    const shown = await new SequencerQueries(host, peer, net.network).shownEvidence()
    assert.ok(shown.length > 0)
    for (const bytes of shown) await readEvidence(bytes, net.network, new VerifierCache())
  }

  async function blocksFrom(net: TestNetwork, address: string, count: number, who: string): Promise<void> {
    const client = await RunningClient.connected(cleanup, net, address, who)
    await client.send(count, who)
    await client.receipted(count)
    await client.stop()
  }

  it('two blocks at one height: whoever sees both keeps it, spreads it, serves it, and follows no more', async () => {
    const net = await makeNetwork({ blockSize: 3 })
    const one = await RunningSequencer.start(cleanup, net)
    const other = await RunningSequencer.start(cleanup, net)
    await blocksFrom(net, one.address, 3, 'alice')
    await blocksFrom(net, other.address, 3, 'bob')
    const first = await RunningFollower.start(cleanup, net, [one.address], 'first')
    await first.has(1)
    const second = await RunningFollower.start(cleanup, net, [other.address], 'second')
    await second.has(1)
    // It hears of both: from its sequencer, and from the first follower.
    const third = await RunningFollower.start(cleanup, net, [second.address, first.address], 'third')
    await third.has(1)
    await blocksFrom(net, one.address, 3, 'carol')
    await blocksFrom(net, other.address, 3, 'dave')
    await third.events.times('evidence', 1)
    await Promise.all([first, second].map(follower => follower.events.times('evidence', 1)))
    for (const follower of [first, second, third]) {
      const { detail } = present(follower.events.of('evidence')[0])
      assert.match(detail, /it signed/)
    }
    await expectServed(net, third)
    const away = await RunningFollower.start(cleanup, net, [third.address], 'away')
    await away.events.times('evidence', 1)
    const { blocks } = third
    await third.restart()
    await third.events.times('evidence', 2)
    await blocksFrom(net, one.address, 3, 'erin')
    assert.equal(third.blocks.length, blocks.length, 'it follows nobody')
  })

  it('an old copy of the log, extended anew: the follower holds the block that was to be forgotten', async () => {
    const net = await makeNetwork({ blockSize: 3 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    await blocksFrom(net, sequencer.address, 3, 'alice')
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address])
    await follower.has(1)
    await sequencer.stop()
    const copy = join(await cleanup.folder(), 'copy')
    await cp(sequencer.folder, copy, { recursive: true })
    await sequencer.start()
    await blocksFrom(net, sequencer.address, 3, 'bob')
    await follower.has(2)
    await sequencer.stop()
    // It may have had block 2 before it was told of messages.
    const connected = follower.events.count('connected')
    const wishes = { listen: sequencer.address, signsAgain: true }
    const rolledBack = await RunningSequencer.start(cleanup, net, wishes, copy)
    await follower.events.times('connected', connected + 1)
    await blocksFrom(net, rolledBack.address, 3, 'carol')
    await convicted(follower, ['fork', 'receipt'])
    await expectServed(net, follower)
  })

  it('a receipted message that is left out: the block contradicts the receipt that passed by', async () => {
    const net = await makeNetwork({ blockSize: 3 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address])
    await follower.events.times('connected', 1)
    await blocksFrom(net, follower.address, 2, 'alice')
    await sequencer.stop()
    // It gives her positions away before the follower, whose gossip still has her messages, can tell it of them.
    const forgetful = await RunningSequencer.start(cleanup, net)
    await blocksFrom(net, forgetful.address, 2, 'bob')
    await forgetful.stop()
    await RunningSequencer.start(cleanup, net, { listen: sequencer.address }, forgetful.folder)
    await blocksFrom(net, sequencer.address, 1, 'carol')
    await convicted(follower, ['receipt'])
    await expectServed(net, follower)
  })

  it('an honest sequencer that is restarted again and again raises none', async () => {
    const net = await makeNetwork({ blockSize: 3 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const followers = [
      await RunningFollower.start(cleanup, net, [sequencer.address], 'one'),
      await RunningFollower.start(cleanup, net, [sequencer.address], 'two')
    ]
    for (const follower of followers) await follower.events.times('connected', 1)
    for (let round = 1; round <= 4; round += 1) {
      await blocksFrom(net, present(followers[round % 2]).address, 4, `client ${round}`)
      await sequencer.restart()
      for (const follower of followers) await follower.events.times('connected', round + 1)
    }
    for (const follower of followers) {
      await follower.has(5)
      assert.equal(follower.events.count('evidence'), 0)
    }
  })

  it('one chain for whoever follows, and another head for whoever asks: a client that does both sees both', async () => {
    const net = await makeNetwork({ blockSize: 1, ledger: await ledgerOf({ alice: 100n }) })
    const [alice, bob] = [await Payer.create(net, 'alice'), await Payer.create(net, 'bob')]
    const maker = new ChainMaker(net)
    const other = maker.fork(0)
    maker.add([alice.pay(bob, 50n)])
    other.add([(await Payer.create(net, 'alice')).pay(bob, 51n)])
    const heads = chainResponder(other)
    const asked: Handler = {
      reply: query =>
        query.kind === 'consistency'
          ? replyWith({ ...query, path: [] })
          : query.kind === 'headerOfHead'
            ? heads.reply(query)
            : undefined
    }
    const liar = await FalseSequencer.start(cleanup, net, asked, chainResponder(maker))
    const client = await RunningClient.start(cleanup, net, liar.address, 'carol', { verify: 'full' })
    assert.match(await client.failure(), /the sequencer has lied: .*block/)
    assert.deepEqual(
      client.events.of('evidence').map(({ kind }) => kind),
      ['fork']
    )
  })

  for (const [what, forge] of [
    [
      'says another state',
      (maker: ChainMaker, made: Made) => maker.forge([made], { header: () => ({ state: seedOf('lie') }) })
    ],
    [
      'holds a transfer that is not covered',
      (maker: ChainMaker, _: Made, wrong: Made) => {
        const leaves = [wrong.leaf]
        const { frontier, signed } = maker.cursor
        const header = () => ({
          count: 1,
          root: rootOf(leaves),
          size: signed.header.size + 1,
          log: frontier.appendAll(leaves).root()
        })
        return maker.forge([], { header, envelopes: [wrong.envelope] })
      }
    ]
  ] as const)
    it(`a block of a ledger that ${what}: neither a follower nor a client of the ledger takes it, and what proves it is kept and served`, async () => {
      const net = await makeNetwork({ blockSize: 1, ledger: await ledgerOf({ alice: 100n }) })
      const [alice, bob] = [await Payer.create(net, 'alice'), await Payer.create(net, 'bob')]
      const maker = new ChainMaker(net)
      maker.add([alice.pay(bob, 50n)])
      const forged = forge(maker, alice.pay(bob, 1n), bob.pay(alice, 551n))
      maker.blocks.push(forged)
      const shown = { ...servedChain(maker), head: () => forged.signed }
      const liar = await servedBy(cleanup, net, new ChainHandler(shown, () => 0))
      const follower = await RunningFollower.start(cleanup, net, [liar])
      await convicted(follower, ['state'])
      assert.equal(follower.blocks.length, 1)
      await expectServed(net, follower)
      const client = await RunningClient.start(cleanup, net, [liar], 'carol', { verify: 'full' })
      assert.match(await client.failure(), /the sequencer has lied/)
      assert.equal((await client.checkCopy()).height, 1)
    })
})
