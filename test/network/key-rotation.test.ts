import assert from 'node:assert/strict'
import { type EnvelopeBytes, toHex } from '#src/core/bytes.js'
import { certifyKey } from '#src/core/encryption-key.js'
import { decodeEnvelope } from '#src/core/envelope.js'
import { LIMITS } from '#src/core/limits.js'
import { decodeMessage } from '#src/core/message.js'
import { Opener, type SealingKey } from '#src/core/sealing.js'
import { Author } from '../helpers/authors.js'
import { assertBytes } from '../helpers/bytes.js'
import { dated, sealingKeyOf } from '../helpers/certificates.js'
import { deadline, present } from '../helpers/changes.js'
import { type CheckedPeer, checkPeer, expectReceiptsHold } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { FalseSequencer } from '../helpers/false-sequencer.js'
import { encryptionKey, identity, makeNetwork } from '../helpers/networks.js'
import { RunningClient, RunningFollower, RunningSequencer } from '../helpers/peers.js'
import { RawPeer } from '../helpers/raw-peer.js'

interface Told {
  readonly author: string
  readonly sequence: bigint
  readonly text: string
  /** Of the key it was sealed to, hex. */
  readonly keyId: string
}

/** What a log says, in its order, opened with all the keys its sequencer ever had. */
async function toldIn(checked: CheckedPeer, sequencer: RunningSequencer): Promise<Told[]> {
  const opener = new Opener(sequencer.keys)
  return Promise.all(
    checked.messages.map(async ({ envelope }) => {
      const message = decodeMessage(decodeEnvelope(envelope).payload)
      assert.ok(message.body.kind === 'sealed')
      const opened = await opener.open(message, message.body.sealed)
      assert.ok(opened.ok)
      const { text } = JSON.parse(Buffer.from(opened.plaintext).toString())
      const { author, sequence } = message
      return { author: toHex(author), sequence, text, keyId: toHex(message.body.sealed.keyId) }
    })
  )
}

function texts(about: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${about} ${index}`)
}

/** Everything these clients said is in the log once, and each has a receipt for it and no refusal. */
function expectSaidOnce(told: readonly Told[], clients: readonly RunningClient[], count: number): void {
  for (const client of clients) {
    const own = told.filter(({ author }) => author === toHex(client.peerId))
    assert.deepEqual(own.map(({ text }) => text).sort(), texts(client.name, count).sort())
    assert.equal(client.receipts.length, count)
    assert.deepEqual(client.events.of('refused'), [])
  }
}

/** What somebody overhears that the client is connected to. */
function expectSealedTo({ keyId }: SealingKey, envelopes: readonly EnvelopeBytes[]): void {
  for (const envelope of envelopes) {
    const { body } = decodeMessage(decodeEnvelope(envelope).payload)
    assert.ok(body.kind === 'sealed')
    assertBytes(body.sealed.keyId, keyId)
  }
}

describe('key rotation', () => {
  const cleanup = new Cleanup(afterEach)

  it('within the grace nothing is refused or sealed again, and new connections seal to the new key', async () => {
    const net = await makeNetwork({ blockSize: 10 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const alice = await RunningClient.connected(cleanup, net, sequencer.address, 'alice')
    await alice.send(20, 'before')
    const newest = await sequencer.rotate('second')
    assert.equal(sequencer.events.of('key').at(-1)?.older, 1)
    await alice.send(20, 'after')
    const bob = await RunningClient.connected(cleanup, net, sequencer.address, 'bob')
    await bob.send(10, 'of bob')
    await Promise.all([alice.receipted(40), bob.receipted(10)])
    assert.deepEqual([...alice.events.of('refused'), ...alice.events.of('resealed')], [])
    await Promise.all([alice.stop(), bob.stop()])
    const told = await toldIn(await sequencer.check(), sequencer)
    const byAlice = told.filter(({ author }) => author === toHex(alice.peerId))
    assert.deepEqual(
      byAlice.map(({ text }) => text),
      [...texts('before', 20), ...texts('after', 20)],
      'in the order in which she sent them'
    )
    const byBob = told.filter(({ author }) => author === toHex(bob.peerId))
    assert.deepEqual(new Set(byBob.map(({ keyId }) => keyId)), new Set([toHex(newest.keyId)]))
  })

  it('after the grace clients seal what is refused again, through followers as well: each message stands once', async () => {
    const net = await makeNetwork({ blockSize: 10 })
    const sequencer = await RunningSequencer.start(cleanup, net, { keyGraceMs: 0 })
    const near = await RunningFollower.start(cleanup, net, [sequencer.address], 'near')
    const far = await RunningFollower.start(cleanup, net, [near.address], 'far')
    const clients = await Promise.all(
      [sequencer, near, far].map(({ address }, index) =>
        RunningClient.connected(cleanup, net, address, `client ${index}`)
      )
    )
    const ROUNDS = 2
    const COUNT = 30
    for (let round = 0; round < ROUNDS; round += 1) {
      // The key changes while messages are on their way.
      const sending = clients.map(async client => {
        for (let index = 0; index < COUNT; index += 1)
          await client.client.send({ text: `${client.name} ${round * COUNT + index}` }, deadline())
      })
      await sequencer.rotate(`key ${round}`)
      await Promise.all(sending)
      await Promise.all(clients.map(client => client.receipted((round + 1) * COUNT)))
    }
    for (const client of clients) {
      assert.ok(client.events.count('resealed') > 0)
      assert.deepEqual(client.events.of('warning'), [])
      assert.equal(await client.client.settled(deadline()), 0)
      const { sent, accepted, refused } = client.client.summary()
      assert.deepEqual({ sent, accepted, refused }, { sent: 60, accepted: 60, refused: 0 })
    }
    await far.has(18)
    await Promise.all(clients.map(client => client.stop()))
    const checked = await sequencer.check()
    for (const client of clients) expectReceiptsHold(checked, client.receipts)
    expectSaidOnce(await toldIn(checked, sequencer), clients, ROUNDS * COUNT)
    await far.stop()
    const copy = await checkPeer(far.folder, net, { receipts: false, openingKeys: sequencer.keys })
    assert.deepEqual(copy.headers, checked.headers)
  })

  it('a client that a follower gives an outdated key gets the new one from it after the first refusal', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net, { keyGraceMs: 0 })
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address])
    const { keyId } = await sequencer.rotate('second')
    const client = await RunningClient.connected(cleanup, net, follower.address)
    await client.send(5, client.name)
    await client.receipted(5)
    await client.stop()
    const told = await toldIn(await sequencer.check(), sequencer)
    expectSaidOnce(told, [client], 5)
    assert.deepEqual(new Set(told.map(message => message.keyId)), new Set([toHex(keyId)]))
  })

  it('what a client has had in its outbox since before the rotation is sealed again', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net, { keyGraceMs: 0 })
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await sequencer.stop()
    await client.alone()
    await client.send(20, client.name)
    await client.stop()
    await sequencer.rotate('second')
    await sequencer.start()
    await client.start()
    await client.receipted(20)
    assert.equal(client.events.count('resealed'), 20)
    await client.stop()
    expectSaidOnce(await toldIn(await sequencer.check(), sequencer), [client], 20)
  })

  it('a message that was taken before gets its receipt once more after the grace; a new one is refused', async () => {
    const net = await makeNetwork({ blockSize: 2 })
    const sequencer = await RunningSequencer.start(cleanup, net, { keyGraceMs: 0 })
    const alice = await Author.create(net, 'alice')
    const before = alice.says(3)
    const first = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    await first.publish(...before.map(({ envelope }) => envelope))
    await first.receipted(3)
    await sequencer.events.times('block', 1)
    await sequencer.rotate('second')
    await first.host.stop()

    // In a block, and pending.
    for (const restarts of [0, 1]) {
      if (restarts > 0) await sequencer.restart()
      const peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
      const late = alice.say({ text: 'late' })
      const bundle = [...before, late].map(({ envelope }) => envelope)
      await peer.publish(...bundle)
      const { reason, detail } = await peer.refusalOf(late.leaf)
      assert.equal(reason, 'unknown key')
      assert.ok(detail.includes(toHex(net.openingKey.keyId)), detail)
      for (const { leaf } of before)
        assertBytes((await peer.receiptOf(leaf)).bytes, (await first.receiptOf(leaf)).bytes)
      assert.equal(peer.refusals.length, 1)
      await peer.host.stop()
    }

    // Another message under a sequence that is taken gets no receipt.
    const peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    const other = alice.say({ text: 'another' }, { sequence: present(before[0]).sequence })
    await peer.publish(other.envelope)
    assert.equal((await peer.refusalOf(other.leaf)).reason, 'unknown key')
    assert.equal(peer.receipts.length, 0)
    assert.equal((await sequencer.check()).messages.length, 3)
  })

  it('a message sealed to a key within its grace is taken until the clock says that it is over', async () => {
    const net = await makeNetwork()
    let now = 1_800_000_000_000
    const wishes = { keyGraceMs: 60_000, now: () => now }
    const sequencer = await RunningSequencer.start(cleanup, net, wishes)
    const alice = await Author.create(net, 'alice')
    const peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    const { keyId } = await sequencer.rotate('second')
    assertBytes((await sealingKeyOf(peer.sequencerAsker, net)).keyId, keyId, 'announced at once')
    const [soon, later] = alice.says(2)
    now += 59_999
    await peer.publish(present(soon).envelope)
    await peer.receiptOf(present(soon).leaf)
    now += 1
    await peer.publish(present(later).envelope)
    assert.equal((await peer.refusalOf(present(later).leaf)).reason, 'unknown key')
    await sequencer.check()
  })

  it('a hostile follower that serves an old certificate, whose key has leaked, gets nothing from a client that has seen a newer one', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net)
    const spy = await RawPeer.connect(cleanup, net, sequencer.address)
    const leaked = await spy.sequencerAsker.certificate()
    await sequencer.rotate('second')
    const mallory = await FalseSequencer.startAs(cleanup, net, await identity('mallory'))
    mallory.certificate = leaked

    const client = await RunningClient.connected(cleanup, net, [sequencer.address, mallory.address])
    await client.send(1)
    await client.receipted(1)
    await sequencer.stop()
    await client.alone()
    await client.send(1, 'while the sequencer is away')
    await mallory.until('the client has come', () => mallory.keyQueries > 0)
    await client.events.until('the older one is refused', () =>
      client.events
        .of('warning')
        .some(({ message }) => /older certificate .*: serial \d+ after \d+/.test(message))
    )
    // It remembers.
    const asked = mallory.keyQueries
    await client.stop()
    await client.start()
    await mallory.until('the client has come again', () => mallory.keyQueries > asked)
    await sequencer.start()
    await client.receipted(2)
    await client.send(1, 'after a restart')
    await client.receipted(3)
    expectSealedTo(sequencer.keys[0], mallory.messages)
    assert.equal(client.events.count('resealed'), 0)
    await client.stop()
    const { keyId } = sequencer.keys[0]
    const told = await toldIn(await sequencer.check(), sequencer)
    assert.deepEqual(new Set(told.map(message => message.keyId)), new Set([toHex(keyId)]))
  })

  it('a client that was never here before refuses an old certificate by its end, and turns to another peer', async () => {
    const net = await makeNetwork()
    const mallory = await FalseSequencer.startAs(cleanup, net, await identity('mallory'))
    const old = Date.now() - LIMITS.certificateLifeMs - LIMITS.clockSkewMs - 1
    mallory.certificate = certifyKey(dated(net.openingKey, old, old), net.network.id, net.signer)
    const sequencer = await RunningSequencer.start(cleanup, net)
    await sequencer.rotate('second')
    const client = await RunningClient.connected(cleanup, net, [mallory.address, sequencer.address])
    await client.send(3)
    await client.receipted(3)
    expectSealedTo(sequencer.keys[0], mallory.messages)
    assert.equal(mallory.keyQueries, 1)
    assert.match(
      client.events
        .of('warning')
        .map(({ message }) => message)
        .join(),
      /ended at .* by the clock of this machine it is .* check the clock of this machine/
    )
    await client.stop()
    const { keyId } = sequencer.keys[0]
    const told = await toldIn(await sequencer.check(), sequencer)
    assert.deepEqual(new Set(told.map(message => message.keyId)), new Set([toHex(keyId)]))
  })

  it('a client whose clock is past the end of the certificate seals nothing, and says so, until there is a newer one', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net)
    let ahead = 0
    const client = await RunningClient.connected(cleanup, net, sequencer.address, 'alice', {
      now: () => Date.now() + ahead
    })
    await client.send(1)
    await client.receipted(1)
    // No timer knows of it.
    ahead = LIMITS.certificateLifeMs + 2 * LIMITS.clockSkewMs
    await client.send(1)
    await client.events.until('it says so', () =>
      client.events.of('warning').some(({ message }) => /serial \d+\) ended at/.test(message))
    )
    assert.equal(client.client.summary().sent, 1)
    ahead = 0
    await client.receipted(2)
    assert.equal(client.client.summary().sent, 2)
  })

  it('a follower keeps the newest certificate that it has seen, whatever the peer before it serves', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net)
    const spy = await RawPeer.connect(cleanup, net, sequencer.address)
    const leaked = await spy.sequencerAsker.certificate()
    const { keyId } = await sequencer.rotate('second')
    const mallory = await FalseSequencer.startAs(cleanup, net, await identity('mallory'))
    mallory.certificate = leaked
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address, mallory.address])
    await follower.events.times('connected', 1)
    for (const restarts of [0, 1]) {
      if (restarts === 0) await sequencer.stop()
      else await follower.restart()
      const asked = mallory.keyQueries
      await mallory.until('the follower has come', () => mallory.keyQueries > asked)
    }
    await sequencer.start()
    await follower.events.times('connected', 2)
    const client = await RunningClient.connected(cleanup, net, follower.address)
    await client.send(1)
    await client.receipted(1)
    await client.stop()
    const told = await toldIn(await sequencer.check(), sequencer)
    assert.deepEqual(
      told.map(message => message.keyId),
      [toHex(keyId)]
    )
  })

  it('a certificate of before there were serials is taken from a sequencer of that time, and named old', async () => {
    const net = await makeNetwork()
    const sequencer = await FalseSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(1)
    await sequencer.accept([await sequencer.firstMessage()])
    await client.receipted(1)
    assert.match(
      client.events
        .of('warning')
        .map(({ message }) => message)
        .join(),
      /certificate of the encryption key is an old one, without serial and end/
    )
  })

  it('many refusals at once make a client ask for the key once', async () => {
    const net = await makeNetwork()
    const sequencer = await FalseSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(200)
    await sequencer.until('all have arrived', () => sequencer.messageCount === 200)
    const old = sequencer.messages
    sequencer.key = await encryptionKey('second')
    const before = sequencer.keyQueries
    for (const envelope of old) await sequencer.refuseForKey(envelope)
    await client.events.times('resealed', 200)
    await sequencer.until('all have arrived again', () => sequencer.messageCount >= 400)
    assert.equal(sequencer.keyQueries, before + 1)
    await sequencer.accept(sequencer.messages.slice(200, 400))
    await client.receipted(200)
    assert.equal(client.events.count('refused'), 0)
  })

  it('a client that is refused for its key, and finds no other, keeps its messages and asks again', async () => {
    const net = await makeNetwork()
    const sequencer = await FalseSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(1)
    const before = sequencer.keyQueries
    await sequencer.refuseForKey(await sequencer.firstMessage())
    await sequencer.until('asked three times', () => sequencer.keyQueries >= before + 3)
    assert.deepEqual([client.events.count('resealed'), client.events.count('refused')], [0, 0])
    const told = client.events.of('warning').filter(({ message }) => message.includes('opens nothing more'))
    assert.equal(told.length, 1)
    sequencer.key = await encryptionKey('second')
    await client.events.times('resealed', 1)
    await sequencer.until('sealed to the new key', () => sequencer.messageCount === 2)
    await sequencer.accept(sequencer.messages.slice(1))
    await client.receipted(1)
    assert.deepEqual(
      client.receipts.map(({ sequence }) => sequence),
      [2n]
    )
  })
})
