import assert from 'node:assert/strict'
import { concat, utf8 } from '#src/core/bytes.js'
import {
  DOMAINS,
  type Domain,
  decodeEnvelope,
  openEnvelopeOf,
  signEnvelope,
  verifyEnvelope
} from '#src/core/envelope.js'
import { VerifierCache, verifierOf } from '#src/core/keys.js'
import { Envelope } from '#src/core/wire/tallystick.js'
import { assertSame, flipped, KEY_TYPES, signerNamed } from '../helpers/core.js'
import { varint } from './protobuf.js'

const NAMES: readonly Domain[] = ['message', 'block', 'receipt', 'encryptionKey']
const PAYLOAD = utf8('a payload')

/** RFC 0002: each part behind its length. */
function covered(domain: Uint8Array, payloadType: Uint8Array, payload: Uint8Array): Uint8Array {
  return concat(...[domain, payloadType, payload].flatMap(part => [varint(BigInt(part.length)), part]))
}

const signer = await signerNamed('somebody')
const verifier = verifierOf(signer.publicKey)

describe('Signed envelopes', () => {
  for (const type of KEY_TYPES)
    it(`${type}: hold the key, the payload and a signature over domain, type and payload (RFC 0002)`, async () => {
      const signer = await signerNamed('somebody', type)
      for (const domain of NAMES) {
        const { name, payloadType } = DOMAINS[domain]
        const envelope = decodeEnvelope(signEnvelope(domain, PAYLOAD, signer))
        assertSame(envelope.publicKey, signer.publicKey)
        assertSame(envelope.payloadType, payloadType)
        assertSame(envelope.payload, PAYLOAD)
        const verifier = verifierOf(signer.publicKey)
        assert.ok(verifyEnvelope(domain, envelope, verifier))
        assert.ok(verifier.verify(covered(name, payloadType, PAYLOAD), envelope.signature))
      }
    })

  it('payloads of any length are covered whole', () => {
    for (const length of [0, 1, 127, 128, 16_383, 16_384, 100_000]) {
      const payload = new Uint8Array(length).fill(7)
      const envelope = decodeEnvelope(signEnvelope('block', payload, signer))
      assert.ok(verifyEnvelope('block', envelope, verifier))
      assert.ok(
        !verifyEnvelope(
          'block',
          { ...envelope, payload: concat(payload, payload, Uint8Array.of(0)) },
          verifier
        )
      )
      if (length > 0)
        assert.ok(!verifyEnvelope('block', { ...envelope, payload: flipped(payload, length - 1) }, verifier))
    }
  })

  it('have a domain and a payload type for each kind of thing', () => {
    const texts = NAMES.map(name => Buffer.from(DOMAINS[name].name).toString())
    assert.deepEqual(texts, [
      'tallystick-message',
      'tallystick-block',
      'tallystick-receipt',
      'tallystick-encryption-key'
    ])
    // Multicodec's private use area begins at 0x300000.
    assertSame(
      NAMES.map(name => DOMAINS[name].payloadType),
      [1n, 2n, 3n, 4n].map(number => varint(0x300000n + number))
    )
  })

  for (const domain of NAMES)
    for (const other of NAMES.filter(name => name !== domain))
      it(`signed as ${domain} they do not serve as ${other}`, () => {
        const envelope = decodeEnvelope(signEnvelope(domain, PAYLOAD, signer))
        assert.ok(!verifyEnvelope(other, envelope, verifier))
        const relabelled = { ...envelope, payloadType: DOMAINS[other].payloadType }
        assert.ok(!verifyEnvelope(other, relabelled, verifier))
        assert.ok(!verifyEnvelope(domain, relabelled, verifier))
      })

  it('with a payload type of another kind are refused, even if signed with it', () => {
    for (const payloadType of [
      new Uint8Array(0),
      DOMAINS.block.payloadType,
      DOMAINS.message.payloadType.slice(1),
      concat(DOMAINS.message.payloadType, Uint8Array.of(0))
    ]) {
      const signature = signer.sign(covered(DOMAINS.message.name, payloadType, PAYLOAD))
      const envelope = { publicKey: signer.publicKey, payloadType, payload: PAYLOAD, signature }
      assert.ok(!verifyEnvelope('message', envelope, verifier))
    }
  })

  it('signed without a domain, or with the parts run together, are refused', () => {
    const { name, payloadType } = DOMAINS.message
    for (const data of [
      PAYLOAD,
      concat(name, payloadType, PAYLOAD),
      covered(new Uint8Array(0), payloadType, PAYLOAD)
    ]) {
      const envelope = {
        publicKey: signer.publicKey,
        payloadType,
        payload: PAYLOAD,
        signature: signer.sign(data)
      }
      assert.ok(!verifyEnvelope('message', envelope, verifier))
    }
  })
})

describe('Signed envelopes from one known signer', () => {
  const verifiers = new VerifierCache()
  const bytes = signEnvelope('receipt', PAYLOAD, signer)
  const open = (bytes: Uint8Array, domain: Domain = 'receipt') =>
    openEnvelopeOf(signer.peerId, domain, bytes, verifiers)
  const problem = (opened: ReturnType<typeof open>) => (opened.ok ? undefined : opened.problem)

  it('give their payload', () => {
    assertSame(open(bytes), { ok: true, payload: PAYLOAD })
  })

  it('of someone else: producer', async () => {
    const other = await signerNamed('somebody else')
    assert.equal(problem(open(signEnvelope('receipt', PAYLOAD, other))), 'producer')
    const { signature } = decodeEnvelope(bytes)
    const stolen = { ...decodeEnvelope(bytes), publicKey: other.publicKey, signature }
    assert.equal(problem(open(Envelope.encode(stolen))), 'producer')
  })

  it('for another domain, or with a signature that does not fit: signature', () => {
    assert.equal(problem(open(bytes, 'block')), 'signature')
    const envelope = decodeEnvelope(bytes)
    const broken = { ...envelope, signature: flipped(envelope.signature, 3) }
    assert.equal(problem(open(Envelope.encode(broken))), 'signature')
    const foreign = { ...envelope, payload: utf8('another payload') }
    assert.equal(problem(open(Envelope.encode(foreign))), 'signature')
    assert.equal(problem(open(Envelope.encode({ ...envelope, signature: new Uint8Array(0) }))), 'signature')
  })

  it('that cannot be read, or with a key that may not name anyone: encoding', () => {
    const envelope = decodeEnvelope(bytes)
    assert.equal(problem(open(new Uint8Array(0))), 'encoding')
    assert.equal(problem(open(concat(bytes, Uint8Array.of(0)))), 'encoding')
    assert.equal(problem(open(bytes.subarray(1))), 'encoding')
    const smallOrder = concat(signer.publicKey.slice(0, 4), Uint8Array.of(1), new Uint8Array(31))
    assert.equal(problem(open(Envelope.encode({ ...envelope, publicKey: smallOrder }))), 'encoding')
    const padded = concat(signer.publicKey, Uint8Array.of(0x18, 0))
    assert.equal(problem(open(Envelope.encode({ ...envelope, publicKey: padded }))), 'encoding')
  })
})
