import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { ed25519 } from '@noble/curves/ed25519.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { concat, type EnvelopeBytes, type PublicKeyBytes, utf8 } from '#src/core/bytes.js'
import { type Domain, decodeEnvelope, signEnvelope } from '#src/core/envelope.js'
import { sha256 } from '#src/core/hash.js'
import { type Signer, signerOf } from '#src/core/keys.js'
import { leafHash } from '#src/core/merkle.js'
import { encodeMessage } from '#src/core/message.js'
import type { Reason } from '#src/core/refusal.js'
import { Envelope } from '#src/core/wire/tallystick.js'
import { varint } from '../core/protobuf.js'
import { Author, type Made } from '../helpers/authors.js'
import { sealingKeyOf } from '../helpers/certificates.js'
import { fromHex } from '../helpers/core.js'
import { smallOrderSigner } from '../helpers/ed25519-rule.js'
import { identity, rsaIdentity, secp256k1Identity } from '../helpers/networks.js'
import { RawPeer } from '../helpers/raw-peer.js'
import { Besieged } from './besieged.js'

/** Large enough for bodies that are nested as deep as anyone can send. */
const MESSAGE_BYTES = 900_000

describe('attacks by messages', () => {
  const besieged = new Besieged({ messageBytes: MESSAGE_BYTES })
  let peer: RawPeer
  let mallory: Author
  /** Those of hers that are valid. */
  const valid: Made[] = []

  before(async () => {
    const { cleanup, net, sequencer } = besieged
    peer = await RawPeer.connect(cleanup, net, sequencer.address, 'mallory')
    mallory = await author('mallory')
  })

  async function author(who: Parameters<typeof Author.create>[1]): Promise<Author> {
    return Author.create(besieged.net, who, await sealingKeyOf(peer.sequencerAsker, besieged.net))
  }

  /** An envelope with parts of it replaced, all else as it was. */
  function altered(
    envelope: EnvelopeBytes,
    changes: Partial<{ publicKey: Uint8Array; payload: Uint8Array; signature: Uint8Array }>
  ): EnvelopeBytes {
    return Envelope.encode({ ...decodeEnvelope(envelope), ...changes }) as Uint8Array as EnvelopeBytes
  }

  /** Mallory's next message, signed as a message by someone else. */
  function signedBy(signer: Pick<Signer, 'publicKey' | 'sign'>): EnvelopeBytes {
    const { message } = mallory.say({ text: 'x' })
    return signEnvelope('message', encodeMessage(message), { ...mallory.signer, ...signer })
  }

  async function expectRefused(envelope: EnvelopeBytes, reason: Reason): Promise<void> {
    await peer.publish(envelope)
    await besieged.serve(1)
    const refusal = await peer.refusalOf(leafHash(envelope))
    assert.equal(refusal.reason, reason, refusal.detail)
  }

  const signatures: readonly (readonly [string, Reason, () => Promise<EnvelopeBytes>])[] = [
    [
      'an Ed25519 signature with S + L',
      'bad signature',
      async () => {
        const { envelope } = mallory.say({ text: 'x' })
        const { signature } = decodeEnvelope(envelope)
        const s = BigInt(`0x${Buffer.from(signature.slice(32)).reverse().toString('hex')}`)
        const malleated = littleEndian(s + ed25519.Point.Fn.ORDER)
        return altered(envelope, { signature: concat(signature.slice(0, 32), malleated) })
      }
    ],
    [
      'an Ed25519 signature with R of small order',
      'bad signature',
      async () => {
        const { envelope, message } = mallory.say({ text: 'x' })
        const forger = smallOrderSigner(await identity('mallory'))
        const { signature } = decodeEnvelope(signEnvelope('message', encodeMessage(message), forger))
        return altered(envelope, { signature })
      }
    ],
    [
      'a secp256k1 signature with the high S',
      'bad signature',
      async () => {
        const { envelope } = (await author(await secp256k1Identity())).say({ text: 'x' })
        const { r, s } = secp256k1.Signature.fromBytes(decodeEnvelope(envelope).signature, 'der')
        const high = new secp256k1.Signature(r, secp256k1.Point.Fn.ORDER - s)
        return altered(envelope, { signature: high.toBytes('der') })
      }
    ],
    ...(['block', 'receipt', 'encryptionKey'] satisfies Domain[]).map(
      domain =>
        [
          `a signature of the domain of another kind of thing (${domain})`,
          'bad signature',
          async () => {
            const { envelope, message } = mallory.say({ text: 'x' })
            const { signature } = decodeEnvelope(signEnvelope(domain, encodeMessage(message), mallory.signer))
            return altered(envelope, { signature })
          }
        ] as const
    ),
    [
      'a certificate that the sequencer signed, sent as a message',
      'bad encoding',
      () => peer.sequencerAsker.certificate()
    ],
    [
      'a substituted RSA key, with a valid signature of its own',
      'wrong author',
      async () => {
        const [one, other] = [await author(await rsaIdentity()), signerOf(await rsaIdentity())]
        return signEnvelope('message', encodeMessage(one.say({ text: 'x' }).message), other)
      }
    ],
    [
      'a substituted RSA key, with the signature of the true one',
      'bad signature',
      async () => {
        const { publicKey } = signerOf(await rsaIdentity())
        return altered((await author(await rsaIdentity())).say({ text: 'x' }).envelope, { publicKey })
      }
    ]
  ]
  for (const [what, reason, make] of signatures)
    it(`${what} is refused: ${reason}`, async () => expectRefused(await make(), reason))

  const keys: readonly (readonly [string, () => Pick<Signer, 'publicKey' | 'sign'>])[] = [
    ['an Ed25519 key of small order', () => unsigned(ed25519Key(littleEndian(1n)))],
    [
      'an Ed25519 key that is not reduced',
      () => unsigned(ed25519Key(littleEndian(ed25519.Point.Fp.ORDER + 1n)))
    ],
    [
      'an Ed25519 key with a field that nobody knows',
      () => ({
        publicKey: concat(mallory.signer.publicKey, Uint8Array.of(0x18, 1)) as PublicKeyBytes,
        sign: data => mallory.signer.sign(data)
      })
    ],
    [
      'a secp256k1 key that is not compressed',
      () => {
        const secret = secp256k1.utils.randomSecretKey()
        return {
          publicKey: keyMessage(2, secp256k1.getPublicKey(secret, false)),
          sign: data => secp256k1.sign(sha256(data), secret, { prehash: false, format: 'der' })
        }
      }
    ],
    [
      'an RSA key of 512 bits',
      () => {
        const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 512 })
        return {
          publicKey: keyMessage(0, publicKey.export({ type: 'spki', format: 'der' })),
          sign: data => sign('sha256', data, privateKey)
        }
      }
    ],
    [
      'an RSA key of 16,384 bits',
      () => {
        const modulus = randomBytes(2048)
        modulus[0] = 0xff
        const jwk = { kty: 'RSA', n: modulus.toString('base64url'), e: 'AQAB' }
        const key = createPublicKey({ key: jwk, format: 'jwk' })
        return unsigned(keyMessage(0, key.export({ type: 'spki', format: 'der' })))
      }
    ]
  ]
  for (const [what, make] of keys)
    it(`a message under ${what} is refused: bad encoding`, () =>
      expectRefused(signedBy(make()), 'bad encoding'))

  const bodies: readonly (readonly [string, () => Uint8Array])[] = [
    ['lists nested 400,000 deep', () => utf8(`${'['.repeat(400_000)}${']'.repeat(400_000)}`)],
    ['objects nested 100,000 deep', () => utf8(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`)],
    [
      'objects nested 50,000 deep where the schema allows any',
      () => utf8(`{"data":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)},"text":"x"}`)
    ],
    ['lists nested 33 deep', () => utf8(`{"data":{"a":${'['.repeat(31)}${']'.repeat(31)}},"text":"x"}`)],
    [
      '8 kB of nested lists, which fit a stack here and not there',
      () => utf8(`{"data":{"a":${'['.repeat(4_000)}${']'.repeat(4_000)}},"text":"x"}`)
    ],
    ['4,097 values', () => utf8(`{"data":{"a":[${Array(4_093).fill('0').join(',')}]},"text":"x"}`)],
    ['a key __proto__ in place of the text', () => utf8('{"__proto__":{"text":"x"}}')],
    ['a key __proto__ beside the text', () => utf8('{"__proto__":{"polluted":true},"text":"x"}')],
    ['a key twice', () => utf8('{"text":"a","text":"b"}')],
    ['UTF-8 that is none', () => concat(utf8('{"text":"'), Uint8Array.of(0xff, 0xc0, 0x80), utf8('"}'))],
    ['half of a surrogate', () => utf8('{"text":"\\ud800"}')],
    ['a number beyond any double', () => utf8('{"data":{"a":1e400},"text":"x"}')],
    ['a number of more digits than a double holds', () => utf8('{"data":{"a":9007199254740993},"text":"x"}')]
  ]
  for (const [what, make] of bodies)
    it(`a body with ${what} is refused: bad schema`, () =>
      expectRefused(mallory.sealed(make()).envelope, 'bad schema'))

  it('a body one step over the limit is refused: too large', () =>
    expectRefused(mallory.sealed(new Uint8Array(MESSAGE_BYTES)).envelope, 'too large'))

  const numbers: readonly (readonly [string, bigint, bigint])[] = [
    ['a sequence of 2^64', 3n, 2n ** 64n],
    ['a sequence of 2^70 - 1', 3n, 2n ** 70n - 1n],
    ['a time of 2^53', 4n, 2n ** 53n],
    ['a time of 2^64', 4n, 2n ** 64n]
  ]
  for (const [what, field, value] of numbers)
    it(`${what} is refused: bad encoding`, () => {
      const claim = { ...mallory.claim(), ...(field === 3n ? { sequence: 1n } : { time: 1 }) }
      const { message } = mallory.signed(claim, { kind: 'open', bytes: new Uint8Array(0) })
      // The field stands as its tag and a 1: the 1 is replaced.
      const payload = Buffer.from(encodeMessage(message))
      const place = payload.indexOf(Buffer.concat([varint(field * 8n), Uint8Array.of(1)]), 72)
      assert.ok(place > 0)
      const changed = concat(payload.subarray(0, place + 1), varint(value), payload.subarray(place + 2))
      return expectRefused(signEnvelope('message', changed, mallory.signer), 'bad encoding')
    })

  it("other clients' messages, sent as one's own and again and again: one entry each, and no receipt for the sender", async () => {
    const { envelopes } = await peer.asker.head()
    const { size, pending } = await peer.asker.status()
    const before = besieged.served
    const replays = repeat(200, () => peer.publish(...envelopes, ...envelopes))
    await besieged.serve()
    await replays
    const after = await peer.asker.status()
    assert.equal(after.size + after.pending, size + pending + besieged.served - before)
    assert.deepEqual(peer.receipts, [])
  })

  it('the messages of a block, sent again after the sequencer was killed and has come back: one entry each', async () => {
    const { cleanup, net, sequencer } = besieged
    const { envelopes } = await peer.asker.head()
    const { size, pending } = await peer.asker.status()
    await sequencer.program.kill('SIGKILL')
    await sequencer.start()
    peer = await RawPeer.connect(cleanup, net, sequencer.address, 'mallory')
    const before = besieged.served
    const replays = repeat(20, () => peer.publish(...envelopes))
    await besieged.serve()
    await replays
    const after = await peer.asker.status()
    assert.equal(after.size + after.pending, size + pending + besieged.served - before)
    assert.deepEqual(peer.receipts, [])
  })

  it('another body under a sequence that is taken is refused: sequence taken', async () => {
    const first = mallory.say({ text: 'first' })
    valid.push(first)
    await peer.publish(first.envelope)
    await peer.receiptOf(first.leaf)
    await expectRefused(
      mallory.say({ text: 'second' }, { sequence: first.sequence }).envelope,
      'sequence taken'
    )
  })

  it('a sequencer with the deepest and the widest body that are taken starts again, and goes on', async () => {
    const texts = [
      `{"data":{"a":${'['.repeat(30)}${']'.repeat(30)}},"text":"x"}`,
      `{"data":{"a":[${Array(4_092).fill('0').join(',')}]},"text":"x"}`
    ]
    for (const text of texts) {
      const made = mallory.sealed(utf8(text))
      valid.push(made)
      await peer.publish(made.envelope)
      await peer.receiptOf(made.leaf)
    }
    const { cleanup, net, sequencer } = besieged
    await sequencer.program.kill('SIGKILL')
    await sequencer.start()
    peer = await RawPeer.connect(cleanup, net, sequencer.address, 'mallory')
    await besieged.serve()
  })

  it('after all of it the log holds the honest messages, each once', async () => {
    await besieged.outcome(valid)
  })
})

async function repeat(times: number, act: () => Promise<void>): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    await act()
    await setImmediate()
  }
}

/** 32 bytes, least first, as Ed25519 writes numbers. */
function littleEndian(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, '0')).reverse()
}

/** libp2p's PublicKey message. */
function keyMessage(type: number, data: Uint8Array): PublicKeyBytes {
  return concat(Uint8Array.of(0x08, type, 0x12), varint(BigInt(data.length)), data) as PublicKeyBytes
}

function ed25519Key(point: Uint8Array): PublicKeyBytes {
  return keyMessage(1, point)
}

/** A key that nobody has the secret of, and what may be taken for a signature: R the neutral element, S zero. */
function unsigned(publicKey: PublicKeyBytes): Pick<Signer, 'publicKey' | 'sign'> {
  return { publicKey, sign: () => concat(littleEndian(1n), new Uint8Array(32)) }
}
