import { concat, utf8 } from '#src/core/bytes.js'
import { DOMAINS } from '#src/core/envelope.js'
import { encodeMessage } from '#src/core/message.js'
import { bytesField, numberField } from './altered.js'
import { BODY, type MessageMaker, type RefusedMessages, signedBytes } from './message-maker.js'

/** Encodings that are not the one that is accepted. */
export function encodingCases(make: MessageMaker): RefusedMessages {
  const { signer } = make.writers.ed25519
  const { publicKey } = signer
  const payload = encodeMessage(make.message())
  const { payloadType } = DOMAINS.message
  const signature = signer.sign(signedBytes('message', payload))
  const [key, type, said, signed] = [
    bytesField(1, publicKey),
    bytesField(2, payloadType),
    bytesField(3, payload),
    bytesField(5, signature)
  ]
  if (!key || !type || !said || !signed) throw new Error('four fields')
  const claim = make.message()
  const fields = {
    network: bytesField(1, claim.network),
    author: bytesField(2, claim.author),
    sequence: numberField(3, 1n),
    time: numberField(4, BigInt(claim.time)),
    open: bytesField(5, utf8(BODY))
  }
  const { network, author, sequence, time, open } = fields
  const enveloped = (...parts: Uint8Array[]) => make.bad(concat(...parts))
  const paid = (...parts: Uint8Array[]) => make.bad(make.sign(concat(...parts)))
  return {
    'no bytes': enveloped(),
    'envelope: a field that is not known, at the end': enveloped(key, type, said, signed, numberField(6, 1n)),
    'envelope: the field 4, which is not known, in its place': enveloped(
      key,
      type,
      said,
      bytesField(4, utf8('x')),
      signed
    ),
    'envelope: a field that is not known and empty': enveloped(
      key,
      type,
      said,
      signed,
      bytesField(15, new Uint8Array(0))
    ),
    'envelope: a length in more bytes than it takes': enveloped(
      key,
      bytesField(2, payloadType, true),
      said,
      signed
    ),
    'envelope: a tag in more bytes than it takes': enveloped(
      Uint8Array.of(0x8a, 0x00),
      key.subarray(1),
      type,
      said,
      signed
    ),
    'envelope: fields out of order': enveloped(key, said, type, signed),
    'envelope: a field twice': enveloped(key, type, said, signed, signed),
    'envelope: cut short': enveloped(concat(key, type, said, signed).slice(0, -1)),
    'payload, signed: a field that is not known': paid(
      network,
      author,
      sequence,
      time,
      open,
      numberField(7, 1n)
    ),
    'payload, signed: the sequence in more bytes than it takes': paid(
      network,
      author,
      numberField(3, 1n, true),
      time,
      open
    ),
    'payload, signed: a default that is written out': paid(
      network,
      author,
      sequence,
      numberField(4, 0n),
      open
    ),
    'payload, signed: fields out of order': paid(author, network, sequence, time, open),
    'payload, signed: a number as bytes': paid(network, author, bytesField(3, Uint8Array.of(1)), time, open),
    'payload, signed: the sequence 0': paid(network, author, time, open),
    'payload, signed: a time of 2^53': paid(network, author, sequence, numberField(4, 2n ** 53n), open),
    'payload, signed: a network of 31 bytes': paid(
      bytesField(1, claim.network.subarray(1)),
      author,
      sequence,
      time,
      open
    ),
    'payload, signed: an author of 33 bytes': paid(
      network,
      bytesField(2, claim.author.subarray(0, 33)),
      sequence,
      time,
      open
    ),
    'payload, signed: neither open nor sealed': paid(network, author, sequence, time),
    'payload, signed: open and sealed': paid(
      network,
      author,
      sequence,
      time,
      open,
      bytesField(6, new Uint8Array(0))
    )
  }
}
