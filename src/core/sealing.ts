import { createCipheriv, createDecipheriv, createPrivateKey, createPublicKey } from 'node:crypto'
import {
  AEAD_EXPORT_ONLY,
  CipherSuite,
  DecapError,
  DeserializeError,
  KDF_HKDF_SHA256,
  KEM_DHKEM_X25519_HKDF_SHA256,
  type KeyPair,
  ValidationError
} from 'hpke'
import { concat, type Hash, type PeerIdBytes, toHex, utf8 } from './bytes.js'
import { sha256 } from './hash.js'
import { LIMITS } from './limits.js'
import {
  encodeMessage,
  KEY_ID_LENGTH,
  type Message,
  PADDING_STEP,
  type Sealed,
  TAG_LENGTH
} from './message.js'
import { pad, unpad } from './padding.js'
import { Sessions } from './sessions.js'

/**
 * Sealing: HPKE (RFC 9180) base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, export-only. The context
 * exports one AES-256-GCM key for a client's whole session; each message is sealed under it with its
 * sequence as nonce and all its other fields as associated data. A nonce repeats only if an author uses a
 * sequence twice in one session, which the outbox rules out.
 */

const suite = new CipherSuite(KEM_DHKEM_X25519_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_EXPORT_ONLY)
const PURPOSE = utf8('tallystick-sealed-message')
const MESSAGE_KEY = utf8('tallystick-message-key')
const REFUSAL_KEY = utf8('tallystick-refusal-key')
const CIPHER = 'aes-256-gcm'
const SECRET_LENGTH = 32
/** RFC 8410: what stands before the 32 bytes of an X25519 private key. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex')

/** The public half of the sequencer's encryption key. `keyId`: the first 8 bytes of its SHA-256. */
export interface SealingKey {
  readonly keyId: Uint8Array
  readonly publicKey: Uint8Array
}

export interface OpeningKey extends SealingKey {
  readonly secretKey: Uint8Array
}

export function keyIdOf(publicKey: Uint8Array): Uint8Array {
  return Uint8Array.from(sha256(publicKey).subarray(0, KEY_ID_LENGTH))
}

/** An X25519 key pair from 32 bytes of randomness (RFC 9180 DeriveKeyPair). */
export async function openingKeyFromSeed(seed: Uint8Array): Promise<OpeningKey> {
  const pair = await suite.DeriveKeyPair(seed, true)
  return openingKeyFromSecret(await suite.SerializePrivateKey(pair.privateKey))
}

/** Throws if the bytes are no X25519 private key. */
export function openingKeyFromSecret(secretKey: Uint8Array): OpeningKey {
  if (secretKey.length !== SECRET_LENGTH) throw new RangeError('an X25519 private key has 32 bytes')
  const der = Buffer.concat([PKCS8_PREFIX, secretKey])
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  const publicKey = Uint8Array.from(spki.subarray(-SECRET_LENGTH))
  return { keyId: keyIdOf(publicKey), publicKey, secretKey }
}

/** What both sides of a key agreement have. */
export interface SharedSecrets {
  /** Messages are sealed with it. */
  readonly secret: Uint8Array
  /** What the sequencer says of a body that it refuses is sealed with it. */
  readonly refusalSecret: Uint8Array
}

/** One key agreement: what a client makes at its start and keeps. */
export interface SealingContext extends SharedSecrets {
  readonly keyId: Uint8Array
  readonly enc: Uint8Array
}

export async function newSealingContext(
  key: SealingKey,
  network: Hash,
  author: PeerIdBytes
): Promise<SealingContext> {
  const info = contextInfo(network, author, key.keyId)
  const publicKey = await suite.DeserializePublicKey(key.publicKey)
  const { encapsulatedSecret, ctx } = await suite.SetupSender(publicKey, { info })
  return { keyId: key.keyId, enc: encapsulatedSecret, ...(await secretsOf(ctx)) }
}

async function secretsOf(context: {
  Export(about: Uint8Array, length: number): Promise<Uint8Array>
}): Promise<SharedSecrets> {
  return {
    secret: await context.Export(MESSAGE_KEY, SECRET_LENGTH),
    refusalSecret: await context.Export(REFUSAL_KEY, SECRET_LENGTH)
  }
}

export type Claim = Omit<Message, 'body'>

export function seal(context: SealingContext, claim: Claim, plaintext: Uint8Array): Sealed {
  const { keyId, enc, secret } = context
  const cipher = createCipheriv(CIPHER, secret, nonceOf(claim.sequence))
  cipher.setAAD(associatedData(claim, keyId, enc))
  const ciphertext = cipher.update(pad(plaintext, PADDING_STEP))
  // GCM holds nothing back: `final` gives no bytes, but makes the tag.
  cipher.final()
  return { keyId, enc, ciphertext: Buffer.concat([ciphertext, cipher.getAuthTag()]) }
}

/** The plaintext, or undefined where key, author or any field of the message is not what it was sealed with. */
export function openSealed(secret: Uint8Array, claim: Claim, sealed: Sealed): Uint8Array | undefined {
  const { keyId, enc, ciphertext } = sealed
  if (ciphertext.length < TAG_LENGTH) return undefined
  const decipher = createDecipheriv(CIPHER, secret, nonceOf(claim.sequence))
  decipher.setAAD(associatedData(claim, keyId, enc))
  decipher.setAuthTag(ciphertext.subarray(-TAG_LENGTH))
  const padded = decipher.update(ciphertext.subarray(0, -TAG_LENGTH))
  try {
    decipher.final()
  } catch {
    // It throws where the tag is wrong, and for nothing else.
    return undefined
  }
  return unpad(padded, PADDING_STEP)
}

export type OpenOutcome =
  | { readonly ok: true; readonly plaintext: Uint8Array; readonly refusalSecret: Uint8Array }
  | { readonly ok: false; readonly reason: 'unknown key' | 'does not open' | 'rate limited' }

/** What the library throws of an encapsulated key that agrees on nothing. */
const NO_KEY = [DecapError, DeserializeError, ValidationError]

export interface OpenerOptions {
  /** Authors whose sessions are remembered, in place of the number in LIMITS. */
  readonly authors?: number
  /** Whether an author may have one more session agreed on now; without it always. */
  readonly mayAgree?: (author: PeerIdBytes) => boolean
}

/** Holds the secret keys, and remembers the sessions it has agreed on. The caller has verified the author. */
export class Opener {
  #keys: ReadonlyMap<string, () => Promise<ParsedKeyPair>> = new Map()
  readonly #sessions: Sessions<SharedSecrets>
  readonly #mayAgree: (author: PeerIdBytes) => boolean

  constructor(keys: readonly OpeningKey[], options: OpenerOptions = {}) {
    const { authors = LIMITS.sessionAuthors, mayAgree = () => true } = options
    this.#sessions = new Sessions(authors, LIMITS.sessionsOfAuthor)
    this.#mayAgree = mayAgree
    this.hold(keys)
  }

  /** From now on these keys open, and no others. */
  hold(keys: readonly OpeningKey[]): void {
    const held = this.#keys
    this.#keys = new Map(
      keys.map(key => {
        const name = toHex(key.keyId)
        return [name, held.get(name) ?? parsedOnce(key)]
      })
    )
  }

  holds(keyId: Uint8Array): boolean {
    return this.#keys.has(toHex(keyId))
  }

  async open(message: Claim, sealed: Sealed): Promise<OpenOutcome> {
    const pair = this.#keys.get(toHex(sealed.keyId))
    if (pair === undefined) return { ok: false, reason: 'unknown key' }
    const session = latin1(concat(sealed.keyId, sealed.enc, message.network))
    const author = latin1(message.author)
    const known = this.#sessions.get(author, session)
    if (known === undefined && !this.#mayAgree(message.author)) return { ok: false, reason: 'rate limited' }
    const secrets = known ?? (await this.#agree(session, pair, message, sealed))
    const plaintext = secrets && openSealed(secrets.secret, message, sealed)
    if (secrets === undefined || plaintext === undefined) return { ok: false, reason: 'does not open' }
    return { ok: true, plaintext, refusalSecret: secrets.refusalSecret }
  }

  async #agree(
    session: string,
    pair: () => Promise<ParsedKeyPair>,
    { network, author }: Claim,
    { keyId, enc }: Sealed
  ): Promise<SharedSecrets | undefined> {
    const parsed = await pair()
    const info = contextInfo(network, author, keyId)
    let context: Awaited<ReturnType<typeof suite.SetupRecipient>>
    try {
      context = await suite.SetupRecipient(parsed, enc, { info })
    } catch (error) {
      // `enc` is no key that agrees on anything.
      if (NO_KEY.some(kind => error instanceof kind)) return undefined
      throw error
    }
    const secrets = await secretsOf(context)
    this.#sessions.add(latin1(author), session, secrets)
    return secrets
  }
}

type ParsedKey = Awaited<ReturnType<typeof suite.DeserializePublicKey>>
type ParsedKeyPair = KeyPair<ParsedKey>

/** Parsing a key takes as long as agreeing on a secret with it. */
function parsedOnce(key: OpeningKey): () => Promise<ParsedKeyPair> {
  let parsed: Promise<ParsedKeyPair> | undefined
  return () => {
    parsed ??= parseKeyPair(key)
    return parsed
  }
}

async function parseKeyPair(key: OpeningKey): Promise<ParsedKeyPair> {
  const privateKey = await suite.DeserializePrivateKey(key.secretKey, false)
  return { privateKey, publicKey: await suite.DeserializePublicKey(key.publicKey) }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}

/** Purpose, network, author and key id, the one part of varying length behind its length. */
function contextInfo(network: Hash, author: PeerIdBytes, keyId: Uint8Array): Uint8Array {
  return concat(PURPOSE, network, Uint8Array.of(author.length), author, keyId)
}

/** Every field of the message but the ciphertext, in the message's own encoding. */
function associatedData(claim: Claim, keyId: Uint8Array, enc: Uint8Array): Uint8Array {
  return encodeMessage({
    ...claim,
    body: { kind: 'sealed', sealed: { keyId, enc, ciphertext: new Uint8Array(0) } }
  })
}

/** Bytes of the ciphertext of a plaintext. */
export function sealedLength(plaintext: number): number {
  return Math.ceil((plaintext + 1) / PADDING_STEP) * PADDING_STEP + TAG_LENGTH
}

/** 96 bits, big-endian. */
function nonceOf(sequence: bigint): Uint8Array {
  const nonce = Buffer.alloc(12)
  nonce.writeBigUInt64BE(sequence, 4)
  return nonce
}
