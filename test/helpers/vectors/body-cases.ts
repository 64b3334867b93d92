import { concat, utf8 } from '#src/core/bytes.js'
import { signEnvelope } from '#src/core/envelope.js'
import { encodeMessage, type Message, type Sealed } from '#src/core/message.js'
import { type SealingContext, seal } from '#src/core/sealing.js'
import { flipped, fromHex } from '../core.js'
import { EPOCH } from '../epoch.js'
import { BODY, type Case, example, type MessageMaker, type RefusedMessages } from './message-maker.js'

/** Where all can read them. */
export function bodyCases(make: MessageMaker): RefusedMessages {
  const bad = (body: string | Uint8Array) => make.as('bad schema', make.said(body))
  const deep = 33
  return {
    'body: a space': bad('{"text": "hello"}'),
    'body: a newline at the end': bad('{"text":"hello"}\n'),
    'body: keys out of order': bad('{"text":"hello","data":{}}'),
    'body: a key twice': bad('{"text":"hello","text":"hello"}'),
    'body: an escape that is not needed': bad('{"text":"h\\u0065llo"}'),
    'body: an escape in capitals': bad('{"text":"\\u001F"}'),
    'body: an escaped solidus': bad('{"text":"a\\/b"}'),
    'body: 1.0 for 1': bad('{"data":{"a":1.0},"text":"x"}'),
    'body: 1E2 for 100': bad('{"data":{"a":1E2},"text":"x"}'),
    'body: -0 for 0': bad('{"data":{"a":-0},"text":"x"}'),
    'body: a number that no double holds': bad('{"data":{"a":12345678901234567890},"text":"x"}'),
    'body: half a surrogate pair': bad('{"text":"\\ud800"}'),
    'body: a byte order mark': bad(`\ufeff${BODY}`),
    'body: not UTF-8': bad(Uint8Array.of(...utf8('{"text":"'), 0xff, ...utf8('"}'))),
    'body: half a surrogate pair as bytes': bad(
      Uint8Array.of(...utf8('{"text":"'), 0xed, 0xa0, 0x80, ...utf8('"}'))
    ),
    'body: empty': bad(''),
    'body: nested 33 deep': bad(`{"data":{"a":${'['.repeat(deep - 2)}${']'.repeat(deep - 2)}},"text":"x"}`),
    'body: 4097 values': bad(`{"data":{"a":[${Array(4093).fill(1).join()}]},"text":"x"}`),
    'body: does not fit the schema': bad('{"text":1}'),
    'body: a member that the schema does not know': bad('{"more":1,"text":"x"}')
  }
}

/** Sealed where they must be open, open where they must be sealed, and what the sequencer alone sees. */
export function sealedCases(make: MessageMaker): RefusedMessages {
  const { signer } = make.writers.client
  const { network } = { network: make.networks.sealed.id }
  const claim = { network, author: signer.peerId, sequence: 9n, time: EPOCH }
  const context: SealingContext = {
    keyId: fromHex(example.keys.keyId),
    enc: fromHex(example.sealing.enc),
    secret: fromHex(example.sealing.messageKey),
    refusalSecret: new Uint8Array(32)
  }
  const sealed = seal(context, claim, utf8(BODY))
  const signed = (reason: string, body: Message['body']): Case & { reason: string } => ({
    reason,
    network: 'sealed',
    envelope: signEnvelope('message', encodeMessage({ ...claim, body }), signer)
  })
  const withSealed = (reason: string, changes: Partial<Sealed>) =>
    signed(reason, { kind: 'sealed', sealed: { ...sealed, ...changes } })
  return {
    'sealed, where bodies are open': make.as(
      'not open',
      make.open(make.writers.ed25519, { body: { kind: 'sealed', sealed } })
    ),
    'open, where bodies are sealed': signed('not sealed', { kind: 'open', bytes: utf8(BODY) }),
    'sealed: a ciphertext that is no multiple of 64': withSealed('bad encoding', {
      ciphertext: concat(sealed.ciphertext, Uint8Array.of(0))
    }),
    'sealed: a key that the sequencer does not have': withSealed('unknown key', {
      keyId: flipped(sealed.keyId, 0)
    }),
    'sealed: one bit of the ciphertext is another': withSealed('does not open', {
      ciphertext: flipped(sealed.ciphertext, 0)
    }),
    'sealed under another sequence': withSealed(
      'does not open',
      seal(context, { ...claim, sequence: 8n }, utf8(BODY))
    ),
    'sealed: an enc of small order': withSealed('does not open', { enc: new Uint8Array(32) }),
    'sealed: a space in the body': withSealed('bad schema', seal(context, claim, utf8('{"text": "hello"}')))
  }
}
