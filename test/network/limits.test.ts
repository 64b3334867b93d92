import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as elapsed } from 'node:timers/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { decodeAnswer } from '#src/core/answer.js'
import { equal, toHex, utf8 } from '#src/core/bytes.js'
import { peerIdFromText } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { leafHash } from '#src/core/merkle.js'
import { encodeQuery } from '#src/core/query.js'
import { newSealingContext, seal } from '#src/core/sealing.js'
import { Host, type HostOptions } from '#src/network/host.js'
import { topicsOf } from '#src/network/names.js'
import { fromAnotherHost, HAS_OTHER_HOSTS } from '../helpers/another-host.js'
import { Author, envelopesOf, type Made } from '../helpers/authors.js'
import { flipped } from '../helpers/bytes.js'
import { Changes, deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { FalseSequencer } from '../helpers/false-sequencer.js'
import { identity, makeNetwork } from '../helpers/networks.js'
import { RunningClient, RunningFollower, RunningSequencer } from '../helpers/peers.js'
import { Program } from '../helpers/program.js'
import { RawPeer } from '../helpers/raw-peer.js'

/** So slow that within a test nothing comes back. */
function once(burst: number): { readonly perSecond: number; readonly burst: number } {
  return { perSecond: 0.001, burst }
}

describe('the rate of queries', () => {
  const cleanup = new Cleanup(afterEach)

  it('is limited for each peer: more are refused as rate limited, others are answered, and later it is, too', async () => {
    const net = await makeNetwork()
    const rates = { query: { perSecond: 5, burst: 20 } }
    const sequencer = await RunningSequencer.start(cleanup, net, { rates })
    const greedy = await RawPeer.connect(cleanup, net, sequencer.address, 'greedy')
    const other = await RawPeer.connect(cleanup, net, sequencer.address, 'other')
    const reasons: string[] = []
    for (let round = 0; round < 20; round += 1) {
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => greedy.rawQuery(encodeQuery(net.network.id, { kind: 'status' })))
      )
      const kinds = answers.map(([frame]) => decodeAnswer(present(frame)))
      reasons.push(...kinds.map(answer => (answer.kind === 'refused' ? answer.reason : answer.kind)))
      if (reasons.includes('rate limited')) break
    }
    assert.deepEqual(new Set(reasons), new Set(['status', 'rate limited']))
    assert.equal((await other.asker.status()).height, 0, 'others are answered')
    assert.equal((await greedy.asker.status()).height, 0, 'an asker that waits is answered')
  })
})

describe('the rate of messages', () => {
  const cleanup = new Cleanup(afterEach)

  it('is limited for each author by new messages alone: neither replays nor forgeries use it up', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net, { rates: { author: once(6) } })
    const alice = await Author.create(net, 'alice')
    const bob = await Author.create(net, 'bob')
    const peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    const mallory = await RawPeer.connect(cleanup, net, sequencer.address, bob.key)
    const first = alice.says(5)
    await peer.publish(...envelopesOf(first))
    await peer.receipted(5)
    for (let replay = 0; replay < 20; replay += 1) await mallory.publish(...envelopesOf(first))
    const forged = alice.says(20).map(({ envelope }) => flipped(envelope, envelope.length - 1))
    for (const envelope of forged) {
      await mallory.publish(envelope as (typeof first)[0]['envelope'])
      assert.equal((await mallory.refusalOf(leafHash(envelope))).reason, 'bad signature')
    }
    const [sixth, seventh] = alice.says(2)
    await peer.publish(present(sixth).envelope)
    await peer.receiptOf(present(sixth).leaf)
    await peer.publish(present(seventh).envelope)
    assert.equal((await peer.refusalOf(present(seventh).leaf)).reason, 'rate limited')
    await peer.publish(present(first[0]).envelope)
    await peer.until('the receipt of a known one', () => peer.receipts.length >= 7)
    const own = bob.say({ text: 'x' })
    await mallory.publish(own.envelope)
    await mallory.receiptOf(own.leaf)
    assert.equal((await sequencer.check()).pending, 7)
  })

  it('is limited for each author by the sealing sessions he begins: one for each message is refused, and others are served', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net)
    const alice = await Author.create(net, 'alice')
    const mallory = await Author.create(net, 'mallory')
    const peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    const flooder = await RawPeer.connect(cleanup, net, sequencer.address, mallory.key)
    const usual = mallory.say({ text: 'of the usual session' })
    await flooder.publish(usual.envelope)
    await flooder.receiptOf(usual.leaf)
    const { network, peerId } = mallory
    const fresh: Made[] = []
    // Each validation worker counts for itself, and there are four at most.
    for (let count = 0; count < 4 * LIMITS.agreementRate.burst + 400; count += 1) {
      const context = await newSealingContext(net.openingKey, network, peerId)
      const claim = mallory.claim()
      fresh.push(
        mallory.signed(claim, { kind: 'sealed', sealed: seal(context, claim, utf8('{"text":"x"}')) })
      )
    }
    for (let from = 0; from < fresh.length; from += 50)
      await flooder.publish(...envelopesOf(fresh.slice(from, from + 50)))
    await flooder.until(
      'all are answered',
      () => flooder.receipts.length - 1 + flooder.refusals.length >= fresh.length
    )
    assert.deepEqual(new Set(flooder.refusals.map(({ reason }) => reason)), new Set(['rate limited']))
    // What was taken before gets its receipt again, though its session is forgotten.
    flooder.receipts.length = 0
    await flooder.publish(usual.envelope)
    await flooder.receiptOf(usual.leaf)
    const ours = alice.says(100)
    await peer.publish(...envelopesOf(ours))
    await peer.receipted(100)
    assert.deepEqual(peer.refusals, [])
  })

  it('is limited for receipts given again: replays do not drown the author, who is told of new ones', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net, { rates: { receiptsAgain: once(3) } })
    const alice = await Author.create(net, 'alice')
    const peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    const mallory = await RawPeer.connect(cleanup, net, sequencer.address, 'mallory')
    const said = alice.say({ text: 'once' })
    await peer.publish(said.envelope)
    await peer.receiptOf(said.leaf)
    for (let replay = 0; replay < 20; replay += 1) await mallory.publish(said.envelope)
    const last = alice.say({ text: 'last' })
    await mallory.publish(last.envelope)
    await peer.receiptOf(last.leaf)
    // Replays that are validated together may be answered together.
    assert.ok(peer.receipts.length <= 1 + 3 + 1, `${peer.receipts.length} receipts`)
  })

  it('slows a client down, directly and through a follower, and all it sent is accepted in the end, once', async () => {
    const net = await makeNetwork({ blockSize: 10 })
    const rates = { author: { perSecond: 20, burst: 30 } }
    const sequencer = await RunningSequencer.start(cleanup, net, { rates })
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address])
    const clients = [
      await RunningClient.connected(cleanup, net, sequencer.address, 'alice'),
      await RunningClient.connected(cleanup, net, follower.address, 'bob')
    ]
    await Promise.all(
      clients.map(async client => {
        await client.send(60)
        await client.receipted(60)
        assert.ok(client.client.summary().resent >= 1, 'some came too fast')
        assert.deepEqual(client.events.of('refused'), [])
      })
    )
    assert.equal((await sequencer.check()).messages.length, 120)
  })

  it('a message that was refused for now is sent again no sooner than its backoff after the refusal', async () => {
    const net = await makeNetwork()
    const sequencer = await FalseSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(1)
    const leaf = leafHash(await sequencer.firstMessage())
    // A sequencer that takes its time to refuse.
    await elapsed(LIMITS.resendMs.first / 2)
    const refused = performance.now()
    await sequencer.tell({ refused: { leaf, reason: 'rate limited', detail: 'later' } })
    await sequencer.until('it comes again', () => sequencer.bundles.length > 1)
    const waited = performance.now() - refused
    // A timer may fire a millisecond early.
    assert.ok(waited >= LIMITS.resendMs.first - 2, `after ${waited} ms`)
  })

  it('is no matter of bytes: a client with the largest messages waits for receipts, and loses no stream', async () => {
    const net = await makeNetwork({ blockSize: 16, messageBytes: 1_047_552 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    const count = 80
    for (let index = 0; index < count; index += 1)
      await client.client.send(
        { text: 'large', data: { content: `${index}`.padEnd(900_000, '.') } },
        deadline()
      )
    await client.receipted(count)
    assert.equal(client.events.count('disconnected'), 0)
  })

  it('a block that is more than gossip carries reaches followers all the same', async () => {
    const net = await makeNetwork({ blockSize: 8, messageBytes: 1_047_552 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address])
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    const content = ''.padEnd(600_000, '.')
    for (let index = 0; index < 8; index += 1)
      await client.client.send({ text: `${index}`, data: { content } }, deadline())
    await follower.has(1)
  })

  it('of messages that a follower hands over too fast, the refusal is for the author that each names', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net)
    const alice = await Author.create(net, 'alice')
    const relay = await RawPeer.connect(cleanup, net, sequencer.address, 'relay', true)
    const stranger = await RawPeer.connect(cleanup, net, sequencer.address, 'stranger', true)
    const bundles = Array.from({ length: 16 }, () => envelopesOf(alice.says(256)))
    for (const bundle of bundles) await relay.publish(...bundle)
    await relay.until('all notices', () => relay.receipts.length + relay.refusals.length >= 16 * 256)
    assert.ok(relay.refusals.length > 0, 'it was too fast')
    for (const { reason, author } of relay.refusals) {
      assert.equal(reason, 'rate limited')
      assert.ok(equal(author, alice.peerId))
    }
    assert.deepEqual(stranger.refusals, [], 'no other follower is told')
    await sequencer.check()
  })

  it('a refusal for good reaches its author through a follower: too large, not a member', async () => {
    const net = await makeNetwork({ members: [await identity('alice')] })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address])
    const alice = await Author.create(net, 'alice')
    const peer = await RawPeer.connect(cleanup, net, follower.address, alice.key)
    const large = alice.say({ text: 'x'.repeat(16_384) })
    await peer.publish(large.envelope)
    assert.equal((await peer.refusalOf(large.leaf)).reason, 'too large')
    const bob = await RunningClient.connected(cleanup, net, follower.address, 'bob')
    await bob.send(1)
    await bob.events.times('refused', 1)
    assert.equal(present(bob.events.of('refused')[0]).reason, 'not a member')
    const good = alice.say({ text: 'x' })
    await peer.publish(good.envelope)
    await peer.receiptOf(good.leaf)
  })
})

class Heard extends Changes {
  count = 0

  add(): 'accept' {
    this.count += 1
    this.changed()
    return 'accept'
  }
}

describe('a peer that goes too far', () => {
  const cleanup = new Cleanup(afterEach)

  async function hostOf(options: Partial<HostOptions> = {}): Promise<Host> {
    const key = await generateKeyPair('Ed25519')
    const host = await Host.create({ key, listen: [], topics: [], ...options })
    await host.start()
    cleanup.add(() => host.stop())
    return host
  }

  it('is disconnected after too many messages that are not valid, on whichever topic; others are served', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net, { rates: { invalid: once(20) } })
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address], 'follower', {
      rates: { invalid: once(20) }
    })
    const honest = await RunningClient.connected(cleanup, net, follower.address)
    const topics = topicsOf(net.network.id)
    await Promise.all(
      [
        [sequencer.address, topics.messages],
        [follower.address, topics.blocks],
        [follower.address, topics.evidence]
      ].map(async ([address = '', topic = ''], index) => {
        const mallory = await RawPeer.connect(cleanup, net, address, `mallory ${index}`)
        for (let count = 0; count < 30; count += 1) await mallory.host.publish(topic, randomBytes(100))
        const signal = deadline()
        await mallory.host.whenDisconnected(mallory.peer, signal)
        signal.throwIfAborted()
      })
    )
    await honest.send(3)
    await honest.receipted(3)
    assert.equal(honest.events.count('disconnected'), 0)
  })

  it('is disconnected at once where other names of its host have sent too many; honest ones of it, and other hosts, are served', async () => {
    const topic = '/topic'
    const rates = { invalid: once(5) }
    const server = await hostOf({ listen: ['/ip4/127.0.0.1/tcp/0'], topics: [topic], rates })
    const heard = new Heard()
    server.subscribe(topic, (_, data) => {
      heard.add()
      return data.length === 1 ? 'reject' : 'accept'
    })
    const address = present(server.addresses()[0])
    const joined = async (at: string): Promise<Host> => {
      const peer = await hostOf({ topics: [topic] })
      await peer.connect(at, deadline())
      await peer.whenSubscribed(topic, server.peerId, deadline())
      return peer
    }
    const honest = await joined(address)
    let invalid = 0
    const sendInvalid = async (peer: Host, count: number): Promise<void> => {
      for (let sent = 0; sent < count; sent += 1) {
        await peer.publish(topic, Uint8Array.of(invalid))
        invalid += 1
      }
    }
    for (const count of [rates.invalid.burst + 1, 1, 1]) {
      const mallory = await joined(address)
      await sendInvalid(mallory, count)
      const signal = deadline()
      await mallory.whenDisconnected(server.peerId, signal)
      signal.throwIfAborted()
    }
    const others = [honest]
    if (HAS_OTHER_HOSTS) {
      const other = await joined(await fromAnotherHost(cleanup, address, '127.0.0.2'))
      await sendInvalid(other, 1)
      others.push(other)
    }
    const before = rates.invalid.burst + 3 + others.length - 1
    for (const peer of others) await peer.publish(topic, randomBytes(10))
    await heard.until('what the others say', () => heard.count === before + others.length)
  })

  it('is disconnected when it opens streams without end; others are served', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net, { rates: { stream: once(50) } })
    const honest = await RunningClient.connected(cleanup, net, sequencer.address)
    const mallory = await RawPeer.connect(cleanup, net, sequencer.address, 'mallory')
    let opened = 0
    await assert.rejects(async () => {
      for (; opened < 200; opened += 1) {
        const channel = await mallory.openQuery()
        channel.abort(new Error('opened to be reset'))
      }
    }, /ended the connection at once/)
    assert.ok(opened < 100, `${opened} were opened`)
    await honest.send(1)
    await honest.receipted(1)
  })

  it('is disconnected when it reads nothing and too much waits for it; others get all', async () => {
    const net = await makeNetwork()
    const { blocks } = topicsOf(net.network.id)
    const listen = ['/ip4/127.0.0.1/tcp/0']
    const server = await hostOf({ listen, topics: [blocks], unsentBytes: 4 * 1024 * 1024 })
    const address = present(server.addresses()[0])
    const reader = await hostOf({ topics: [blocks] })
    const heard = new Heard()
    reader.subscribe(blocks, () => heard.add())
    await reader.connect(address, deadline())

    const folder = await cleanup.folder()
    await writeFile(join(folder, 'network.json'), JSON.stringify(net.network.document))
    const options = ['--role', 'follower', '--network', 'network.json', '--connect', address, '--json']
    const stopped = Program.start(cleanup, folder, options)
    await stopped.times('started', 1)
    const slow = peerIdFromText(present(stopped.of('started')[0]?.addresses?.[0]?.split('/p2p/')[1]))
    for (const peer of [slow, reader.peerId]) await server.whenSubscribed(blocks, peer, deadline())
    stopped.freeze()

    for (let count = 1; count <= 200; count += 1) {
      await server.publish(blocks, randomBytes(100_000))
      await heard.until(`message ${count}`, () => heard.count === count)
    }
    // Long before it is found out that it does not answer at all.
    const signal = deadline(LIMITS.pingMs + LIMITS.pingSilenceMs - 3000)
    await server.whenDisconnected(slow, signal)
    signal.throwIfAborted()
    assert.equal(await server.publish(blocks, randomBytes(10)), 1, 'the other one is there')
  })

  it('is left and dialled again when its gossip stream is lost, as it never comes back by itself', async () => {
    const topic = '/topic'
    const server = await hostOf({ listen: ['/ip4/127.0.0.1/tcp/0'], topics: [topic] })
    const heard = new Heard()
    server.subscribe(topic, () => heard.add())
    const client = await hostOf({ topics: [topic], gossipStreamMs: 1_000 })
    const address = present(server.addresses()[0])
    await client.connect(address, deadline())
    await client.whenSubscribed(topic, server.peerId, deadline())
    // More than may wait for a reader, and no turn for the reader meanwhile.
    const part = LIMITS.gossipBytes / 2
    const parts = Array.from({ length: (2 * LIMITS.gossipQueueBytes) / part }, () => randomBytes(part))
    await Promise.all(parts.map(data => client.publish(topic, data)))
    const signal = deadline()
    await client.whenDisconnected(server.peerId, signal)
    signal.throwIfAborted()
    const before = heard.count
    const hearAgain = async (): Promise<void> => {
      await client.connect(address, signal)
      await client.whenSubscribed(topic, server.peerId, AbortSignal.timeout(LIMITS.frameMs))
      await client.publish(topic, randomBytes(10))
      await heard.until('a message on the new connection', () => heard.count > before, LIMITS.frameMs)
    }
    // A new connection that takes too long to open its gossip stream is left as well.
    while (heard.count === before) await hearAgain().catch(() => signal.throwIfAborted())
  })

  it('is turned away beyond the connections that one host may have, until one of them has ended', async () => {
    const server = await hostOf({ listen: ['/ip4/127.0.0.1/tcp/0'], connectionsPerHost: 3 })
    const address = present(server.addresses()[0])
    const guests = await Promise.all(Array.from({ length: 3 }, () => hostOf()))
    for (const guest of guests) await guest.connect(address, deadline())
    const late = await hostOf()
    await assert.rejects(late.connect(address, deadline()), /no more connections from this host/)
    const first = present(guests[0])
    await first.stop()
    await server.whenDisconnected(first.peerId, deadline())
    assert.equal(toHex(await late.connect(address, deadline())), toHex(server.peerId))
  })
})
