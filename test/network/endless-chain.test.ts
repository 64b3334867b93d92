import assert from 'node:assert/strict'
import { genesisCursor } from '#src/chain/cursor.js'
import { heaviest, WeighedPeer } from '#src/client/heaviest.js'
import { type Answer, encodeAnswer } from '#src/core/answer.js'
import { type CheckpointedHeader, signHeader } from '#src/core/block.js'
import { LIMITS } from '#src/core/limits.js'
import { decodeQuery, type Query } from '#src/core/query.js'
import { QUERY_PROTOCOL } from '#src/network/names.js'
import type { Ancestors } from '#src/orderings/ordering.js'
import { ChainTooLong, InvalidAnswer, QueryFailed } from '#src/query/query-errors.js'
import { QUERY_STREAMS } from '#src/query/query-protocol.js'
import { VerifiedChain } from '#src/query/verified-chain.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeWorkNetwork, type TestNetwork, workSectionOf } from '../helpers/networks.js'
import { levelled, RunningEqual, readerOf } from '../helpers/running-equal.js'
import { listening } from '../helpers/served.js'
import { childOf, lookedAt, mined } from '../helpers/work.js'

/** Makes headers for whoever asks, each on the one before and as easy as any may be, and says that there are far more. */
class Endless {
  readonly #headers: CheckpointedHeader[] = []
  #ancestors: Ancestors
  readonly asked: Query[] = []

  constructor(
    private readonly net: TestNetwork,
    private readonly claimed: number
  ) {
    this.#ancestors = [genesisCursor(net.rules).signed.header]
  }

  serve(cleanup: Cleanup): Promise<string> {
    return listening(cleanup, this.net, host =>
      host.serve(QUERY_PROTOCOL, QUERY_STREAMS, async channel => {
        const { query } = decodeQuery(present(await channel.receive(deadline())))
        this.asked.push(query)
        for (const answer of this.#answersTo(query)) await channel.send(encodeAnswer(answer), deadline())
        await channel.close(deadline())
      })
    )
  }

  /** So easy a head at any height. */
  head(): CheckpointedHeader {
    const { header } = this.#at(1)
    const easy = { ...header, height: this.claimed, time: header.time + 1_000 }
    return signHeader(mined(easy), this.net.signer, this.net.rules.ordering)
  }

  *#answersTo(query: Query): Iterable<Answer> {
    if (query.kind === 'status')
      yield {
        kind: 'status',
        height: this.claimed,
        size: 0,
        pending: 0,
        head: this.head().id,
        weight: 2n ** 200n
      }
    if (query.kind === 'headerOfHead') yield answerWith(this.head())
    if (query.kind === 'headerOfHeight') yield answerWith(this.#at(query.height))
    if (query.kind !== 'headers') return
    for (let given = 0; given < query.limit; given += 1) yield answerWith(this.#at(query.from + given))
    yield { kind: 'done', next: query.from + query.limit }
  }

  #at(height: number): CheckpointedHeader {
    const { ordering } = this.net.rules
    while (this.#headers.length < height) {
      const [parent] = this.#ancestors
      const time = parent.height === 0 ? parent.time + 1_000_000_000 : parent.time + 1
      const draft = { ...childOf(parent, time), producer: this.net.signer.peerId }
      const ancestors = lookedAt(ordering, this.#ancestors)
      const header = mined(ordering.prepare(draft, ancestors))
      this.#ancestors = [header, ...ancestors]
      this.#headers.push(signHeader(header, this.net.signer, ordering))
    }
    return present(this.#headers[height - 1])
  }
}

function answerWith({ envelope, checkpoint }: CheckpointedHeader): Answer {
  return { kind: 'header', header: envelope, checkpoint }
}

const now = (): number => Date.now()

describe('a peer with a chain of easy headers that does not end', () => {
  const cleanup = new Cleanup(afterEach)
  let net: TestNetwork

  beforeEach(async () => {
    net = await makeWorkNetwork()
  })

  it('is left when it has had as many headers verified as one peer may, also where it goes on at another time', async () => {
    const endless = new Endless(net, 50_000_000)
    const { asker } = await readerOf(cleanup, net, await endless.serve(cleanup))
    const chain = new VerifiedChain(asker, net.rules, now, 2_500)
    await assert.rejects(chain.follow(), ChainTooLong)
    assert.deepEqual([chain.looked, chain.head.header.height], [2_500, 2_500])
    const pages = endless.asked.filter(({ kind }) => kind === 'headers').length
    assert.equal(pages, 3)
    await assert.rejects(chain.follow(), /2500 headers verified, and no more are/)
    assert.equal(chain.looked, 2_500)
  })

  it('is not asked for one of them where its head names a height that so easy a chain cannot have reached yet', async () => {
    const { start, interval } = workSectionOf(net.network)
    const blocks = Math.ceil((Date.now() - start + LIMITS.clockSkewMs) / interval)
    const endless = new Endless(net, blocks + 100_000)
    const { asker } = await readerOf(cleanup, net, await endless.serve(cleanup))
    const chain = new VerifiedChain(asker, net.rules, now)
    await assert.rejects(chain.follow(), (error: unknown) => {
      assert.ok(error instanceof InvalidAnswer)
      assert.match(error.message, /at this height it cannot be easier than/)
      return true
    })
    assert.deepEqual(
      endless.asked.map(({ kind }) => kind),
      ['headerOfHead']
    )
  })

  it('is left when the time is over; what was verified until then stays, and nothing more is verified', async () => {
    const endless = new Endless(net, 50_000_000)
    const { asker } = await readerOf(cleanup, net, await endless.serve(cleanup))
    const chain = new VerifiedChain(asker, net.rules, now)
    const stopping = new AbortController()
    const followed = chain.follow(stopping.signal)
    while (chain.looked < 1_500) await new Promise(setImmediate)
    stopping.abort(new Error('the time is over'))
    await assert.rejects(followed, QueryFailed)
    const { looked } = chain
    assert.ok(looked >= 1_500)
    assert.ok(chain.has(looked, chain.head.id))
    await readerOf(cleanup, net, (await RunningEqual.start(cleanup, net)).address, 'meanwhile')
    assert.equal(chain.looked, looked)
  })

  it('keeps no other peer from being compared, and neither does one that says nothing', async () => {
    const endless = new Endless(net, 50_000_000)
    const mute = await listening(cleanup, net, host =>
      host.serve(QUERY_PROTOCOL, QUERY_STREAMS, () => new Promise(() => undefined))
    )
    const miner = await RunningEqual.start(cleanup, net, { mining: { threads: 1, blocks: 0 } })
    assert.ok((await miner.controls.mine(3, deadline())).ok)
    const addresses = [await endless.serve(cleanup), mute, miner.address]
    const readers = await Promise.all(
      addresses.map((address, index) => readerOf(cleanup, net, address, `reader ${index}`))
    )
    const peers = readers.map(
      ({ host, peer }, index) => new WeighedPeer(host, peer, net.rules, now, `peer ${index}`)
    )
    const found = present(await heaviest(peers, 6_000, deadline()))
    assert.equal(found.best, peers[2])
    assert.deepEqual(found.compared, [peers[2]])
    assert.match(present(peers[0]?.problem).why, /^peer 0: .* in time/)
    assert.match(present(peers[1]?.problem).why, /^peer 1: /)
  })

  it('is verified once where several peers share it: of the others only what is their own', async () => {
    const one = await RunningEqual.start(cleanup, net, { mining: { threads: 1, blocks: 0 } })
    assert.ok((await one.controls.mine(20, deadline())).ok)
    const other = await RunningEqual.start(cleanup, net, { who: 'other', connect: [one.address] })
    await levelled(one, other)
    const [first, second] = await Promise.all([
      readerOf(cleanup, net, one.address, 'first'),
      readerOf(cleanup, net, other.address, 'second')
    ])
    const known = new VerifiedChain(first.asker, net.rules, now)
    await known.follow()
    const chain = new VerifiedChain(second.asker, net.rules, now)
    await chain.follow(undefined, known)
    assert.deepEqual([chain.head.header.height, chain.weight, chain.looked], [20, known.weight, 0])
  })
})
