import assert from 'node:assert/strict'
import { verify as nodeVerify } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import fc from 'fast-check'
import { genesisOf, readBlockHeader, readSignedHeader, signHeader } from '#src/core/block.js'
import { concat, toHex, utf8 } from '#src/core/bytes.js'
import { checkpointNote, openCheckpoint } from '#src/core/checkpoint.js'
import { Ed25519Key } from '#src/core/ed25519.js'
import { certifyKey, readCertificate } from '#src/core/encryption-key.js'
import { checkEvidence, forkEvidence } from '#src/core/evidence.js'
import { type Signer, signerOf, VerifierCache, verifierOf } from '#src/core/keys.js'
import { EMPTY_ROOT, leafHash } from '#src/core/merkle.js'
import type { Network } from '#src/core/network.js'
import { readReceipt, signReceipt } from '#src/core/receipt.js'
import { openingKeyFromSeed } from '#src/core/sealing.js'
import { parseVerifierKey, verifierKey } from '#src/core/signed-note.js'
import { validateOpenly } from '#src/core/validation.js'
import { networkOf } from '#src/rules/network-document.js'
import { undated } from '../helpers/certificates.js'
import {
  arbitrary,
  documentOf,
  fromHex,
  privateKeyOf,
  runs,
  seedOf,
  signedMessage,
  signerNamed,
  vectors
} from '../helpers/core.js'
import {
  challenge,
  forge,
  fromLittleEndian,
  isValid,
  L,
  littleEndian,
  P,
  Point,
  SMALL_ORDER,
  SMALL_ORDER_ENCODINGS,
  smallOrderSigner,
  times
} from '../helpers/ed25519-rule.js'

interface Vectors {
  readonly cases: readonly {
    readonly number: number
    readonly comment: string
    readonly key: string
    readonly message: string
    readonly signature: string
    /** The verdict of the rule of docs/PROTOCOL.md section 2. */
    readonly valid: boolean
  }[]
}

/** The one way in which a signature is verified in this program. A key that is refused verifies nothing. */
function verdict(type: number, key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const length = key.length < 128 ? [key.length] : [(key.length & 0x7f) | 0x80, key.length >> 7]
  try {
    return verifierOf(concat(Uint8Array.of(0x08, type, 0x12, ...length), key)).verify(message, signature)
  } catch (error) {
    assert.ok(error instanceof Error && !(error instanceof assert.AssertionError))
    return false
  }
}

const verdictEd25519 = (key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean =>
  verdict(1, key, message, signature)

/** What Node's OpenSSL says when nothing is looked at before. */
function openSsl(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const x = Buffer.from(key).toString('base64url')
  return nodeVerify(null, message, { format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } }, signature)
}

describe('Ed25519: published vectors get the verdict of the rule', () => {
  for (const [file, name] of [
    ['speccheck', 'the 12 of "Taming the many EdDSAs"'],
    ['cctv', 'the 914 edge cases of C2SP'],
    ['wycheproof', 'the 151 of Wycheproof']
  ])
    it(`${name}, and the same by points and integers alone`, () => {
      const { cases } = vectors<Vectors>(`ed25519/${file}.json`)
      assert.ok(name?.includes(String(cases.length)), 'all are there')
      for (const { number, comment, valid, ...hex } of cases) {
        const [key, message, signature] = [hex.key, hex.message, hex.signature].map(fromHex)
        assert.ok(key && message && signature)
        assert.equal(verdictEd25519(key, message, signature), valid, `${number}: ${comment}`)
        assert.equal(isValid(key, message, signature), valid, `${number}: ${comment}, by the rule alone`)
      }
    })
})

describe('Signatures of other types: published vectors', () => {
  for (const [file, type, key] of [
    ['secp256k1', 2, (hex: string) => secp256k1.Point.fromHex(hex).toBytes(true)],
    ['rsa_2048', 0, fromHex]
  ] as const)
    it(`${file}: those of Wycheproof get the verdict of the rule`, () => {
      const { cases } = vectors<Vectors>(`wycheproof/${file}.json`)
      assert.ok(cases.length > 200, 'all are there')
      for (const { number, comment, valid, message, signature, ...hex } of cases)
        assert.equal(
          verdict(type, key(hex.key), fromHex(message), fromHex(signature)),
          valid,
          `${number}: ${comment}`
        )
    })
})

describe('Ed25519: points of small order', () => {
  it('the list of their encodings is whole: eight points, 14 encodings and no other', () => {
    assert.equal(new Set(SMALL_ORDER.map(point => point.toHex())).size, 8)
    assert.equal(SMALL_ORDER_ENCODINGS.length, 14)
    const canonical = SMALL_ORDER.map(point => point.toHex()).sort()
    const listed = SMALL_ORDER_ENCODINGS.map(bytes => toHex(bytes))
    assert.deepEqual(
      canonical.filter(hex => !listed.includes(hex)),
      []
    )
    // A lenient reader makes each of the 14 one of the eight.
    for (const bytes of SMALL_ORDER_ENCODINGS)
      assert.ok(ed25519.Point.fromBytes(Uint8Array.from(bytes), true).isSmallOrder(), toHex(bytes))
  })

  it('no point of small order is a key', () => {
    for (const bytes of SMALL_ORDER_ENCODINGS) assert.throws(() => new Ed25519Key(bytes), toHex(bytes))
  })

  it('a signature with R of small order is refused, also where OpenSSL takes it', () => {
    const message = utf8('something that was said')
    let taken = 0
    for (const encodedR of SMALL_ORDER_ENCODINGS) {
      const forgery = { secret: 123_456_789n, nonce: 0n, besideA: Point.ZERO, besideR: Point.ZERO, encodedR }
      const { key, signature } = forge(forgery, message)
      if (openSsl(key, message, signature)) taken += 1
      assert.equal(verdictEd25519(key, message, signature), false, toHex(encodedR))
      assert.equal(isValid(key, message, signature), false)
    }
    assert.ok(taken > 0, 'the case is not an empty one')
  })
})

/** Mostly what honest signers have, so that all else is not refused for several reasons at once. */
function mostly<T>(usual: fc.Arbitrary<T>, other: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 4, arbitrary: usual }, { weight: 1, arbitrary: other })
}

const torsion = mostly(fc.constant(Point.ZERO), fc.constantFrom(...SMALL_ORDER))
const scalar = fc.bigInt({ min: 0n, max: L - 1n })
const encodings = fc.oneof(
  fc.constantFrom(...SMALL_ORDER_ENCODINGS),
  fc.bigInt({ min: P, max: 2n ** 255n - 1n }).map(littleEndian),
  arbitrary.bytes(32, 32)
)

describe('Ed25519: one verdict, whoever verifies', () => {
  const agree = (key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
    const expected = isValid(key, message, signature)
    assert.equal(verdictEd25519(key, message, signature), expected, toHex(concat(key, signature)))
    return expected
  }

  it('forged, random and malformed signatures: the program and the rule by points and integers agree', () => {
    const seen = { valid: 0, invalid: 0 }
    const forgery = fc.record({
      secret: mostly(scalar, fc.constant(0n)),
      nonce: mostly(scalar, fc.constant(0n)),
      besideA: torsion,
      besideR: torsion,
      encodedR: mostly<Uint8Array | undefined>(fc.constant(undefined), encodings)
    })
    const damage = fc.oneof(
      fc.nat({ max: 14 }).map(more => (signature: Uint8Array) => {
        const s = fromLittleEndian(signature.slice(32)) + BigInt(more) * L
        return s < 2n ** 256n ? concat(signature.slice(0, 32), littleEndian(s)) : signature
      }),
      fc.nat({ max: 511 }).map(bit => (signature: Uint8Array) => {
        const copy = Uint8Array.from(signature)
        copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        return copy
      }),
      arbitrary.bytes(0, 130).map(bytes => () => bytes)
    )
    const change = mostly(
      fc.constant((signature: Uint8Array) => signature),
      damage
    )
    fc.assert(
      fc.property(forgery, change, arbitrary.bytes(0, 40), ({ encodedR, ...how }, changed, message) => {
        const { key, signature } = forge({ ...how, ...(encodedR && { encodedR }) }, message)
        seen[agree(key, message, changed(signature)) ? 'valid' : 'invalid'] += 1
      }),
      runs(400)
    )
    assert.ok(seen.valid > 20 && seen.invalid > 20, JSON.stringify(seen))
  })

  it('keys of any bytes: the program and the rule by points and integers agree', () => {
    fc.assert(
      fc.property(encodings, scalar, arbitrary.bytes(0, 40), (key, nonce, message) => {
        const r = times(Point.BASE, nonce).toBytes()
        agree(key, message, concat(r, littleEndian(nonce)))
        agree(key, message, concat(r, littleEndian(challenge(r, key, message))))
      }),
      runs(200)
    )
  })

  it('where the points of small order beside A and R cancel out, a signature is valid; where only the cofactor makes them, it is not', () => {
    const [, eighth = Point.ZERO] = SMALL_ORDER
    const seen = { valid: 0, invalid: 0 }
    for (let nonce = 1n; nonce <= 64n; nonce++) {
      const message = utf8(`message ${nonce}`)
      const how = { secret: 5n, nonce, besideA: eighth, besideR: eighth }
      const { key, signature } = forge(how, message)
      const k = challenge(signature.slice(0, 32), key, message)
      // R and k × A have in them (1 + k) times the point of order 8.
      const cancels = (1n + k) % 8n === 0n
      assert.equal(agree(key, message, signature), cancels, `message ${nonce}`)
      assert.ok(ed25519.verify(signature, message, key, { zip215: true }), 'the cofactor makes it hold')
      seen[cancels ? 'valid' : 'invalid'] += 1
    }
    assert.ok(seen.valid > 0 && seen.invalid > 0)
  })
})

describe('Ed25519: no path takes a signature whose R is of small order', () => {
  const verifiers = new VerifierCache()
  let honest: Signer
  let forger: Signer
  let network: Network

  before(async () => {
    const key = await privateKeyOf('sequencer')
    honest = signerOf(key)
    forger = smallOrderSigner(key)
    assert.ok(openSsl(honest.publicKey.slice(4), utf8('x'), forger.sign(utf8('x'))), 'OpenSSL takes it')
    network = networkOf(documentOf(honest))
  })

  const headerAt = (height: number, time = 1) => ({
    ...genesisOf(network.id, EMPTY_ROOT, time).header,
    height,
    count: 100,
    size: 100 * height,
    producer: honest.peerId
  })
  /** `open` takes what the honest signer made, and not what the forger made. */
  const expectRefused = <T>(make: (signer: Signer) => T, open: (made: T) => unknown): void => {
    open(make(honest))
    assert.throws(() => open(make(forger)))
  }

  it('R of small order is refused in messages', () => {
    const claim = { network: network.id, author: honest.peerId, sequence: 1n, time: 1 }
    const message = { ...claim, body: { kind: 'open', bytes: utf8('{}') } } as const
    const rules = {
      network: network.id,
      messageBytes: 4096,
      members: undefined,
      bodies: 'open',
      checkBody: () => undefined
    } as const
    expectRefused(
      signer => signedMessage(message, signer),
      envelope => {
        const checked = validateOpenly(envelope, rules, verifiers)
        assert.ok(checked.ok, checked.ok ? '' : checked.refusal.reason)
      }
    )
  })

  it('R of small order is refused in headers, and with them in evidence', async () => {
    expectRefused(
      signer => signHeader(headerAt(1), signer),
      ({ envelope }) => assert.ok(readSignedHeader(envelope, verifiers).ok)
    )
    const judge = { genesis: () => seedOf('genesis'), judgeState: async () => '' }
    const evidence = (signer: Signer) =>
      forkEvidence(signHeader(headerAt(1, 1), honest), signHeader(headerAt(1, 2), signer))
    await checkEvidence(evidence(honest), network, verifiers, judge)
    await assert.rejects(checkEvidence(evidence(forger), network, verifiers, judge), /signature/)
  })

  it('R of small order is refused in checkpoints, in blocks and as notes', () => {
    const header = headerAt(1)
    const rules = { hasCheckpoints: true, screen: () => undefined }
    expectRefused(
      signer => signHeader(header, signer).checkpoint,
      checkpoint => {
        const { envelope } = signHeader(header, honest)
        assert.ok(readBlockHeader(envelope, checkpoint, verifiers, rules).ok)
      }
    )
    expectRefused(
      signer => checkpointNote(header, signHeader(header, signer).checkpoint) ?? '',
      note => openCheckpoint(note, network.id, verifiers.get(honest.publicKey))
    )
  })

  it('R of small order is refused in receipts', () => {
    const entries = [{ sequence: 1n, position: 0, leaf: leafHash(utf8('x')) }]
    const receipt = { network: network.id, author: honest.peerId, time: 1, entries }
    expectRefused(
      signer => signReceipt(receipt, signer),
      bytes => readReceipt(bytes, network.id, honest.peerId, verifiers)
    )
  })

  it('R of small order is refused in certificates of encryption keys', async () => {
    const key = await openingKeyFromSeed(seedOf('encryption key'))
    expectRefused(
      signer => certifyKey(undated(key), network.id, signer),
      bytes => readCertificate(bytes, network.id, honest.peerId, verifiers)
    )
  })

  it('no verifier key of a note is of small order', async () => {
    const name = 'tallystick/log'
    const { publicKey } = await signerNamed('somebody')
    parseVerifierKey(verifierKey({ name, publicKey: publicKey.slice(4) }))
    for (const bytes of SMALL_ORDER_ENCODINGS)
      assert.throws(() => parseVerifierKey(verifierKey({ name, publicKey: bytes })), toHex(bytes))
  })
})
