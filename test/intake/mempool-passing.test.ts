import assert from 'node:assert/strict'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { decodeBundle, encodeBundle } from '#src/core/bundle.js'
import { type EnvelopeBytes, type PeerIdBytes, toHex, utf8 } from '#src/core/bytes.js'
import { signEnvelope } from '#src/core/envelope.js'
import { LIMITS } from '#src/core/limits.js'
import { encodeMessage, type Message } from '#src/core/message.js'
import type { Bringer } from '#src/core/shares.js'
import { GossipIntake, NO_AUDIENCE } from '#src/intake/gossip-intake.js'
import { MempoolIntake } from '#src/intake/mempool-intake.js'
import { Host } from '#src/network/host.js'
import { ValidationPool } from '#src/validation/validation-pool.js'
import { ValidationShares } from '#src/validation/validation-shares.js'
import { envelopesOf, type Made, madeOf, OpenAuthor } from '../helpers/authors.js'
import { deadline } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { seedOf } from '../helpers/core.js'
import { EqualLog } from '../helpers/equals.js'
import { memoryDatabase } from '../helpers/memory-database.js'
import { makeWorkNetwork } from '../helpers/work-network.js'

describe('messages of strangers that fill the places of a relay', () => {
  const cleanup = new Cleanup(afterEach)
  const from = (peer: string, host: string): Bringer => ({ peer, host, site: host })
  const RELAY = from('relay', 'relay')
  let plain: ReturnType<typeof makeWorkNetwork>
  let checking: ValidationPool
  let writer: OpenAuthor
  let names = 0

  before(async () => {
    plain = makeWorkNetwork()
    checking = new ValidationPool(plain.network)
    await checking.start()
    writer = await OpenAuthor.create(plain, 'a writer')
  })

  after(() => checking.stop())

  /** Each of an author of its own. To sign them takes long, and is not looked at here. */
  function messageOfNew(): Made {
    names += 1
    const author = seedOf(`stranger ${names}`) as Uint8Array as PeerIdBytes
    const body = { kind: 'open', bytes: utf8('{"text":"x"}') } as const
    const message: Message = { network: plain.network.id, author, sequence: 1n, time: 0, body }
    const signer = { ...writer.signer, sign: () => new Uint8Array(64) }
    return madeOf(signEnvelope('message', encodeMessage(message), signer), message)
  }

  async function opened(): Promise<{ readonly log: EqualLog; readonly intake: MempoolIntake }> {
    const log = await EqualLog.open(plain, await memoryDatabase(), checking)
    return { log, intake: new MempoolIntake(log.pool, log.chain, checking, () => undefined) }
  }

  /** As many as the relay takes of two names on one host; what it passes on, the next peer has from it. */
  function fill(relay: MempoolIntake, next: MempoolIntake): { passed: number; refused: number } {
    let [passed, refused] = [0, 0]
    for (const name of ['mallory', 'moll'])
      for (let sent = 0; sent < LIMITS.pooledOfPeer; sent += 1) {
        const message = messageOfNew()
        if (relay.take(message, from(name, 'crowd')) !== 'accept') continue
        passed += 1
        if (next.take(message, RELAY) !== 'accept') refused += 1
      }
    return { passed, refused }
  }

  it('have half of its share elsewhere: what others write is taken there, from gossip and from clients', async () => {
    const [relay, next] = [await opened(), await opened()]
    const filled = fill(relay.intake, next.intake)
    assert.equal(relay.log.pool.size, 2 * LIMITS.pooledOfPeer)
    const honest = messageOfNew()
    assert.equal(relay.intake.take(honest, from('carl', 'elsewhere')), 'accept')
    next.intake.take(honest, RELAY)
    assert.equal(next.log.pool.waitingAs(honest), honest, 'the next peer takes it')
    assert.deepEqual(filled, { passed: LIMITS.pooledOfPeer / 2, refused: 0 })
    const passed: unknown[] = []
    const submitted = envelopesOf([writer.say({ text: 'hi' })])
    const fates = await relay.intake.submit(submitted, from('client', 'elsewhere'), async envelopes => {
      passed.push(...envelopes)
    })
    assert.deepEqual(fates, [{ kind: 'accepted' }])
    assert.deepEqual(passed, submitted)
    // There the relay has half of what may go further: who waits behind the strangers is the first to go.
    const [first] = next.log.pool.waiting()
    assert.ok(first)
    next.log.pool.evict(first)
    assert.deepEqual([...next.intake.released()], [honest])
    for (const { log } of [relay, next]) await log.pool.stored()
  })

  it('wait beyond that, are not published again, and are passed on as others leave, or as others bring them', async () => {
    const [relay, next] = [await opened(), await opened()]
    fill(relay.intake, next.intake)
    const share = LIMITS.pooledOfPeer / 2
    assert.equal([...relay.intake.covered()].length, share)
    assert.deepEqual([...relay.intake.released()], [])
    const held = messageOfNew()
    // A third name of that host has no more than the two.
    const waiting = [...relay.log.pool.waiting()]
    const [first] = waiting
    assert.ok(first)
    relay.log.pool.evict(first)
    assert.deepEqual([...relay.intake.released()], waiting.slice(share, share + 1))
    assert.equal(relay.intake.take(held, from('mallet', 'crowd')), 'later')
    const last = waiting.at(-1)
    assert.ok(last)
    assert.equal(relay.intake.take(last, from('mallet', 'crowd')), 'later', 'beside others in a bundle, too')
    assert.equal(relay.intake.take(last, from('carl', 'elsewhere')), 'accept')
    assert.equal(relay.intake.take(last, from('carl', 'elsewhere')), 'ignore')
    for (const { log } of [relay, next]) await log.pool.stored()
  })

  it('are taken out of a bundle in which others have theirs passed on', async () => {
    const topic = 'messages'
    const hostOf = async (): Promise<Host> => {
      const key = await generateKeyPair('Ed25519')
      const host = await Host.create({ key, listen: ['/ip4/127.0.0.1/tcp/0'], topics: [topic] })
      await host.start()
      cleanup.add(() => host.stop())
      return host
    }
    const [sender, host, next] = [await hostOf(), await hostOf(), await hostOf()]
    const relay = await opened()
    const publish = async (envelopes: readonly EnvelopeBytes[]): Promise<void> => {
      await host.publish(topic, encodeBundle(envelopes))
    }
    const intake = new GossipIntake(
      host,
      topic,
      checking,
      NO_AUDIENCE,
      (message, peer) => relay.intake.take(message, host.bringerOf(peer)),
      undefined,
      new ValidationShares(),
      publish
    )
    await intake.start()
    cleanup.add(() => intake.stop())
    const heard = Promise.withResolvers<readonly EnvelopeBytes[]>()
    next.subscribe(topic, (_, data) => {
      heard.resolve(decodeBundle(data))
      return 'accept'
    })
    const [address] = host.addresses()
    assert.ok(address)
    for (const other of [sender, next]) await other.connect(address, deadline())
    await sender.whenSubscribed(topic, host.peerId, deadline())
    await host.whenSubscribed(topic, next.peerId, deadline())
    const share = LIMITS.pooledOfPeer / 2
    const crowd = { ...host.bringerOf(sender.peerId), peer: 'mallory' }
    for (let sent = 0; sent < share - 1; sent += 1)
      assert.equal(relay.intake.take(messageOfNew(), crowd), 'accept')
    const both = envelopesOf(writer.says(2))
    await sender.publish(topic, encodeBundle(both))
    deadline().addEventListener('abort', () => heard.reject(new Error('nothing was passed on')))
    assert.deepEqual((await heard.promise).map(toHex), both.slice(0, 1).map(toHex))
    assert.equal(relay.log.pool.size, share + 1)
    await relay.log.pool.stored()
  })
})
