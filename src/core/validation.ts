import { type EnvelopeBytes, equal, type Hash, type PeerIdBytes, toHex } from './bytes.js'
import { decodeEnvelope, verifyEnvelope } from './envelope.js'
import type { VerifierCache } from './keys.js'
import { leafHash } from './merkle.js'
import { decodeMessage, type Message } from './message.js'
import { type Reason, type Refusal, refusal } from './refusal.js'
import type { Opener } from './sealing.js'

/** What a message must satisfy whatever came before it. What depends on the log is the journal's to check. */
export interface MessageRules {
  readonly network: Hash
  /** Bytes of an envelope at most. */
  readonly messageBytes: number
  /** PeerIds in hex that may write; undefined: anyone. */
  readonly members: ReadonlySet<string> | undefined
  /** Whether bodies must be sealed, or must be open. */
  readonly bodies: 'sealed' | 'open'
  readonly checkBody: (body: Uint8Array) => Refusal | undefined
  /** Left out by those who cannot open: they check all but the inside of a sealed body. */
  readonly opener?: Opener
}

/**
 * `author` and `sequence` of a refused message are given where its signature proved them: nobody else may be
 * told about it.
 */
export type Verdict =
  | { readonly ok: true; readonly leaf: Hash; readonly author: PeerIdBytes; readonly sequence: bigint }
  | {
      readonly ok: false
      readonly leaf: Hash
      readonly refusal: Refusal
      readonly author?: PeerIdBytes
      readonly sequence?: bigint
    }

/** Judges one envelope: size, encoding, network, signature, author, membership, opening and body, in this order. */
export async function validateEnvelope(
  bytes: EnvelopeBytes,
  rules: MessageRules,
  verifiers: VerifierCache
): Promise<Verdict> {
  const leaf = leafHash(bytes)
  const refuse = (reason: Reason, detail: string): Verdict => ({
    ok: false,
    leaf,
    refusal: refusal(reason, detail)
  })

  if (bytes.length > rules.messageBytes)
    return refuse('too large', `${bytes.length} bytes; this network takes ${rules.messageBytes}`)
  let message: Message
  try {
    const envelope = decodeEnvelope(bytes)
    message = decodeMessage(envelope.payload)
    if (!equal(message.network, rules.network))
      return refuse('wrong network', `it is for network ${toHex(message.network)}`)
    const verifier = verifiers.get(envelope.publicKey)
    if (!verifyEnvelope('message', envelope, verifier))
      return refuse('bad signature', 'the signature does not fit the message')
    if (!equal(verifier.peerId, message.author))
      return refuse('wrong author', 'the author is not the one who signed')
  } catch (error) {
    return refuse('bad encoding', error instanceof Error ? error.message : String(error))
  }

  const { author, sequence } = message
  const problem = await checkAuthored(message, rules)
  return problem === undefined
    ? { ok: true, leaf, author, sequence }
    : { ok: false, leaf, refusal: problem, author, sequence }
}

/** What is left to check once it is known who says it. */
async function checkAuthored(message: Message, rules: MessageRules): Promise<Refusal | undefined> {
  const { author, body } = message
  if (rules.members !== undefined && !rules.members.has(toHex(author)))
    return refusal('not a member', 'only members of this network may write')
  if (body.kind !== rules.bodies)
    return refusal(rules.bodies === 'sealed' ? 'not sealed' : 'not open', `bodies are ${rules.bodies} here`)
  if (body.kind === 'open') return rules.checkBody(body.bytes)
  if (rules.opener === undefined) return undefined
  const opened = await rules.opener.open(message, body.sealed)
  if (opened.ok) return rules.checkBody(opened.plaintext)
  return opened.reason === 'unknown key'
    ? refusal(
        'unknown key',
        `it is sealed to key ${toHex(body.sealed.keyId)}, which does not open here, or no more`
      )
    : refusal('does not open', 'the sealed body does not belong to this message')
}
