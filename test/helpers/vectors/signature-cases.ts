import { secp256k1 } from '@noble/curves/secp256k1.js'
import { concat } from '#src/core/bytes.js'
import { signEnvelope } from '#src/core/envelope.js'
import type { Signer } from '#src/core/keys.js'
import { encodeMessage } from '#src/core/message.js'
import { flipped, fromHex } from '../core.js'
import {
  envelopeOf,
  type MessageMaker,
  type RefusedMessages,
  signedBytes,
  type Writer
} from './message-maker.js'
import {
  SMALL_ORDER_KEY,
  smallOrderSignature,
  withHighS,
  withLargeS,
  withLongDer,
  withSmallR
} from './odd-signatures.js'

/** Keys that name nobody. */
export function keyCases(make: MessageMaker): RefusedMessages {
  const { secp256k1: curve, rsa, ed25519 } = make.writers
  const uncompressed = secp256k1.Point.fromBytes(curve.key.publicKey.raw).toBytes(false)
  const odd = (publicKey: Uint8Array, signer: Signer, signature?: Uint8Array) =>
    make.bad(make.signedBy(publicKey, signer, signature))
  const encoded = rsa.signer.publicKey
  // The end of the DER: the lowest byte of the modulus, then the exponent 65537 as 02 03 01 00 01.
  const evenModulus = flipped(encoded, encoded.length - 6)
  return {
    'an Ed25519 key of small order, whose signature fits everything': odd(
      SMALL_ORDER_KEY,
      ed25519.signer,
      smallOrderSignature()
    ),
    'an Ed25519 key that is no point': odd(
      concat(SMALL_ORDER_KEY.subarray(0, 4), Uint8Array.of(2), new Uint8Array(31)),
      ed25519.signer
    ),
    'an Ed25519 key that is not canonical: y is p + 1': odd(
      concat(SMALL_ORDER_KEY.subarray(0, 4), fromHex(`ee${'ff'.repeat(30)}7f`)),
      ed25519.signer
    ),
    'a secp256k1 key that is not compressed': odd(
      concat(Uint8Array.of(0x08, 0x02, 0x12, 0x41), uncompressed),
      curve.signer
    ),
    'an RSA key with an even modulus': odd(evenModulus, rsa.signer),
    'an RSA key with the exponent 65539': odd(flipped(encoded, encoded.length - 1, 2), rsa.signer),
    'a key without its type, as that would be RSA': odd(encoded.subarray(2), rsa.signer),
    'a key of the type 3, ECDSA': odd(concat(Uint8Array.of(0x08, 0x03), encoded.subarray(2)), rsa.signer),
    'a key with a field that is not known': odd(
      concat(ed25519.signer.publicKey, Uint8Array.of(0x18, 0x01)),
      ed25519.signer
    )
  }
}

/** Signatures that do not hold, some of which other libraries take. */
export function signatureCases(make: MessageMaker): RefusedMessages {
  const { ed25519, secp256k1: curve, rsa } = make.writers
  const by = ({ signer }: Writer, alter: (signature: Uint8Array, data: Uint8Array) => Uint8Array) => {
    const payload = encodeMessage(make.message(signer))
    const data = signedBytes('message', payload)
    return make.wrong(envelopeOf(signer.publicKey, payload, alter(signer.sign(data), data)))
  }
  const payload = encodeMessage(make.message())
  return {
    'Ed25519: one bit is another': by(ed25519, signature => flipped(signature, 40)),
    'Ed25519: S is not below L': by(ed25519, withLargeS),
    'Ed25519: R is of small order': by(ed25519, (_, data) => withSmallR(data, ed25519.key)),
    'Ed25519: one byte more': by(ed25519, signature => concat(signature, Uint8Array.of(0))),
    'secp256k1: S is above half of the order': by(curve, withHighS),
    'secp256k1: DER with a zero too many': by(curve, withLongDer),
    'secp256k1: R and S without DER': by(curve, signature =>
      secp256k1.Signature.fromBytes(signature, 'der').toBytes('compact')
    ),
    'RSA: a zero before it': by(rsa, signature => concat(Uint8Array.of(0), signature)),
    'RSA: one bit is another': by(rsa, signature => flipped(signature, 40)),
    'signed in the domain of blocks': make.wrong(
      envelopeOf(ed25519.signer.publicKey, payload, ed25519.signer.sign(signedBytes('block', payload)))
    ),
    'the payload type of a receipt': make.wrong(signEnvelope('receipt', payload, ed25519.signer)),
    'the payload without its domain is signed': make.wrong(
      envelopeOf(ed25519.signer.publicKey, payload, ed25519.signer.sign(payload))
    )
  }
}
