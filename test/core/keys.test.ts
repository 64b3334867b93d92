import assert from 'node:assert/strict'
import { generateKeyPairSync, verify as nodeVerify } from 'node:crypto'
import { generateKeyPair, privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import { ed25519 } from '@noble/curves/ed25519.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import fc from 'fast-check'
import { base58btc } from 'multiformats/bases/base58'
import { concat, toHex, utf8 } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { readPrivateKey, readPublicKey } from '#src/core/key-encoding.js'
import {
  encodePublicKey,
  expectNamesKey,
  peerIdFromBytes,
  peerIdFromText,
  peerIdOfPublicKey,
  peerIdToString,
  RSA_BITS,
  type Signer,
  signerOf,
  VerifierCache,
  verifierOf
} from '#src/core/keys.js'
import {
  arbitrary,
  assertSame,
  flipped,
  fromHex,
  KEY_TYPES,
  privateKeyOf,
  runs,
  signerNamed,
  vectors
} from '../helpers/core.js'
import { varint } from './protobuf.js'

interface PublishedKeys {
  readonly keys: readonly {
    readonly type: 'ecdsa' | 'ed25519' | 'secp256k1' | 'rsa'
    readonly private_pb_hex: string
    readonly public_pb_hex: string
    readonly peer_id_computed: {
      readonly multihash_hex: string
      readonly base58: string
      readonly cidv1_base32: string
    }
  }[]
  readonly text_forms: readonly { readonly cid?: string; readonly base58_same_peer?: string }[]
  readonly must_reject_text: readonly string[]
}

const published = vectors<PublishedKeys>('libp2p/peer_id_keys.json')
const MESSAGE = utf8('something that was said')

/** Numbers of libp2p's key types. */
const TYPE = { RSA: 0, Ed25519: 1, secp256k1: 2 } as const

/** A libp2p PublicKey message, written by hand. */
function publicKeyMessage(type: keyof typeof TYPE, data: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(0x08, TYPE[type], 0x12), varint(BigInt(data.length)), data)
}

/** 32 bytes, least first, as Ed25519 writes numbers. */
function littleEndian(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, '0')).reverse()
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes.toReversed())}`)
}

function bigEndian(value: bigint): Uint8Array {
  const hex = value.toString(16)
  return fromHex(hex.padStart(hex.length + (hex.length % 2), '0'))
}

/** ASN.1: tag, length in the shortest form, or one byte longer, content. */
function der(tag: number, content: Uint8Array, longer = false): Uint8Array {
  const { length } = content
  const shortest = length < 0x80 ? [] : [...bigEndian(BigInt(length))]
  const bytes = longer ? [0, ...shortest, ...(length < 0x80 ? [length] : [])] : shortest
  const head = bytes.length === 0 ? [length] : [0x80 | bytes.length, ...bytes]
  return concat(Uint8Array.of(tag, ...head), content)
}

interface RsaParts {
  readonly modulus: Uint8Array
  readonly exponent: Uint8Array
  /** OID and parameters; rsaEncryption unless told otherwise. */
  readonly algorithm: Uint8Array
  readonly unused: number
  /** More behind the numbers, behind them in the bit string, behind that, behind everything. */
  readonly inNumbers: Uint8Array
  readonly inBits: Uint8Array
  readonly inKey: Uint8Array
  readonly behind: Uint8Array
  /** What carries its length in a byte more than it needs. */
  readonly longer: string
}

/** An RSA public key (SubjectPublicKeyInfo) with anything in it. */
function rsaMessage(parts: Partial<RsaParts> & { readonly modulus: Uint8Array }): Uint8Array {
  const none = new Uint8Array(0)
  const { modulus, exponent = Uint8Array.of(1, 0, 1), unused = 0, longer } = parts
  const { inNumbers = none, inBits = none, inKey = none, behind = none } = parts
  const { algorithm = fromHex('300d06092a864886f70d0101010500') } = parts
  const numbers = concat(der(2, modulus, longer === 'n'), der(2, exponent, longer === 'e'), inNumbers)
  const bits = concat(Uint8Array.of(unused), der(0x30, numbers, longer === 'numbers'), inBits)
  const key = der(0x30, concat(algorithm, der(3, bits, longer === 'bits'), inKey), longer === 'key')
  return publicKeyMessage('RSA', concat(key, behind))
}

describe('Keys: the identities that libp2p has published', () => {
  for (const { type, public_pb_hex, private_pb_hex, peer_id_computed } of published.keys)
    if (type === 'ecdsa')
      it('ECDSA keys name nobody here, and the error is a sentence', () => {
        const refused = {
          name: 'TypeError',
          message: 'keys of type ECDSA are not used here; use Ed25519, secp256k1 or RSA'
        }
        assert.throws(() => verifierOf(fromHex(public_pb_hex)), refused)
        assert.throws(() => readPrivateKey(fromHex(private_pb_hex)), refused)
        assert.throws(() => signerOf(privateKeyFromProtobuf(fromHex(private_pb_hex))), refused)
      })
    else
      it(`the ${type} key has its PeerId, as verifier and as signer`, () => {
        const signer = signerOf(privateKeyFromProtobuf(fromHex(private_pb_hex)))
        assert.equal(toHex(signer.publicKey), public_pb_hex)
        assert.equal(toHex(signer.peerId), peer_id_computed.multihash_hex)
        const verifier = verifierOf(fromHex(public_pb_hex))
        assert.equal(toHex(verifier.peerId), peer_id_computed.multihash_hex)
        assert.ok(verifier.verify(MESSAGE, signer.sign(MESSAGE)))
      })

  it('whatever bytes a key is read from, the error is a sentence of ours, and no error of a library', () => {
    const sentences =
      /^(keys of type ECDSA are not used here; use Ed25519, secp256k1 or RSA|the bytes are no (public|private) key in libp2p's encoding|the bytes are not the (public|private) key of type (RSA|Ed25519|secp256k1) that they claim to be)$/
    const keyLike = fc
      .tuple(fc.nat({ max: 5 }), fc.uint8Array({ maxLength: 100 }))
      .map(([type, data]) => concat(Uint8Array.of(0x08, type, 0x12), varint(BigInt(data.length)), data))
    fc.assert(
      fc.property(fc.oneof(keyLike, fc.uint8Array({ maxLength: 100 })), bytes => {
        for (const read of [readPublicKey, readPrivateKey])
          try {
            read(bytes)
          } catch (error) {
            assert.ok(error instanceof TypeError)
            assert.match(error.message, sentences)
          }
      }),
      runs(500)
    )
  })

  it('PeerIds are written as libp2p writes them, and read in either of its forms', () => {
    for (const { peer_id_computed: id } of published.keys) {
      assert.equal(peerIdToString(fromHex(id.multihash_hex)), id.base58)
      assert.equal(toHex(peerIdFromText(id.base58)), id.multihash_hex)
      assert.equal(toHex(peerIdFromText(id.cidv1_base32)), id.multihash_hex)
    }
    for (const { cid, base58_same_peer } of published.text_forms)
      if (cid !== undefined && base58_same_peer !== undefined)
        assertSame(peerIdFromText(cid), peerIdFromText(base58_same_peer))
  })

  it('bytes that are no PeerId have a text too, as whoever signs may name anything', () => {
    const bytes = fc.uint8Array({ maxLength: 64 })
    fc.assert(
      fc.property(bytes, any => assertSame(base58btc.baseDecode(peerIdToString(any)), any)),
      runs(200)
    )
  })

  it('other texts and other bytes are no PeerIds', () => {
    const { base58 } = published.keys[1]?.peer_id_computed ?? { base58: '' }
    for (const text of [...published.must_reject_text, '', 'Q', '1', 'nobody', `${base58}0`, base58.slice(1)])
      assert.throws(() => peerIdFromText(text), text)
    for (const bytes of [new Uint8Array(0), Uint8Array.of(0x12, 0x20), new Uint8Array(36).fill(0xff)])
      assert.throws(() => peerIdFromBytes(bytes))
  })
})

describe('Keys: signing and verifying', () => {
  const signers = new Map<string, Signer>()

  before(async () => {
    for (const type of KEY_TYPES) signers.set(type, await signerNamed('somebody', type))
    signers.set('RSA-2048', signerOf(await generateKeyPair('RSA', 2048)))
  })

  for (const name of [...KEY_TYPES, 'RSA-2048']) {
    const signer = (): Signer => {
      const found = signers.get(name)
      assert.ok(found)
      return found
    }

    it(`${name}: what was signed verifies, whatever it is`, () => {
      const { publicKey, peerId, sign } = signer()
      const verifier = verifierOf(publicKey)
      assertSame(verifier.peerId, peerId)
      fc.assert(
        fc.property(arbitrary.bytes(0, 500), data => {
          assert.ok(verifier.verify(data, sign(data)))
        }),
        runs(20)
      )
    })

    it(`${name}: no other data, no other key and no changed signature verifies`, async () => {
      const { publicKey, sign } = signer()
      const verifier = verifierOf(publicKey)
      const signature = Uint8Array.from(sign(MESSAGE))
      assert.ok(!verifier.verify(flipped(MESSAGE, 0), signature))
      assert.ok(!verifier.verify(new Uint8Array(0), signature))
      for (const type of KEY_TYPES) {
        const other = await signerNamed('somebody else', type)
        if (toHex(other.publicKey) === toHex(publicKey)) continue
        assert.ok(!verifierOf(other.publicKey).verify(MESSAGE, signature))
        assert.ok(!verifier.verify(MESSAGE, other.sign(MESSAGE)))
      }
      for (let index = 0; index < signature.length; index++)
        assert.ok(!verifier.verify(MESSAGE, flipped(signature, index, 1 << (index % 8))), `byte ${index}`)
    })

    it(`${name}: a signature cut short, drawn out or made up is refused, and nothing is thrown`, () => {
      const { publicKey, sign } = signer()
      const verifier = verifierOf(publicKey)
      const signature = Uint8Array.from(sign(MESSAGE))
      const zero = Uint8Array.of(0)
      for (const wrong of [
        new Uint8Array(0),
        signature.slice(1),
        signature.slice(0, -1),
        concat(signature, zero),
        concat(zero, signature),
        concat(signature, signature),
        new Uint8Array(signature.length)
      ])
        assert.equal(verifier.verify(MESSAGE, wrong), false)
      fc.assert(
        fc.property(arbitrary.bytes(0, 520), wrong => {
          assert.equal(verifier.verify(MESSAGE, wrong), false)
        }),
        runs(100)
      )
    })
  }

  for (const type of KEY_TYPES)
    it(`${type}: libp2p verifies what we sign, and we what libp2p signs`, async () => {
      const key = await privateKeyOf('somebody', type)
      const signer = signerOf(key)
      assert.ok(await key.publicKey.verify(MESSAGE, signer.sign(MESSAGE)))
      assert.ok(verifierOf(signer.publicKey).verify(MESSAGE, await key.sign(MESSAGE)))
      assertSame(signer.publicKey, encodePublicKey(key.publicKey))
      assertSame(signer.peerId, peerIdOfPublicKey(key.publicKey))
    })
})

describe('Keys: one key has one encoding', () => {
  for (const type of KEY_TYPES)
    it(`${type}: every other encoding of the message around it is refused`, async () => {
      const { publicKey } = await signerNamed('somebody', type)
      const data = publicKey.slice(publicKey.length > 130 ? 5 : 4)
      const tag = Uint8Array.of(0x08, TYPE[type])
      const content = concat(Uint8Array.of(0x12), varint(BigInt(data.length)), data)
      assertSame(concat(tag, content), publicKey)
      const overlongLength = concat(
        Uint8Array.of(0x12),
        data.length < 128
          ? Uint8Array.of(data.length | 0x80, 0)
          : Uint8Array.of((data.length & 0x7f) | 0x80, (data.length >> 7) | 0x80, 0),
        data
      )
      for (const [what, bytes] of Object.entries({
        'fields out of order': concat(content, tag),
        'type twice': concat(tag, tag, content),
        'key twice': concat(tag, content, content),
        'over-long type': concat(Uint8Array.of(0x08, TYPE[type] | 0x80, 0), content),
        'over-long tag': concat(Uint8Array.of(0x88, 0x00, TYPE[type]), content),
        'over-long length': concat(tag, overlongLength),
        'unknown field': concat(publicKey, Uint8Array.of(0x18, 0)),
        'a byte behind': concat(publicKey, Uint8Array.of(0)),
        'no type': content,
        'no key': tag,
        'cut short': publicKey.slice(0, -1),
        nothing: new Uint8Array(0)
      }))
        assert.throws(() => verifierOf(bytes), what)
    })

  it('a secp256k1 key is compressed', async () => {
    const { raw } = await privateKeyOf('somebody', 'secp256k1')
    const [compressed, whole] = [true, false].map(form => secp256k1.getPublicKey(raw, form))
    assert.ok(compressed && whole)
    verifierOf(publicKeyMessage('secp256k1', compressed))
    assert.throws(() => verifierOf(publicKeyMessage('secp256k1', whole)), TypeError)
    const hybrid = concat(Uint8Array.of(0x06 | ((whole[64] ?? 0) & 1)), whole.slice(1))
    assert.throws(() => verifierOf(publicKeyMessage('secp256k1', hybrid)))
    assert.throws(() => verifierOf(publicKeyMessage('secp256k1', new Uint8Array(33))))
    const notOnTheCurve = concat(Uint8Array.of(2), littleEndian(2n ** 256n - 1n))
    assert.throws(() => verifierOf(publicKeyMessage('secp256k1', notOnTheCurve)))
  })

  it('an RSA key is in DER, with the usual algorithm and nothing besides', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const { n, e } = publicKey.export({ format: 'jwk' })
    assert.ok(n !== undefined && e !== undefined)
    const zero = Uint8Array.of(0)
    const modulus: Uint8Array = concat(zero, Buffer.from(n, 'base64url'))
    const exponent = Uint8Array.from(Buffer.from(e, 'base64url'))
    const build = (parts: Partial<RsaParts> = {}) => rsaMessage({ modulus, exponent, ...parts })
    verifierOf(build())
    for (const [what, bytes] of Object.entries({
      'zero before the modulus': build({ modulus: concat(zero, modulus) }),
      'negative modulus': build({ modulus: modulus.slice(1) }),
      'zero before the exponent': build({ exponent: concat(zero, exponent) }),
      'no exponent': build({ exponent: zero }),
      'unused bits': build({ unused: 1 }),
      'no parameters': build({ algorithm: fromHex('300b06092a864886f70d010101') }),
      'algorithm of RSA-PSS': build({ algorithm: fromHex('300d06092a864886f70d01010a0500') }),
      'a third number': build({ inNumbers: der(2, zero) }),
      'a byte behind the numbers': build({ inBits: zero }),
      'a third part': build({ inKey: der(2, zero) }),
      'a byte behind the key': build({ behind: zero }),
      ...Object.fromEntries(
        ['n', 'e', 'numbers', 'bits', 'key'].map(longer => [`over-long length: ${longer}`, build({ longer })])
      )
    }))
      assert.throws(() => verifierOf(bytes), what)
  })

  it('no single changed byte of a key leaves its PeerId the same', async () => {
    for (const type of KEY_TYPES) {
      const { publicKey, peerId } = await signerNamed('somebody', type)
      for (let index = 0; index < publicKey.length; index++)
        for (const mask of [0x01, 0x80])
          try {
            const verifier = verifierOf(flipped(publicKey, index, mask))
            assert.notEqual(toHex(verifier.peerId), toHex(peerId), `${type}, byte ${index}`)
          } catch (error) {
            assert.ok(!(error instanceof assert.AssertionError), String(error))
          }
    }
  })

  it('arbitrary bytes never name anyone by accident in two ways', () => {
    fc.assert(
      fc.property(fc.constantFrom(...KEY_TYPES), arbitrary.bytes(0, 70), (type, data) => {
        const bytes = publicKeyMessage(type, data)
        try {
          const { peerId } = verifierOf(bytes)
          // What is accepted is its own canonical encoding: an identity multihash holds it whole.
          assert.equal(toHex(peerId).slice(4), toHex(bytes))
        } catch (error) {
          assert.ok(!(error instanceof assert.AssertionError), String(error))
        }
      }),
      runs(500)
    )
  })
})

describe('Keys: PeerIds that name one', () => {
  it('of every type that may sign', async () => {
    for (const type of KEY_TYPES) expectNamesKey((await signerNamed('somebody', type)).peerId)
    for (const { type, peer_id_computed } of published.keys)
      if (type !== 'ecdsa') expectNamesKey(fromHex(peer_id_computed.multihash_hex))
  })

  it('and no others: other hashes, other lengths, keys that may not sign', async () => {
    const { peerId } = await signerNamed('somebody')
    const rsa = (await signerNamed('somebody', 'RSA')).peerId
    const named = (key: Uint8Array) => concat(Uint8Array.of(0, key.length), key)
    const ecdsa = published.keys.find(({ type }) => type === 'ecdsa')?.public_pb_hex ?? ''
    for (const [what, bytes] of Object.entries({
      nothing: new Uint8Array(0),
      'one byte': Uint8Array.of(0),
      'no key': Uint8Array.of(0, 0),
      'a byte too many': concat(peerId, Uint8Array.of(0)),
      'a byte too few': peerId.slice(0, -1),
      'a SHA-256 of 31 bytes': concat(Uint8Array.of(0x12, 31), rsa.slice(3)),
      'a SHA-512': concat(Uint8Array.of(0x13, 64), rsa.slice(2), rsa.slice(2)),
      'another hash of 32 bytes': concat(Uint8Array.of(0x16), rsa.slice(1)),
      'a key of small order': named(publicKeyMessage('Ed25519', littleEndian(1n))),
      'no point': named(publicKeyMessage('Ed25519', littleEndian(2n))),
      'a key of another type': named(fromHex(ecdsa)),
      'a key in another encoding': named(concat(peerId.slice(2), Uint8Array.of(0x18, 0)))
    }))
      assert.throws(() => expectNamesKey(bytes), what)
  })

  it('however often it is asked', async () => {
    const { peerId } = await signerNamed('somebody')
    const noPoint = concat(Uint8Array.of(0, 36), publicKeyMessage('Ed25519', littleEndian(2n)))
    for (const _ of [1, 2, 3]) {
      expectNamesKey(peerId)
      assert.throws(() => expectNamesKey(noPoint))
      assert.throws(() => expectNamesKey(concat(peerId, Uint8Array.of(0))))
    }
  })
})

describe('Keys: those that must not name anyone', () => {
  const P = 2n ** 255n - 19n
  const SIGN = 2n ** 255n
  const EIGHTH = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n

  it('Ed25519 points of small order', () => {
    // The eight points whose order divides 8; x is 0 at y = 1 and y = P - 1, so those have no other sign.
    const eight = [1n, P - 1n, ...[0n, EIGHTH, P - EIGHTH].flatMap(y => [y, y + SIGN])]
    for (const y of eight)
      assert.throws(() => verifierOf(publicKeyMessage('Ed25519', littleEndian(y))), /small order/)
  })

  it('Ed25519 points of small order in other spellings', () => {
    for (const y of [1n + SIGN, P - 1n + SIGN, P, P + SIGN, P + 1n, P + 1n + SIGN])
      assert.throws(() => verifierOf(publicKeyMessage('Ed25519', littleEndian(y))))
  })

  it('because such a key verifies what nobody signed', () => {
    const neutral = littleEndian(1n)
    const forged = concat(neutral, littleEndian(0n))
    const key = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(neutral).toString('base64url') }
    for (const data of [MESSAGE, utf8('anything else')])
      assert.ok(nodeVerify(null, data, { format: 'jwk', key }, forged))
  })

  it('Ed25519 points whose y is not reduced', () => {
    // Some of these y lie on the curve: a lenient reader would give them the identity of y - P.
    const onCurve: bigint[] = []
    for (let y = 0n; y < 19n; y++) {
      for (const sign of [0n, SIGN])
        assert.throws(() => verifierOf(publicKeyMessage('Ed25519', littleEndian(P + y + sign))), `P + ${y}`)
      try {
        verifierOf(publicKeyMessage('Ed25519', littleEndian(y)))
        onCurve.push(y)
      } catch {
        // Not on the curve, or of small order.
      }
    }
    assert.ok(onCurve.length > 0, 'the case is not an empty one')
  })

  it('Ed25519 bytes that are no point, or not 32', () => {
    assert.throws(() => verifierOf(publicKeyMessage('Ed25519', littleEndian(2n))))
    for (const length of [0, 31, 33, 64])
      assert.throws(() => verifierOf(publicKeyMessage('Ed25519', new Uint8Array(length).fill(9))))
  })

  it('RSA keys of 1024 bits', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const bytes = publicKeyMessage('RSA', publicKey.export({ format: 'der', type: 'spki' }))
    assert.throws(() => verifierOf(bytes), { name: 'TypeError', message: /1024 bits/ })
  })

  /** A number of so many bits in DER; nobody signs with it, so it need not be a product of two primes. */
  const modulusOf = (bits: number) => {
    const bytes = bigEndian(2n ** BigInt(bits) - 1n)
    return bits % 8 === 0 ? concat(Uint8Array.of(0), bytes) : bytes
  }

  for (const bits of [512, RSA_BITS.least - 1, RSA_BITS.most + 1, RSA_BITS.most + 8])
    it(`RSA keys of ${bits} bits`, () => {
      assert.throws(() => verifierOf(rsaMessage({ modulus: modulusOf(bits) })), {
        name: 'TypeError',
        message: new RegExp(`${bits} bits`)
      })
    })

  it('RSA keys too long to be worth parsing', () => {
    assert.throws(() => verifierOf(rsaMessage({ modulus: modulusOf(8192) })), /too long/)
  })

  it('RSA keys whose modulus is even', () => {
    const modulus = modulusOf(RSA_BITS.least)
    assert.throws(() => verifierOf(rsaMessage({ modulus: flipped(modulus, modulus.length - 1) })), /even/)
  })

  it('RSA keys of the least and the most bits, on the other hand, are accepted', () => {
    for (const bits of [RSA_BITS.least, 3072, RSA_BITS.most])
      verifierOf(rsaMessage({ modulus: modulusOf(bits) }))
  })

  it('keys of a type that libp2p does not know', () => {
    for (const type of [3, 4, 127])
      assert.throws(() => verifierOf(concat(Uint8Array.of(0x08, type, 0x12, 32), new Uint8Array(32).fill(9))))
  })
})

describe('Keys: one signature has one form', () => {
  it('Ed25519: S + L is refused', async () => {
    const L = ed25519.Point.Fn.ORDER
    const { publicKey, sign } = await signerNamed('somebody')
    const signature = sign(MESSAGE)
    const verifier = verifierOf(publicKey)
    const s = fromLittleEndian(signature.slice(32))
    assert.ok(s < L)
    for (let times = 0n; s + times * L < 2n ** 256n; times++)
      assert.equal(
        verifier.verify(MESSAGE, concat(signature.slice(0, 32), littleEndian(s + times * L))),
        times === 0n
      )
  })

  it('secp256k1: the higher S is refused, though the same two numbers sign', async () => {
    const key = await privateKeyOf('somebody', 'secp256k1')
    const signer = signerOf(key)
    const verifier = verifierOf(signer.publicKey)
    const n = secp256k1.Point.Fn.ORDER
    const { r, s } = secp256k1.Signature.fromBytes(Uint8Array.from(signer.sign(MESSAGE)), 'der')
    assert.ok(s <= n / 2n)
    assert.ok(verifier.verify(MESSAGE, new secp256k1.Signature(r, s).toBytes('der')))
    const high = new secp256k1.Signature(r, n - s)
    assert.ok(
      secp256k1.verify(high.toBytes('compact'), MESSAGE, key.publicKey.raw, { lowS: false }),
      'it is a signature, but for its S'
    )
    assert.equal(verifier.verify(MESSAGE, high.toBytes('der')), false)
  })

  it('secp256k1: the verdict is that of another library, whatever is changed in a signature', async () => {
    const key = await privateKeyOf('somebody', 'secp256k1')
    const { raw } = key.publicKey
    const signer = signerOf(key)
    const verifier = verifierOf(signer.publicKey)
    const signature = signer.sign(MESSAGE)
    const n = secp256k1.Point.Fn.ORDER
    const { r, s } = secp256k1.Signature.fromBytes(Uint8Array.from(signature), 'der')
    const integer = (value: bigint): Uint8Array => {
      const bytes = value === 0n ? Uint8Array.of(0) : bigEndian(value)
      return der(2, (bytes[0] ?? 0) < 0x80 ? bytes : concat(Uint8Array.of(0), bytes))
    }
    const numbers = [0n, 1n, 2n, n / 2n, n / 2n + 1n, n - 1n, n, n + 1n, n + r, n + s, 2n ** 256n - 1n, r, s]
    const changed = [
      signature,
      ...Array.from(signature, (byte, at) => signature.with(at, byte ^ (1 << (at % 8)))),
      ...Array.from(signature, (_, length) => signature.slice(0, length)),
      ...numbers.flatMap(one => [
        der(0x30, concat(integer(one), integer(s))),
        der(0x30, concat(integer(r), integer(one))),
        der(0x30, concat(integer(one), integer(one)))
      ])
    ]
    const verdictOf = (bytes: Uint8Array): boolean => {
      try {
        return secp256k1.verify(bytes, sha256(MESSAGE), raw, { prehash: false, format: 'der' })
      } catch {
        return false
      }
    }
    for (const bytes of changed)
      assert.equal(verifier.verify(MESSAGE, bytes), verdictOf(Uint8Array.from(bytes)), toHex(bytes))
    assert.ok(verifier.verify(MESSAGE, signature))
  })

  it('secp256k1: DER in any but its one form is refused', async () => {
    const signer = await signerNamed('somebody', 'secp256k1')
    const verifier = verifierOf(signer.publicKey)
    const { r, s } = secp256k1.Signature.fromBytes(Uint8Array.from(signer.sign(MESSAGE)), 'der')
    const integer = (value: bigint) => {
      const bytes = bigEndian(value)
      return (bytes[0] ?? 0) < 0x80 ? bytes : concat(Uint8Array.of(0), bytes)
    }
    const zero = Uint8Array.of(0)
    const both = (left: Uint8Array, right: Uint8Array) => concat(der(2, left), der(2, right))
    assert.ok(verifier.verify(MESSAGE, der(0x30, both(integer(r), integer(s)))))
    for (const [what, bytes] of Object.entries({
      'over-long length': der(0x30, both(integer(r), integer(s)), true),
      'over-long length of r': der(0x30, concat(der(2, integer(r), true), der(2, integer(s)))),
      'zero before r': der(0x30, both(concat(zero, integer(r)), integer(s))),
      'zero before s': der(0x30, both(integer(r), concat(zero, integer(s)))),
      'a third number': der(0x30, concat(both(integer(r), integer(s)), der(2, zero))),
      'a byte behind': concat(der(0x30, both(integer(r), integer(s))), zero),
      'no DER': new secp256k1.Signature(r, s).toBytes('compact')
    }))
      assert.equal(verifier.verify(MESSAGE, bytes), false, what)
  })

  it('RSA: the signature plus the modulus is refused', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const signer = signerOf(
      privateKeyFromProtobuf(publicKeyMessage('RSA', privateKey.export({ format: 'der', type: 'pkcs1' })))
    )
    const verifier = verifierOf(signer.publicKey)
    const { n } = publicKey.export({ format: 'jwk' })
    const modulus = BigInt(`0x${Buffer.from(n ?? '', 'base64url').toString('hex')}`)
    const signature = BigInt(`0x${toHex(signer.sign(MESSAGE))}`)
    const written = (value: bigint) => fromHex(value.toString(16).padStart(512, '0').padStart(514, '0'))
    assert.ok(!verifier.verify(MESSAGE, written(signature + modulus)))
    const sameLength = bigEndian(signature + modulus)
    assert.ok(!verifier.verify(MESSAGE, sameLength))
  })
})

describe('Keys: the cache of verifiers', () => {
  it('makes one verifier a key, and forgets the oldest past its limit', async () => {
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map(name => signerNamed(name)))
    assert.ok(a && b && c)
    const cache = new VerifierCache(2)
    const first = cache.get(a.publicKey)
    const second = cache.get(b.publicKey)
    assert.equal(cache.get(Uint8Array.from(a.publicKey)), first)
    cache.get(c.publicKey)
    assert.equal(cache.get(b.publicKey), second)
    const again = cache.get(a.publicKey)
    assert.notEqual(again, first)
    assertSame(again.peerId, first.peerId)
  })

  it('refuses what verifierOf refuses, every time', () => {
    const cache = new VerifierCache()
    const smallOrder = publicKeyMessage('Ed25519', littleEndian(1n))
    for (let round = 0; round < 2; round++) assert.throws(() => cache.get(smallOrder))
  })
})
