import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { type Answer, decodeAnswer, encodeAnswer } from '#src/core/answer.js'
import { toHex } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import { decodeQuery, type Query } from '#src/core/query.js'
import { Host } from '#src/network/host.js'
import { QUERY_PROTOCOL, topicsOf } from '#src/network/names.js'
import { QUERY_STREAMS } from '#src/query/query-protocol.js'
import { Changes, deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import {
  identity,
  makeNetwork,
  makeWorkNetwork,
  type RuledNetwork,
  type TestNetwork
} from '../helpers/networks.js'
import { RunningClient, RunningFollower, RunningSequencer } from '../helpers/peers.js'
import { RawPeer } from '../helpers/raw-peer.js'
import { levelled, RunningEqual, readerOf } from '../helpers/running-equal.js'

/** What a peer makes of the true answers to a query; nothing at all where it says nothing. */
type Withholding = (answers: readonly Answer[], query: Query) => readonly Answer[] | 'silence'

const MANY_NAMES = 24

interface Manner {
  readonly withhold: Withholding
  /** Before each block. */
  readonly pause?: () => Promise<void>
  readonly listen?: string
}

const BLOCK_A_SECOND: Manner = { withhold: answers => answers, pause: () => setTimeout(1_000) }

const NO_BLOCK: Answer = { kind: 'notFound', detail: 'no such block' }

const WITHHOLDINGS: readonly (readonly [string, Withholding])[] = [
  [
    'claims a million blocks and has no more than others',
    answers => answers.map(answer => (answer.kind === 'status' ? { ...answer, height: 1_000_000 } : answer))
  ],
  ['claims blocks and serves none', (answers, query) => (query.kind === 'range' ? [NO_BLOCK] : answers)],
  [
    'withholds one block',
    (answers, query) => {
      if (query.kind !== 'range' || query.from > 17 || query.from + query.limit <= 17) return answers
      if (query.from === 17) return [NO_BLOCK]
      return [...answers.slice(0, 17 - query.from), { kind: 'done', next: 17 }]
    }
  ],
  [
    'says nothing when it is asked for blocks',
    (answers, query) => (query.kind === 'range' ? 'silence' : answers)
  ]
]

/** Somebody who tells the truth. */
type Truth = Pick<RawPeer, 'rawQuery'> & { readonly net: RuledNetwork }

/** A peer among equals that does. */
async function truthOf(cleanup: Cleanup, net: TestNetwork, equal: RunningEqual): Promise<Truth> {
  const { host, peer } = await readerOf(cleanup, net, equal.address)
  // What it has does not change; asked anew by each of many withholders, it would answer that it is busy.
  const known = new Map<string, Promise<readonly Uint8Array[]>>()
  const ask = async (frame: Uint8Array): Promise<readonly Uint8Array[]> => {
    const channel = await host.open(peer, QUERY_PROTOCOL, QUERY_STREAMS, deadline())
    await channel.send(frame, deadline())
    const answers: Uint8Array[] = []
    for (let next = await channel.receive(deadline()); next; next = await channel.receive(deadline()))
      answers.push(next)
    return answers
  }
  const rawQuery: Truth['rawQuery'] = async frame => {
    const name = toHex(frame)
    const told = known.get(name) ?? ask(frame)
    known.set(name, told)
    return [...(await told)]
  }
  return { net, rawQuery }
}

/** Serves the truth, but for what it withholds. */
class Withholder extends Changes {
  #ranges = 0
  /** How many blocks it has given. */
  given = 0

  private constructor(readonly host: Host) {
    super()
  }

  static async start(
    cleanup: Cleanup,
    truth: Truth,
    who: string,
    { withhold, pause, listen = '/ip4/127.0.0.1/tcp/0' }: Manner
  ): Promise<Withholder> {
    const topics = Object.values(topicsOf(truth.net.network.id))
    const host = await Host.create({ key: await identity(who), listen: [listen], topics })
    const withholder = new Withholder(host)
    await host.serve(QUERY_PROTOCOL, QUERY_STREAMS, async channel => {
      const frame = present(await channel.receive(deadline()))
      const { query } = decodeQuery(frame)
      const told = withhold((await truth.rawQuery(frame)).map(decodeAnswer), query)
      if (query.kind === 'range' || query.kind === 'blocksById' || told === 'silence') withholder.#ranges += 1
      withholder.changed()
      if (told === 'silence') {
        // Until who asked ends it.
        await channel.receive(deadline())
        return
      }
      for (const answer of told) {
        if (answer.kind === 'block') {
          await pause?.()
          withholder.given += 1
        }
        await channel.send(encodeAnswer(answer), deadline())
      }
      await channel.close(deadline())
    })
    await host.start()
    cleanup.add(() => host.stop())
    // A connection without gossip is ended.
    for (const topic of topics) host.subscribe(topic, () => 'ignore')
    return withholder
  }

  /** Resolves when it has been asked for blocks, or for what it withholds. */
  async asked(): Promise<void> {
    await this.until('a query for blocks', () => this.#ranges > 0)
  }
}

describe('attacks by withholding blocks', () => {
  const cleanup = new Cleanup(after)

  it('peers that claim a million blocks, serve none, withhold one, or say nothing: the follower gets the blocks from another one', async () => {
    const net = await makeNetwork({ blockSize: 5 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(200)
    const honest = await RunningFollower.start(cleanup, net, [sequencer.address], 'honest follower')
    await honest.has(40)
    await honest.stop()
    const truth = await RawPeer.connect(cleanup, net, sequencer.address)
    const withholders = await Promise.all(
      WITHHOLDINGS.map(([who, withhold]) => Withholder.start(cleanup, truth, who, { withhold }))
    )
    const follower = await RunningFollower.start(cleanup, net, [
      ...withholders.map(({ host }) => present(host.addresses()[0])),
      honest.address
    ])
    // The other source comes up when all those that withhold have been asked.
    await Promise.all(withholders.map(withholder => withholder.asked()))
    await honest.start()
    await client.send(5)
    await client.receipted(205)
    await follower.has(41)
    assert.equal((await follower.check()).height, 41)
    assert.equal((await sequencer.check()).messages.length, 205)
  })

  it('a peer that gives a block a second, each in its time: the follower gets the blocks from another one, which waits for few of them', async () => {
    const net = await makeNetwork({ blockSize: 1 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(100)
    const honest = await RunningFollower.start(cleanup, net, [sequencer.address], 'honest follower')
    await honest.has(100)
    const truth = await RawPeer.connect(cleanup, net, sequencer.address)
    const slow = await Withholder.start(cleanup, truth, 'slow', BLOCK_A_SECOND)
    const follower = await RunningFollower.start(cleanup, net, [present(slow.host.addresses()[0])])
    await slow.asked()
    follower.controls.connect([present(slow.host.addresses()[0]), honest.address])
    await follower.has(100)
    assert.ok(slow.given < LIMITS.syncBlocks, `${slow.given} blocks were waited for`)
  })

  it('a peer among equals that does so: the blocks come from one that joins meanwhile', async () => {
    const net = await makeWorkNetwork()
    const miner = await RunningEqual.start(cleanup, net, { who: 'miner', mining: { threads: 1, blocks: 0 } })
    assert.ok((await miner.controls.mine(100, deadline())).ok)
    const { height } = miner.controls.status()
    const truth = await truthOf(cleanup, net, miner)
    const slow = await Withholder.start(cleanup, truth, 'slow equal', BLOCK_A_SECOND)
    const slowAddress = present(slow.host.addresses()[0])
    const equal = await RunningEqual.start(cleanup, net, { who: 'newcomer', connect: [slowAddress] })
    await slow.asked()
    equal.controls.connect([slowAddress, miner.address])
    await levelled(equal, miner)
    assert.equal(equal.controls.status().height, height)
    assert.ok(slow.given < LIMITS.syncBlocks, `${slow.given} blocks were waited for`)
  })

  for (const [what, withheld] of [
    ['headers', 'headers'],
    ['blocks', 'blocksById']
  ] as const)
    it(`many names on one host that claim the head of a peer on another one, and say nothing of its ${what}: a newcomer waits for few of them`, async () => {
      const net = await makeWorkNetwork()
      const miner = await RunningEqual.start(cleanup, net, {
        who: `miner of ${what}`,
        mining: { threads: 1, blocks: 0 }
      })
      assert.ok((await miner.controls.mine(20, deadline())).ok)
      const truth = await truthOf(cleanup, net, miner)
      const asked = new Set<string>()
      const names = Array.from({ length: MANY_NAMES }, (_, index) => `${what} ${index}`)
      const many = await Promise.all(
        names.map(who =>
          Withholder.start(cleanup, truth, who, {
            listen: '/ip4/127.0.0.2/tcp/0',
            withhold: (answers, { kind }) => {
              if (kind !== withheld) return answers
              asked.add(who)
              return 'silence'
            }
          })
        )
      )
      const equal = await RunningEqual.start(cleanup, net, {
        who: `newcomer to ${what}`,
        connect: many.map(({ host }) => present(host.addresses()[0]))
      })
      await Promise.race(many.map(one => one.asked()))
      equal.controls.connect([...many.map(({ host }) => present(host.addresses()[0])), miner.address])
      await levelled(equal, miner)
      assert.ok(asked.size < MANY_NAMES / 4, `${asked.size} were waited for`)
    })
})
