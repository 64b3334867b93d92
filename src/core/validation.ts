import { type EnvelopeBytes, equal, type Hash, type PeerIdBytes, toHex } from './bytes.js'
import { DecodeError } from './codec.js'
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
  return verdictOn(read, checkOpen(read.message, rules) ?? (await checkSealed(read.message, rules)))
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

function verdictOn({ leaf, message }: Authenticated, problem: Refusal | undefined): Verdict {
  const { author, sequence } = message
  return problem === undefined
    ? { ok: true, leaf, author, sequence }
    : { ok: false, leaf, refusal: problem, author, sequence }
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

/** What is left to whoever can open it. */
async function checkSealed(message: Message, rules: MessageRules): Promise<Refusal | undefined> {
  const { body } = message
  if (body.kind === 'open' || rules.opener === undefined) return undefined
  const opened = await rules.opener.open(message, body.sealed)
  if (opened.ok) return rules.checkBody(opened.plaintext)
  switch (opened.reason) {
    case 'unknown key':
      return refusal(
        'unknown key',
        `it is sealed to key ${toHex(body.sealed.keyId)}, which does not open here, or no more`
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
