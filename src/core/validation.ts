import { type EnvelopeBytes, equal, type Hash, type PeerIdBytes, toHex } from './bytes.js'
import { DecodeError } from './codec.js'
import { decodeEnvelope, verifyEnvelope } from './envelope.js'
import type { VerifierCache } from './keys.js'
import { leafHash } from './merkle.js'
import { decodeMessage, type Message, type Sealed } from './message.js'
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

/** What is wrong inside a sealed body. It says something of the plaintext, and so is told to the author alone. */
export interface PrivateDetail {
  readonly detail: string
  /** Of the message's own key agreement: what followers pass on is sealed with it. */
  readonly secret: Uint8Array
}

/**
 * `author` and `sequence` of a refused message are given where its signature proved them: nobody else may be
 * told about it. `refusal` says nothing of what is in a sealed body, wherever it is shown; `inside` does.
 */
export type Verdict =
  | { readonly ok: true; readonly leaf: Hash; readonly author: PeerIdBytes; readonly sequence: bigint }
  | {
      readonly ok: false
      readonly leaf: Hash
      readonly refusal: Refusal
      readonly author?: PeerIdBytes
      readonly sequence?: bigint
      readonly inside?: PrivateDetail
    }

/**
 * Judges one envelope. This is the one function that does, at intake, at import, in an audit and for evidence; a verdict
 * comes of the bytes and the rules alone. What it throws is a defect of the program, and never a verdict.
 *
 * It looks at size, encoding, network, signature, author, membership, opening and body, in this order.
 */
export async function validateEnvelope(
  bytes: EnvelopeBytes,
  rules: MessageRules,
  verifiers: VerifierCache
): Promise<Verdict> {
  const read = authenticate(bytes, rules, verifiers)
  if ('verdict' in read) return read.verdict
  const problem = checkOpen(read.message, rules)
  if (problem !== undefined) return verdictOn(read, problem)
  const sealed = await checkSealed(read.message, rules)
  return verdictOn(read, sealed?.refusal, sealed?.inside)
}

/** The same, but for what is inside a sealed body. */
export function validateOpenly(bytes: EnvelopeBytes, rules: MessageRules, verifiers: VerifierCache): Verdict {
  const read = authenticate(bytes, rules, verifiers)
  return 'verdict' in read ? read.verdict : verdictOn(read, checkOpen(read.message, rules))
}

/** A message whose author has signed it for this network. */
interface Authenticated {
  readonly leaf: Hash
  readonly message: Message
}

function verdictOn(
  { leaf, message }: Authenticated,
  refusal: Refusal | undefined,
  inside?: PrivateDetail
): Verdict {
  const { author, sequence } = message
  return refusal === undefined
    ? { ok: true, leaf, author, sequence }
    : { ok: false, leaf, refusal, author, sequence, ...(inside && { inside }) }
}

function authenticate(
  bytes: EnvelopeBytes,
  rules: MessageRules,
  verifiers: VerifierCache
): Authenticated | { readonly verdict: Verdict } {
  const leaf = leafHash(bytes)
  const refuse = (reason: Reason, detail: string): { readonly verdict: Verdict } => ({
    verdict: { ok: false, leaf, refusal: refusal(reason, detail) }
  })
  if (bytes.length > rules.messageBytes)
    return refuse('too large', `${bytes.length} bytes; this network takes ${rules.messageBytes}`)
  try {
    const envelope = decodeEnvelope(bytes)
    const message = decodeMessage(envelope.payload)
    if (!equal(message.network, rules.network))
      return refuse('wrong network', `it is for network ${toHex(message.network)}`)
    const verifier = verifiers.get(envelope.publicKey)
    if (!verifyEnvelope('message', envelope, verifier))
      return refuse('bad signature', 'the signature does not fit the message')
    if (!equal(verifier.peerId, message.author))
      return refuse('wrong author', 'the author is not the one who signed')
    return { leaf, message }
  } catch (error) {
    if (error instanceof DecodeError) return refuse('bad encoding', error.message)
    throw error
  }
}

/** What everybody can check once it is known who says it. */
function checkOpen({ author, body }: Message, rules: MessageRules): Refusal | undefined {
  if (rules.members !== undefined && !rules.members.has(toHex(author)))
    return refusal('not a member', 'only members of this network may write')
  if (body.kind !== rules.bodies)
    return refusal(rules.bodies === 'sealed' ? 'not sealed' : 'not open', `bodies are ${rules.bodies} here`)
  return body.kind === 'open' ? rules.checkBody(body.bytes) : undefined
}

/** What is left to those who can open it. */
async function checkSealed(
  message: Message,
  rules: MessageRules
): Promise<{ readonly refusal: Refusal; readonly inside?: PrivateDetail } | undefined> {
  const { body } = message
  if (body.kind === 'open' || rules.opener === undefined) return undefined
  const opened = await rules.opener.open(message, body.sealed)
  if (opened.ok) {
    const problem = rules.checkBody(opened.plaintext)
    return (
      problem && {
        refusal: refusal(problem.reason, 'what is wrong with its sealed body is told to its author alone'),
        inside: { detail: problem.detail, secret: opened.refusalSecret }
      }
    )
  }
  return { refusal: notOpened(opened.reason, body.sealed) }
}

function notOpened(reason: 'unknown key' | 'does not open' | 'rate limited', { keyId }: Sealed): Refusal {
  switch (reason) {
    case 'unknown key':
      return refusal(
        'unknown key',
        `it is sealed to key ${toHex(keyId)}, which does not open here, or no more`
      )
    case 'does not open':
      return refusal('does not open', 'the sealed body does not belong to this message')
    case 'rate limited':
      return refusal(
        'rate limited',
        'you begin sealing sessions too often; use one for many messages, and send this again later'
      )
  }
}
