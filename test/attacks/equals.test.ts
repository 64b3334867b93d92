import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { submit } from '#src/client/submission-client.js'
import type { Answer } from '#src/core/answer.js'
import { type Block, signHeader } from '#src/core/block.js'
import { asHash } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import { elapsed } from '#src/lifecycle/waiting.js'
import { topicsOf } from '#src/network/names.js'
import { NONCE_BYTES } from '#src/orderings/proof-of-work/search.js'
import { encodeProof } from '#src/orderings/proof-of-work/work-proof.js'
import { OpenAuthor } from '../helpers/authors.js'
import { deadline } from '../helpers/changes.js'
import { checkDatabase, openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { ForkMaker, GENESIS } from '../helpers/fork-maker.js'
import { makeWorkNetwork, type TestNetwork } from '../helpers/networks.js'
import { type Reader, RunningEqual, readerOf } from '../helpers/running-equal.js'
import { mined } from '../helpers/work.js'
import { branchOf, type Lie, Stranger } from './stranger.js'

/** The next block weighs 8, then 4, and then 2 for ever. */
const SLOW = 3_000
/** The next block weighs 22, then 32, and so on: twice as much every two blocks. */
const FAST = 1
/** The easiest target of the network: two hashes. */
const EASIEST = 0x207fffff
const NEVER = 1_000_000

describe('peers of equal rank that bring little work, or none', () => {
  const cleanup = new Cleanup(after)
  const guests = new Cleanup(afterEach)
  let net: TestNetwork
  let maker: ForkMaker
  let alice: OpenAuthor
  let victim: RunningEqual
  let reader: Reader
  /** How far the victim's chain has come. */
  let height = 20
  let guestNumber = 0

  before(async () => {
    net = await makeWorkNetwork({ target: '200fffff', halfLife: 2_000, maxReorg: 100 })
    maker = await ForkMaker.create(net)
    maker.makeAll('a', 28, { after: FAST })
    alice = await OpenAuthor.create(net, 'alice')
    victim = await RunningEqual.start(cleanup, net)
    reader = await readerOf(cleanup, net, victim.address)
    const first = await Stranger.create(cleanup, net, 'the first one', branchOf(maker, 'a20'))
    assert.equal((await first.offer(victim.address)).kind, 'taken')
    await first.host.stop()
  })

  /** Somebody that nobody has met before. */
  function stranger(who: string, name: string, lie?: Lie): Promise<Stranger> {
    guestNumber += 1
    return Stranger.create(guests, net, `${who} ${guestNumber}`, branchOf(maker, name), lie)
  }

  function headOfVictim(): string {
    return maker.nameOf(victim.controls.status().head)
  }

  /** Somebody hands it a message, asks it for its head, and shows it the next block. */
  async function expectServed(): Promise<void> {
    const { envelope } = alice.say({ text: 'meanwhile' })
    const fates = await submit(reader.host, reader.peer, net.network.id, [envelope], deadline())
    assert.deepEqual(fates, [{ kind: 'accepted' }])
    await reader.asker.claimedHead()
    height += 1
    const honest = await stranger('honest', `a${height}`)
    await honest.connect(victim.address)
    await honest.publish(maker.block(`a${height}`))
    await victim.events.until('the next block', () => headOfVictim() === `a${height}`)
  }

  /** It asks everybody for their heads so often, as somebody else comes each time. */
  async function rounds(count: number, watcher: Stranger): Promise<void> {
    for (let round = 0; round < count; round += 1) {
      const before = watcher.asked('status')
      await (await stranger('passer-by', 'a1')).connect(victim.address)
      await watcher.isAsked('status', before + 1)
    }
  }

  /** Says that the block weighs so much. */
  function claiming(name: string, weight: bigint): Lie {
    const { header, id: head } = maker.block(name).signed
    const answer: Answer = {
      kind: 'status',
      height: header.height,
      size: header.size,
      pending: 0,
      head,
      weight
    }
    return ({ kind }) => (kind === 'status' ? { answers: [answer] } : undefined)
  }

  it('a longer chain with less work, whatever is claimed for it: its headers are looked at once, its blocks never', async () => {
    maker.makeAll('long', 40, { after: SLOW })
    const liar = await stranger('liar', 'long40', claiming('long40', 2n ** 200n))
    await liar.connect(victim.address)
    await liar.isAsked('headers', 2)
    await expectServed()
    await rounds(3, liar)
    assert.equal(liar.asked('headers'), 2, 'one page, and the empty one after it')
    assert.equal(liar.asked('blocksById'), 0)
  })

  it('a flood of headers with little work: each is looked at once, nothing is kept, and others are served meanwhile', async () => {
    const count = 2 * LIMITS.rangeHeaders
    maker.makeAll('flood', count, { after: SLOW + 1 })
    const flooder = await stranger('flooder', `flood${count}`, claiming(`flood${count}`, 2n ** 200n))
    await flooder.connect(victim.address)
    await flooder.isAsked('headers', 1)
    await expectServed()
    await flooder.isAsked('headers', 3)
    await rounds(3, flooder)
    // Two pages, the empty one after them, and what a slow machine was cut off from and has asked for again.
    assert.ok(flooder.asked('headers') <= 6, `${flooder.asked('headers')} pages`)
    assert.equal(flooder.asked('blocksById'), 0)
  })

  it('headers that come one by one, or not at all: others are asked meanwhile, and their chain is taken', async () => {
    const next = `a${height + 2}`
    const stalling =
      (name: string): Lie =>
      (query, signal) => {
        async function* first(from: number): AsyncIterable<Answer> {
          const signed = branchOf(maker, name).headerAt(from)
          if (signed !== undefined)
            yield { kind: 'header', header: signed.envelope, checkpoint: signed.checkpoint }
          await elapsed(NEVER, signal)
        }
        return query.kind === 'headers' ? { answers: first(query.from) } : undefined
      }
    maker.make('own', { on: 'a19', after: FAST, above: 'a20' })
    const alone = await stranger(
      'one with a head of its own',
      'own',
      (query, signal) => claiming('own', 2n ** 200n)(query, signal) ?? stalling('own')(query, signal)
    )
    // It claims to have what the honest one has, and came before it.
    const same = await stranger('one with the same head', next, stalling(next))
    for (const staller of [alone, same]) await staller.connect(victim.address)
    for (const staller of [alone, same]) await staller.isAsked('headers', 1)
    const honest = await stranger('honest', next)
    await honest.connect(victim.address)
    await victim.events.until('the chain of the honest one', () => headOfVictim() === next)
    height += 2
  })

  it('blocks that are withheld after their headers: who withholds them is left alone, and the chain of another is taken', async () => {
    const withholding: Lie = ({ kind }, signal) => {
      async function* late(): AsyncIterable<Answer> {
        await elapsed(NEVER, signal)
        yield { kind: 'notFound', detail: 'no such block' }
      }
      return kind === 'blocksById' ? { answers: late() } : undefined
    }
    const crowd: Stranger[] = []
    for (let index = 1; index <= 2; index += 1) {
      // Each has done more work than the honest one.
      maker.makeAll(`withheld${index}-`, 3, { on: `a${height}`, after: FAST + index })
      crowd.push(await stranger('one that withholds', `withheld${index}-3`, withholding))
    }
    const offers = crowd.map(one => one.offer(victim.address))
    for (const one of crowd) await one.connect(victim.address)
    await Promise.race(crowd.map(one => one.isAsked('blocksById', 1)))
    const honest = await stranger('honest', `a${height + 1}`)
    await honest.connect(victim.address)
    await victim.events.until('the chain of the honest one', () => headOfVictim() === `a${height + 1}`)
    height += 1
    for (const offer of offers) {
      const outcome = await offer
      assert.ok(outcome.kind === 'notTaken' && outcome.reason === 'unreachable', outcome.kind)
    }
  })

  it('thousands of blocks without parents: few are kept, others are served, and nobody is asked all the time for them', async () => {
    const crowd: Stranger[] = []
    for (let index = 0; index < 4; index += 1) crowd.push(await stranger('one of a crowd', 'a1'))
    for (const one of crowd) await one.connect(victim.address)
    const honest = await stranger('watcher', 'a1')
    await honest.connect(victim.address)
    const before = { asked: honest.asked('status'), time: performance.now() }
    const template = maker.block('a20').signed.header
    const proof = encodeProof({ target: EASIEST, nonce: new Uint8Array(NONCE_BYTES) })
    const flooding = Promise.all(
      crowd.map(async one => {
        for (let index = 0; index < 750; index += 1) {
          const parent = asHash(randomBytes(32))
          const header = mined({ ...template, height: height + 3, count: 0, parent, proof })
          const block: Block = { signed: signHeader(header, maker.miner, net.rules.ordering), envelopes: [] }
          await one.publish(block)
        }
      })
    )
    await expectServed()
    await flooding
    await expectServed()
    const seconds = (performance.now() - before.time) / 1_000
    const { perSecond, burst } = LIMITS.wakeRate
    const asked = honest.asked('status') - before.asked
    // Each round that ends has another one begin in time; and three have come since.
    const most = burst + perSecond * seconds + (1_000 * seconds) / LIMITS.syncMs + 5
    assert.ok(asked <= most, `it was asked ${asked} times in ${seconds.toFixed(1)} s`)
  })

  it('names that come and go have the others asked no more often than they may', async () => {
    const honest = await stranger('honest', `a${height}`)
    await honest.connect(victim.address)
    const flood = await stranger('restless', 'a1')
    await flood.connect(victim.address)
    const before = { asked: honest.asked('status'), time: performance.now() }
    const topic = topicsOf(net.network.id).blocks
    for (let change = 0; change < 400; change += 1) {
      flood.host.unsubscribe(topic)
      flood.host.subscribe(topic, () => 'ignore')
      // What is said at once is said in one message.
      await setImmediate()
    }
    await expectServed()
    const seconds = (performance.now() - before.time) / 1_000
    const { perSecond, burst } = LIMITS.wakeRate
    const asked = honest.asked('status') - before.asked
    const most = burst + perSecond * seconds + (1_000 * seconds) / LIMITS.syncMs + 5
    assert.ok(asked <= most, `it was asked ${asked} times in ${seconds.toFixed(1)} s`)
  })

  it('after all of it the victim holds its own chain, and nothing beside it', async () => {
    await victim.stop()
    const database = await openDatabase(victim.folder)
    const checked = await checkDatabase(database, net, { receipts: false, now: Date.now() }).finally(() =>
      database.close()
    )
    assert.equal(maker.nameOf(checked.head.id), `a${height}`)
    assert.deepEqual(checked.sides, [])
  })
})

describe('a peer of equal rank with a reorg as deep as it may be', () => {
  const cleanup = new Cleanup(afterEach)
  const depth = 100
  const blockSize = 20

  it('a hundred blocks that take the place of a hundred others: others are answered meanwhile', async () => {
    const net = await makeWorkNetwork({
      target: '200fffff',
      halfLife: 86_400_000,
      blockSize,
      maxReorg: depth
    })
    const maker = await ForkMaker.create(net)
    for (const [name, count] of [
      ['ours', depth],
      ['theirs', depth + 1]
    ] as const) {
      const author = await OpenAuthor.create(net, name)
      for (let number = 1; number <= count; number += 1)
        maker.make(`${name}${number}`, {
          on: number === 1 ? GENESIS : `${name}${number - 1}`,
          messages: author.says(blockSize),
          // Neither wins while they are alike.
          above: name === 'theirs' && number === depth ? `ours${depth}` : undefined
        })
    }
    const victim = await RunningEqual.start(cleanup, net)
    const reader = await readerOf(cleanup, net, victim.address)
    const strangers: Stranger[] = []
    for (const name of [`ours${depth}`, `theirs${depth + 1}`])
      strangers.push(await Stranger.create(cleanup, net, name, branchOf(maker, name)))
    const [honest, bomber] = strangers
    assert.ok(honest && bomber)
    assert.equal((await honest.offer(victim.address)).kind, 'taken')

    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    let isOver = false
    const offered = bomber.offer(victim.address).finally(() => {
      isOver = true
    })
    let answered = 0
    let slowest = 0
    while (!isOver) {
      const before = performance.now()
      await reader.asker.claimedHead()
      slowest = Math.max(slowest, performance.now() - before)
      answered += 1
    }
    delay.disable()
    assert.equal((await offered).kind, 'taken')
    assert.deepEqual(
      victim.events.of('reorg').map(each => each.depth),
      [depth]
    )
    assert.ok(answered >= 10, `${answered} answers`)
    const longest = delay.max / 1e6
    console.log(
      `      ${answered} answers meanwhile, the slowest in ${slowest.toFixed(0)} ms; longest turn ${longest.toFixed(0)} ms`
    )
    await victim.events.until(
      'all that was lost waits',
      () => victim.controls.status().pool === depth * blockSize
    )
  })
})
