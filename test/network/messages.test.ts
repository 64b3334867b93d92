import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { encodeBundle } from '#src/core/bundle.js'
import { concat, type EnvelopeBytes, type Hash, toHex, utf8 } from '#src/core/bytes.js'
import { decodeEnvelope, signEnvelope } from '#src/core/envelope.js'
import { sha256 } from '#src/core/hash.js'
import { leafHash, verifyInclusion } from '#src/core/merkle.js'
import { encodeMessage, type Message, type Sealed } from '#src/core/message.js'
import type { Reason } from '#src/core/refusal.js'
import { seal } from '#src/core/sealing.js'
import { Bundle, Envelope } from '#src/core/wire/tallystick.js'
import { Author, envelopesOf, type Made, madeOf } from '../helpers/authors.js'
import { assertBytes, flipped } from '../helpers/bytes.js'
import { sealingKeyOf } from '../helpers/certificates.js'
import { present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import {
  encryptionKey,
  identity,
  makeNetwork,
  type NetworkWishes,
  rsaIdentity,
  secp256k1Identity,
  type TestNetwork
} from '../helpers/networks.js'
import { RunningSequencer } from '../helpers/peers.js'
import { RawPeer } from '../helpers/raw-peer.js'

const MEMBERS = [await identity('alice')]

function sealedOf({ body }: Message): Sealed {
  if (body.kind !== 'sealed') throw new Error('the body is not sealed')
  return body.sealed
}

/** The message's envelope with parts of it replaced, signature and all else as they were. */
function altered(
  { envelope, message }: Made,
  changes: Partial<{ publicKey: Uint8Array; payload: Uint8Array; signature: Uint8Array }>
): Made {
  return madeOf(Envelope.encode({ ...decodeEnvelope(envelope), ...changes }), message)
}

interface BadMessage {
  readonly what: string
  readonly reason: Reason
  readonly make: (author: Author, net: TestNetwork) => Made | Promise<Made>
}

const BAD_MESSAGES: readonly BadMessage[] = [
  {
    what: 'a message that does not fit the schema',
    reason: 'bad schema',
    make: author => author.say({ text: 5 })
  },
  { what: 'a message that is no JSON', reason: 'bad schema', make: author => author.sealed(utf8('hello')) },
  {
    what: 'a message whose JSON is not in canonical form',
    reason: 'bad schema',
    make: author => author.sealed(utf8('{ "text": "hello" }'))
  },
  { what: 'an empty message', reason: 'bad schema', make: author => author.sealed(new Uint8Array(0)) },
  {
    what: 'an unsigned message',
    reason: 'bad signature',
    make: author => altered(author.say({ text: 'x' }), { signature: new Uint8Array(0) })
  },
  {
    what: 'a message with a wrong signature',
    reason: 'bad signature',
    make: author => altered(author.say({ text: 'x' }), { signature: randomBytes(64) })
  },
  {
    what: "a message with the signature of another one of its author's",
    reason: 'bad signature',
    make: author => {
      const { signature } = decodeEnvelope(author.say({ text: 'x' }).envelope)
      return altered(author.say({ text: 'y' }), { signature })
    }
  },
  {
    what: 'a message signed by one and carrying the key of another',
    reason: 'bad signature',
    make: async (author, net) => {
      const mallory = await Author.create(net, 'mallory')
      const claim = author.claim()
      const payload = encodeMessage(author.signed(claim, { kind: 'open', bytes: utf8('x') }).message)
      const { signature } = decodeEnvelope(signEnvelope('message', payload, mallory.signer))
      const honest = madeOf(signEnvelope('message', payload, author.signer), {
        ...claim,
        body: { kind: 'open', bytes: utf8('x') }
      })
      return altered(honest, { signature })
    }
  },
  {
    what: 'a message whose body was tampered with',
    reason: 'bad signature',
    make: author => {
      const made = author.say({ text: 'pay 1' })
      const sealed = sealedOf(made.message)
      const body = {
        kind: 'sealed',
        sealed: { ...sealed, ciphertext: flipped(sealed.ciphertext, 3) }
      } as const
      return altered(made, { payload: encodeMessage({ ...made.message, body }) })
    }
  },
  {
    what: 'a message whose time was tampered with',
    reason: 'bad signature',
    make: author => {
      const made = author.say({ text: 'x' })
      return altered(made, { payload: encodeMessage({ ...made.message, time: made.message.time + 1 }) })
    }
  },
  {
    what: 'a message whose signature was made for another kind of thing',
    reason: 'bad signature',
    make: author => {
      const { message } = author.say({ text: 'x' })
      return madeOf(signEnvelope('receipt', encodeMessage(message), author.signer), message)
    }
  },
  {
    what: "a message in someone else's name, signed with the own key",
    reason: 'wrong author',
    make: async (author, net) =>
      author.say({ text: 'x' }, { author: (await Author.create(net, 'bob')).peerId })
  },
  {
    what: 'a message for another network',
    reason: 'wrong network',
    make: author => author.say({ text: 'x' }, { network: sha256(utf8('another network')) })
  },
  {
    what: 'a message sealed to a key that the sequencer does not hold',
    reason: 'unknown key',
    make: async (author, net) =>
      (await Author.create(net, author.key, await encryptionKey('nobody'))).say({ text: 'x' })
  },
  {
    what: "a message sealed to a wrong key under the name of the sequencer's",
    reason: 'does not open',
    make: async (author, net) => {
      const wrong = await encryptionKey('nobody')
      const { keyId } = net.openingKey
      return (await Author.create(net, author.key, { keyId, publicKey: wrong.publicKey })).say({ text: 'x' })
    }
  },
  {
    what: "another author's sealed body under the own name (changed sender)",
    reason: 'does not open',
    make: async (author, net) => {
      const { message } = (await Author.create(net, 'victim')).say({ text: 'secret' })
      return author.signed(author.claim({ sequence: message.sequence }), message.body)
    }
  },
  {
    what: 'a ciphertext moved to another sequence of its author',
    reason: 'does not open',
    make: author => {
      const { message } = author.say({ text: 'secret' })
      return author.signed(author.claim(), message.body)
    }
  },
  {
    what: 'a ciphertext moved to another time',
    reason: 'does not open',
    make: author => {
      const claim = author.claim()
      const sealed = seal(author.context, claim, utf8('{"text":"x"}'))
      return author.signed({ ...claim, time: claim.time + 1 }, { kind: 'sealed', sealed })
    }
  },
  {
    what: "a ciphertext moved to another session of its author's",
    reason: 'does not open',
    make: async (author, net) => {
      const { context } = await Author.create(net, author.key)
      const claim = author.claim()
      const { keyId, ciphertext } = seal(author.context, claim, utf8('{"text":"x"}'))
      return author.signed(claim, { kind: 'sealed', sealed: { keyId, enc: context.enc, ciphertext } })
    }
  },
  {
    what: 'a message whose key agreement share is a point of small order',
    reason: 'does not open',
    make: author => {
      const { message } = author.say({ text: 'x' })
      return author.signed(author.claim(), {
        kind: 'sealed',
        sealed: { ...sealedOf(message), enc: new Uint8Array(32) }
      })
    }
  },
  {
    what: 'a message with an open body',
    reason: 'not sealed',
    make: author => author.signed(author.claim(), { kind: 'open', bytes: utf8('{"text":"x"}') })
  },
  {
    what: 'a message longer than the network allows',
    reason: 'too large',
    make: author => author.say({ text: 'x'.repeat(16_384) })
  },
  {
    what: 'an envelope with a byte behind its end',
    reason: 'bad encoding',
    make: author => {
      const { envelope, message } = author.say({ text: 'x' })
      return madeOf(concat(envelope, Uint8Array.of(0)), message)
    }
  },
  {
    what: 'an envelope that is cut short',
    reason: 'bad encoding',
    make: author => {
      const { envelope, message } = author.say({ text: 'x' })
      return madeOf(envelope.subarray(0, -1), message)
    }
  },
  {
    what: 'an empty envelope',
    reason: 'bad encoding',
    make: author => madeOf(new Uint8Array(0), author.say({ text: 'x' }).message)
  },
  {
    what: 'an envelope with a field that nobody knows',
    reason: 'bad encoding',
    make: author => {
      const { envelope, message } = author.say({ text: 'x' })
      return madeOf(concat(envelope, Uint8Array.of(0x32, 1, 0)), message)
    }
  },
  {
    what: 'an envelope around a payload that is no message',
    reason: 'bad encoding',
    make: author => {
      const { message } = author.say({ text: 'x' })
      return madeOf(signEnvelope('message', randomBytes(100), author.signer), message)
    }
  },
  {
    what: 'a message with sequence 0',
    reason: 'bad encoding',
    make: author => author.say({ text: 'x' }, { sequence: 0n })
  },
  {
    what: 'a message whose ciphertext was not padded',
    reason: 'bad encoding',
    make: author => {
      const { message } = author.say({ text: 'x' })
      const sealed = sealedOf(message)
      const ciphertext = sealed.ciphertext.subarray(1)
      return author.signed(author.claim(), { kind: 'sealed', sealed: { ...sealed, ciphertext } })
    }
  },
  {
    what: 'a message under an Ed25519 key of small order, for which anyone can sign',
    reason: 'bad encoding',
    make: author => {
      // libp2p's PublicKey: type 1 (Ed25519), 32 bytes: the neutral element.
      const publicKey = concat(Uint8Array.of(8, 1, 18, 32, 1), new Uint8Array(31))
      return altered(author.say({ text: 'x' }), { publicKey, signature: new Uint8Array(64) })
    }
  },
  {
    what: 'a message under an RSA key of 1024 bits',
    reason: 'bad encoding',
    make: async author => {
      const key = await rsaIdentity(1024)
      return altered(author.say({ text: 'x' }), { publicKey: publicKeyToProtobuf(key.publicKey) })
    }
  }
]

interface BadBundle {
  readonly what: string
  readonly make: (author: Author) => Uint8Array
}

const BAD_BUNDLES: readonly BadBundle[] = [
  { what: 'bytes that are no bundle', make: () => randomBytes(300) },
  { what: 'a single zero byte', make: () => Uint8Array.of(0) },
  { what: 'an empty bundle', make: () => encodeBundle([], randomBytes(8)) },
  {
    what: 'a bundle of 257 messages',
    make: author => Bundle.encode({ envelopes: envelopesOf(author.says(257)), salt: new Uint8Array(0) })
  },
  {
    what: 'a bundle of more than a megabyte',
    make: author =>
      Bundle.encode({ envelopes: envelopesOf(author.says(1)), salt: randomBytes(1024 * 1024 + 1) })
  },
  {
    what: 'a bundle with a byte behind its end',
    make: author => concat(encodeBundle(envelopesOf(author.says(1))), Uint8Array.of(0))
  },
  {
    what: 'a bundle with its fields in another order',
    make: author => {
      const bundle = encodeBundle(envelopesOf(author.says(1)))
      return concat(Uint8Array.of(0x12, 1, 7), bundle)
    }
  },
  {
    what: 'a bundle that announces more bytes than it has',
    make: () => Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0x7f)
  }
]

describe('bad messages at the sequencer', () => {
  const cleanup = new Cleanup(after)
  const good: Made[] = []
  let net: TestNetwork
  let sequencer: RunningSequencer
  let peer: RawPeer
  let alice: Author

  before(async () => {
    net = await makeNetwork({ blockSize: 1000 })
    sequencer = await RunningSequencer.start(cleanup, net)
    alice = await Author.create(net, 'alice')
    peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
  })

  /** Nothing has been stored but the good messages, and the next good one comes right behind them. */
  async function expectNothingStored(): Promise<void> {
    await expectPending(peer, good.length)
    const next = alice.say({ text: 'the next one' })
    await peer.publish(next.envelope)
    assert.equal((await peer.receiptOf(next.leaf)).position, good.length)
    good.push(next)
  }

  for (const { what, reason, make } of BAD_MESSAGES)
    it(`${what} is refused: ${reason}; nothing of it is stored`, async () => {
      const bad = await make(alice, net)
      await peer.publish(bad.envelope)
      const refusal = await peer.refusalOf(bad.leaf)
      assert.equal(refusal.reason, reason, refusal.detail)
      assert.notEqual(refusal.detail, '')
      await expectNothingStored()
    })

  for (const { what, make } of BAD_BUNDLES)
    it(`${what} is refused whole: bad encoding; nothing of it is stored`, async () => {
      const bytes = make(alice)
      await peer.publishBytes(bytes)
      const refusal = await peer.refusalOf(leafHash(bytes))
      assert.equal(refusal.reason, 'bad encoding', refusal.detail)
      await expectNothingStored()
    })

  it('a message of no bytes on the topic harms nobody', async () => {
    await peer.publishBytes(new Uint8Array(0))
    await expectNothingStored()
  })

  it('five hundred malformed bundles in a row do not keep the next good message out', async () => {
    const mallory = await RawPeer.connect(cleanup, net, sequencer.address, 'mallory')
    for (let count = 0; count < 500; count += 1) await mallory.publishBytes(randomBytes(200))
    await mallory.until('500 refusals', () => mallory.refusals.length === 500)
    await expectNothingStored()
  })

  it('a flood of twenty thousand messages of garbage is refused message by message, and others are served', async () => {
    const mallory = await RawPeer.connect(cleanup, net, sequencer.address, 'mallory of the flood')
    const bundles = Array.from({ length: 80 }, (_, bundle) =>
      Array.from(
        { length: 256 },
        (_, index) => Uint8Array.of(7, bundle, index) as Uint8Array as EnvelopeBytes
      )
    )
    for (const bundle of bundles) await mallory.publish(...bundle)
    await mallory.until('all refusals', () => mallory.refusals.length === 80 * 256)
    const reasons = new Set(mallory.refusals.map(({ reason }) => reason))
    // What came while as many as one peer may have waited to be looked at was not looked at.
    assert.deepEqual([...reasons].sort(), ['bad encoding', 'rate limited'])
    await expectNothingStored()
  })

  it('after all of them the folder holds the good messages and nothing else', async () => {
    const { height, messages } = await sequencer.check()
    assert.equal(height, 0)
    assert.deepEqual(messages.map(leafOf), good.map(leafOf))
  })
})

describe('messages at the sequencer', () => {
  const cleanup = new Cleanup(afterEach)

  async function setUp(wishes: NetworkWishes = {}): Promise<{
    net: TestNetwork
    sequencer: RunningSequencer
    peer: RawPeer
    alice: Author
  }> {
    const net = await makeNetwork(wishes)
    const sequencer = await RunningSequencer.start(cleanup, net)
    const alice = await Author.create(net, 'alice')
    const peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    return { net, sequencer, peer, alice }
  }

  it('a valid message is accepted, receipted, and provable once it is in a block', async () => {
    const { sequencer, peer, alice } = await setUp({ blockSize: 2 })
    const [first, second] = alice.says(2)
    assert.ok(first && second)
    await peer.publish(first.envelope)
    const receipt = await peer.receiptOf(first.leaf)
    assertBytes(receipt.author, alice.peerId)
    assert.deepEqual([receipt.sequence, receipt.position], [1n, 0])
    await peer.publish(second.envelope)
    await sequencer.events.times('block', 1)
    const { leaf, position, path, signed } = await peer.asker.inclusion({ leaf: first.leaf })
    assert.equal(position, 0)
    assert.ok(verifyInclusion(leaf, position, signed.header.size, path, signed.header.log))
    const checked = await sequencer.check()
    assert.deepEqual({ height: checked.height, pending: checked.pending }, { height: 1, pending: 0 })
    assert.deepEqual(checked.messages.map(leafOf), [first, second].map(leafOf))
    assertBytes(checked.messages[0]?.envelope, first.envelope, 'stored as it came')
  })

  it('authors with Ed25519, secp256k1 and RSA keys are all accepted', async () => {
    const { net, sequencer, peer } = await setUp()
    for (const key of [await identity('ed'), await secp256k1Identity(), await rsaIdentity()]) {
      const own = await RawPeer.connect(cleanup, net, sequencer.address, key)
      const made = (await Author.create(net, key)).say({ text: key.type })
      await peer.publish(made.envelope)
      assert.equal((await own.receiptOf(made.leaf)).sequence, 1n)
    }
    assert.equal((await sequencer.check()).pending, 3)
  })

  it('the largest sequence and the largest message that there may be are accepted', async () => {
    const { sequencer, peer, alice } = await setUp({ messageBytes: 1024 })
    const probe = alice.say({ text: 'x' }).envelope.length
    // Padding goes in steps of 64: the text that fills the last step below the limit.
    const room = Math.floor((1024 - probe) / 64) * 64
    const largest = alice.say({ text: 'x'.repeat(1 + room) })
    assert.ok(largest.envelope.length > 1024 - 64 && largest.envelope.length <= 1024)
    const last = alice.say({ text: 'x' }, { sequence: 2n ** 64n - 1n })
    await peer.publish(largest.envelope, last.envelope)
    assert.equal((await peer.receiptOf(largest.leaf)).position, 0)
    assert.equal((await peer.receiptOf(last.leaf)).sequence, 2n ** 64n - 1n)
    assert.equal((await sequencer.check()).pending, 2)
  })

  it('in a bundle of good and bad messages the good ones are stored in order, each bad one is refused', async () => {
    const { sequencer, peer, alice } = await setUp()
    const [first, second] = alice.says(2)
    const unfit = alice.say({ text: '' })
    const unsigned = altered(alice.say({ text: 'x' }), { signature: new Uint8Array(0) })
    assert.ok(first && second)
    await peer.publish(first.envelope, unfit.envelope, unsigned.envelope, second.envelope)
    assert.equal((await peer.refusalOf(unfit.leaf)).reason, 'bad schema')
    assert.equal((await peer.refusalOf(unsigned.leaf)).reason, 'bad signature')
    await peer.receipted(2)
    const checked = await sequencer.check()
    assert.deepEqual(
      checked.messages.map(({ sequence }) => sequence),
      [first.sequence, second.sequence]
    )
  })

  it('the refusal of a forged message goes to the peer that handed it over, not to the author it names', async () => {
    const { net, sequencer, peer, alice } = await setUp()
    const mallory = await Author.create(net, 'mallory')
    const malloryPeer = await RawPeer.connect(cleanup, net, sequencer.address, mallory.key)
    const forged = mallory.say({ text: 'x' }, { author: alice.peerId })
    const unsigned = altered(alice.say({ text: 'x' }), { signature: new Uint8Array(64) })
    await malloryPeer.publish(forged.envelope)
    await malloryPeer.publish(unsigned.envelope)
    assert.equal((await malloryPeer.refusalOf(forged.leaf)).reason, 'wrong author')
    assert.equal((await malloryPeer.refusalOf(unsigned.leaf)).reason, 'bad signature')
    // Alice's stream is in order: had she been told of the forgeries, it would have come before this.
    const own = alice.say({ text: 5 })
    await peer.publish(own.envelope)
    await peer.refusalOf(own.leaf)
    assert.deepEqual(
      peer.refusals.map(({ reason }) => reason),
      ['bad schema']
    )
    assert.equal((await sequencer.check()).size, 0)
  })

  it('the refusal of a message that its author signed goes to the author, whoever handed it over', async () => {
    const { net, sequencer, peer, alice } = await setUp()
    const relay = await RawPeer.connect(cleanup, net, sequencer.address, 'relay')
    const unfit = alice.say({ text: 5 })
    await relay.publish(unfit.envelope)
    assert.equal((await peer.refusalOf(unfit.leaf)).reason, 'bad schema')
    assert.deepEqual(relay.refusals, [])
    assert.equal((await sequencer.check()).pending, 0)
  })

  it('a replay gives the same receipt again and one entry: before its block, in it, and after a restart', async () => {
    const { net, sequencer, peer, alice } = await setUp({ blockSize: 2 })
    const made = alice.say({ text: 'once' })
    const receipts: Uint8Array[] = []
    const replay = async (from: RawPeer): Promise<void> => {
      const before = from.receipts.length
      await from.publish(made.envelope)
      await from.receipted(before + 1)
      receipts.push(present(from.receipts.at(-1)).bytes)
    }
    await replay(peer)
    await replay(peer)
    const other = alice.say({ text: 'other' })
    await peer.publish(other.envelope)
    await peer.receiptOf(other.leaf)
    await sequencer.events.times('block', 1)
    await replay(peer)
    await sequencer.restart()
    await replay(await RawPeer.connect(cleanup, net, sequencer.address, alice.key))
    assert.equal(receipts.length, 4)
    for (const receipt of receipts) assertBytes(receipt, present(receipts[0]))
    const { height, size, pending } = await sequencer.check()
    assert.deepEqual({ height, size, pending }, { height: 1, size: 2, pending: 0 })
  })

  it('messages that share a receipt and come again together are given it once', async () => {
    const { peer, alice } = await setUp()
    const made = alice.says(40)
    await peer.publish(...made.map(({ envelope }) => envelope))
    await peer.receipted(40)
    const signed = new Set(peer.receipts.map(({ bytes }) => Buffer.from(bytes).toString('hex')))
    const before = peer.frames.length
    await peer.publish(...made.map(({ envelope }) => envelope))
    await peer.receipted(80)
    assert.equal(peer.frames.length - before, signed.size)
  })

  it('a pending message that is replayed after a restart gives the same receipt and one entry', async () => {
    const { net, sequencer, peer, alice } = await setUp()
    const made = alice.say({ text: 'once' })
    await peer.publish(made.envelope)
    const { bytes } = await peer.receiptOf(made.leaf)
    await sequencer.restart()
    const again = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    await again.publish(made.envelope)
    assertBytes((await again.receiptOf(made.leaf)).bytes, bytes)
    assert.equal((await sequencer.check()).pending, 1)
  })

  it('a message twice in one bundle is one entry', async () => {
    const { sequencer, peer, alice } = await setUp()
    const made = alice.say({ text: 'once' })
    await peer.publish(made.envelope, made.envelope)
    await peer.receiptOf(made.leaf)
    await expectPending(peer, 1)
    assert.equal((await sequencer.check()).pending, 1)
  })

  it('a message heard from five neighbours at once is one entry, and its author is told', async () => {
    const { net, sequencer, peer, alice } = await setUp()
    const neighbours = await Promise.all(
      [1, 2, 3, 4, 5].map(number => RawPeer.connect(cleanup, net, sequencer.address, `neighbour ${number}`))
    )
    const made = alice.say({ text: 'once' })
    await Promise.all(neighbours.map(neighbour => neighbour.publish(made.envelope)))
    assert.equal((await peer.receiptOf(made.leaf)).position, 0)
    // What each neighbour hands over next comes after what it handed over first.
    for (const neighbour of neighbours) {
      const marker = randomBytes(10)
      await neighbour.publishBytes(marker)
      await neighbour.refusalOf(leafHash(marker))
      assert.deepEqual(neighbour.receipts, [], 'receipts are for authors')
    }
    const checked = await sequencer.check()
    assert.equal(checked.pending, 1)
  })

  for (const [when, blockSize] of [
    ['pending', 100],
    ['in a block', 1]
  ] as const)
    it(`another body under a sequence whose message is ${when} is refused: sequence taken`, async () => {
      const { net, sequencer, peer, alice } = await setUp({ blockSize })
      const first = alice.say({ text: 'first' })
      const second = alice.say({ text: 'second' }, { sequence: first.sequence })
      await peer.publish(first.envelope)
      await peer.receiptOf(first.leaf)
      if (blockSize === 1) await sequencer.events.times('block', 1)
      await peer.publish(second.envelope)
      assert.equal((await peer.refusalOf(second.leaf)).reason, 'sequence taken')
      await sequencer.restart()
      const again = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
      await again.publish(second.envelope)
      assert.equal((await again.refusalOf(second.leaf)).reason, 'sequence taken')
      const checked = await sequencer.check()
      assert.deepEqual(checked.messages.map(leafOf), [leafOf(first)])
    })

  it('of two bodies under one sequence in one bundle, the first is stored and the second refused', async () => {
    const { sequencer, peer, alice } = await setUp()
    const first = alice.say({ text: 'first' })
    const second = alice.say({ text: 'second' }, { sequence: first.sequence })
    await peer.publish(first.envelope, second.envelope)
    assert.equal((await peer.refusalOf(second.leaf)).reason, 'sequence taken')
    await peer.receiptOf(first.leaf)
    assert.equal((await sequencer.check()).pending, 1)
  })

  it('a sequence that was refused may be used again for a message that is valid', async () => {
    const { sequencer, peer, alice } = await setUp()
    const unfit = alice.say({ text: 5 })
    await peer.publish(unfit.envelope)
    await peer.refusalOf(unfit.leaf)
    const fit = alice.say({ text: 'five' }, { sequence: unfit.sequence })
    await peer.publish(fit.envelope)
    assert.equal((await peer.receiptOf(fit.leaf)).sequence, unfit.sequence)
    assert.equal((await sequencer.check()).pending, 1)
  })

  it('sequences may come with gaps and out of order', async () => {
    const { sequencer, peer, alice } = await setUp()
    for (const sequence of [7n, 3n, 1_000_000_000_000n, 1n])
      await peer.publish(alice.say({ text: 'x' }, { sequence }).envelope)
    await peer.receipted(4)
    const checked = await sequencer.check()
    assert.deepEqual(
      checked.messages.map(({ sequence }) => sequence),
      [7n, 3n, 1_000_000_000_000n, 1n]
    )
  })

  it('a message sealed to an older key of the sequencer is accepted after the key was rotated', async () => {
    const net = await makeNetwork()
    const newest = await encryptionKey('rotated')
    const sequencer = await RunningSequencer.start(cleanup, net, { openingKeys: [newest, net.openingKey] })
    const alice = await Author.create(net, 'alice')
    const peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    assertBytes(
      (await sealingKeyOf(peer.sequencerAsker, net)).keyId,
      newest.keyId,
      'the newest one is announced'
    )
    const old = alice.say({ text: 'old' })
    const fresh = (await Author.create(net, alice.key, newest)).say({ text: 'new' }, { sequence: 2n })
    await peer.publish(old.envelope, fresh.envelope)
    await peer.receipted(2)
    assert.equal((await sequencer.check()).pending, 2)
  })

  it('a message by someone who is not a member is refused: not a member; a member may write', async () => {
    const { net, sequencer, peer, alice } = await setUp({ members: MEMBERS })
    const bob = await Author.create(net, 'bob')
    const bobsPeer = await RawPeer.connect(cleanup, net, sequencer.address, bob.key)
    const bad = bob.say({ text: 'x' })
    const good = alice.say({ text: 'x' })
    await bobsPeer.publish(bad.envelope, good.envelope)
    assert.equal((await bobsPeer.refusalOf(bad.leaf)).reason, 'not a member')
    assert.equal((await peer.receiptOf(good.leaf)).position, 0)
    assert.deepEqual((await sequencer.check()).messages.map(leafOf), [leafOf(good)])
  })
})

async function expectPending(peer: RawPeer, count: number): Promise<void> {
  const { height, size, pending } = await peer.asker.status()
  assert.deepEqual({ height, size, pending }, { height: 0, size: 0, pending: count })
}

function leafOf({ leaf }: { readonly leaf: Hash }): string {
  return toHex(leaf)
}
