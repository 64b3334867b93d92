import { createPrivateKey, createPublicKey, hkdfSync, type KeyObject, sign, verify } from 'node:crypto'
import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey, PublicKey } from '@libp2p/interface'
import { peerIdFromPublicKey, peerIdFromString } from '@libp2p/peer-id'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { base58btc } from 'multiformats/bases/base58'
import { equal, HASH_LENGTH, type PeerIdBytes, type PublicKeyBytes } from './bytes.js'
import { DecodeError } from './codec.js'
import { Ed25519Key } from './ed25519.js'
import { sha256 } from './hash.js'
import { readPublicKey, unusedType } from './key-encoding.js'
import { LIMITS } from './limits.js'
import { Recent } from './recent.js'
import { Secp256k1Key } from './secp256k1.js'

/** Identity keys: who signs, who signed. libp2p names and encodes the keys, node:crypto does the work. */

export const RSA_BITS = { least: 2048, most: 4096 } as const
/** An RSA key of 4096 bits takes 555 bytes; nothing longer is parsed. */
const LONGEST_PUBLIC_KEY = 600
/** What a PeerId begins with, before its length: it is the encoded key itself, or the key's SHA-256. */
const IDENTITY_MULTIHASH = 0x00
const SHA256_MULTIHASH = 0x12
const NO_SALT = new Uint8Array(0)
const NO_MULTIHASH = 'it is no multihash of a key'

export interface Signer {
  readonly publicKey: PublicKeyBytes
  readonly peerId: PeerIdBytes
  sign(data: Uint8Array): Uint8Array
  /** 32 bytes that follow from the private key and `purpose` alone, and tell nothing of it. */
  secretFor(purpose: string): Uint8Array
}

export interface Verifier {
  readonly peerId: PeerIdBytes
  verify(data: Uint8Array, signature: Uint8Array): boolean
}

/** Throws TypeError where keys of this type are not used here. */
export function signerOf(key: PrivateKey): Signer {
  if (key.type === 'ECDSA') throw unusedType(key.type)
  const publicKey = encodePublicKey(key.publicKey)
  const peerId = peerIdOfPublicKey(key.publicKey)
  const secretFor = (purpose: string): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', key.raw, NO_SALT, purpose, 32))
  switch (key.type) {
    case 'Ed25519': {
      const object = createPrivateKey({
        format: 'jwk',
        key: {
          kty: 'OKP',
          crv: 'Ed25519',
          d: base64url(key.raw.subarray(0, 32)),
          x: base64url(key.publicKey.raw)
        }
      })
      return { publicKey, peerId, secretFor, sign: data => sign(null, data, object) }
    }
    case 'RSA': {
      const object = createPrivateKey({ format: 'der', type: 'pkcs1', key: Buffer.from(key.raw) })
      return { publicKey, peerId, secretFor, sign: data => sign('sha256', data, object) }
    }
    case 'secp256k1':
      // noble's signatures are deterministic (RFC 6979) and low-S, as the verifier demands.
      return {
        publicKey,
        peerId,
        secretFor,
        sign: data => secp256k1.sign(sha256(data), key.raw, { prehash: false, format: 'der' })
      }
  }
}

/**
 * The verifier of an encoded public key. Throws an Error for keys that must not name anyone: other types,
 * encodings that are not canonical (one key would have two identities), Ed25519 points of small order (they
 * verify signatures nobody made) and RSA parameters outside the allowed ones.
 */
export function verifierOf(bytes: Uint8Array): Verifier {
  if (bytes.length > LONGEST_PUBLIC_KEY)
    throw new TypeError(`a public key of ${bytes.length} bytes is too long`)
  const key = readPublicKey(bytes)
  if (!equal(publicKeyToProtobuf(key), bytes))
    throw new TypeError('the public key is not canonically encoded')
  const peerId = peerIdOfPublicKey(key)
  switch (key.type) {
    case 'Ed25519': {
      const object = new Ed25519Key(key.raw)
      return { peerId, verify: (data, signature) => object.verify(data, signature) }
    }
    case 'RSA': {
      const object = createPublicKey({ format: 'der', type: 'spki', key: Buffer.from(key.raw) })
      expectRsaParameters(object)
      return { peerId, verify: (data, signature) => verify('sha256', data, object, signature) }
    }
    case 'secp256k1': {
      const object = new Secp256k1Key(key.raw)
      return { peerId, verify: (data, signature) => object.verify(data, signature) }
    }
    default:
      throw new TypeError(`keys of type ${key.type} are not used here`)
  }
}

/** Makes verifiers once a key: parsing a key costs more than a hash. Bounded; the oldest go first. */
export class VerifierCache {
  readonly #verifiers = new Map<string, Verifier>()

  constructor(private readonly limit: number = LIMITS.cachedKeys) {}

  /** Throws DecodeError for keys that `verifierOf` refuses. */
  get(publicKey: Uint8Array): Verifier {
    const name = Buffer.from(publicKey).toString('latin1')
    const known = this.#verifiers.get(name)
    if (known !== undefined) return known
    const verifier = readVerifier(publicKey)
    if (this.#verifiers.size >= this.limit) {
      const [oldest] = this.#verifiers.keys()
      if (oldest !== undefined) this.#verifiers.delete(oldest)
    }
    this.#verifiers.set(name, verifier)
    return verifier
  }
}

/**
 * The one place where whatever a library says of a key becomes a refusal: each has errors of its own. That is sound, as
 * what gets here is short and has the plain form of a PublicKey message, in which nothing nests.
 */
function readVerifier(publicKey: Uint8Array): Verifier {
  if (!hasKeyForm(publicKey)) throw new DecodeError('public key: not the canonical encoding of a known type')
  try {
    return verifierOf(publicKey)
  } catch (error) {
    throw new DecodeError(`public key: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error
    })
  }
}

/** Whether these are a type of 0 to 2 and data, with nothing around them. */
function hasKeyForm(bytes: Uint8Array): boolean {
  const [typeTag, type = 0xff, dataTag, low = 0, high = 0] = bytes
  if (bytes.length > LONGEST_PUBLIC_KEY || typeTag !== 0x08 || type > 2 || dataTag !== 0x12) return false
  return low < 0x80 ? bytes.length === 4 + low : bytes.length === 5 + (low & 0x7f) + high * 0x80
}

export function encodePublicKey(key: PublicKey): PublicKeyBytes {
  return publicKeyToProtobuf(key) as PublicKeyBytes
}

export function peerIdOfPublicKey(key: PublicKey): PeerIdBytes {
  return peerIdFromPublicKey(key).toMultihash().bytes as PeerIdBytes
}

/** The usual text of a PeerId (12D3Koo…). It also gives a text for bytes that are no PeerId, as a signed message may name any bytes. */
export function peerIdToString(peerId: Uint8Array): string {
  return base58btc.baseEncode(peerId)
}

/** All PeerIds in text are read here: in base58, or as a CID. Throws an Error that says why no key that may sign has this one. */
export function peerIdFromText(text: string): PeerIdBytes {
  return peerIdFromBytes(multihashIn(text))
}

/** From a stranger's bytes. Throws as `peerIdFromText` does. */
export function peerIdFromBytes(bytes: Uint8Array): PeerIdBytes {
  expectNamesKey(bytes)
  return bytes as PeerIdBytes
}

function multihashIn(text: string): Uint8Array {
  try {
    return peerIdFromString(text).toMultihash().bytes
  } catch {
    throw new TypeError(NO_MULTIHASH)
  }
}

/** PeerIds that name keys, whoever has asked. To read a key takes longer than to verify a signature. */
const namesOfKeys = new Recent(LIMITS.namesOfKeys)

/**
 * Throws unless a key that may sign can have this PeerId. One that is a SHA-256 shows its form alone: whether an RSA
 * key is behind it is seen when that key comes.
 */
export function expectNamesKey(peerId: Uint8Array): void {
  const name = Buffer.from(peerId).toString('latin1')
  if (namesOfKeys.has(name)) return
  readKeyIn(peerId)
  namesOfKeys.add(name)
}

/** Why no key that may sign can have this PeerId, or undefined. */
export function problemOfName(peerId: Uint8Array): string | undefined {
  try {
    expectNamesKey(peerId)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function readKeyIn(peerId: Uint8Array): void {
  const [kind, length] = peerId
  if (length !== peerId.length - 2) throw new TypeError(NO_MULTIHASH)
  if (kind === SHA256_MULTIHASH && length === HASH_LENGTH) return
  if (kind !== IDENTITY_MULTIHASH) throw new TypeError(NO_MULTIHASH)
  verifierOf(peerId.subarray(2))
}

/**
 * With an exponent of 1 a signature would be its own message; every library makes keys with 65537. A modulus that is
 * even is no product of two large primes, and libraries differ on it.
 */
function expectRsaParameters(key: KeyObject): void {
  const { modulusLength: bits = 0, publicExponent } = key.asymmetricKeyDetails ?? {}
  if (bits < RSA_BITS.least || bits > RSA_BITS.most)
    throw new TypeError(`an RSA key of ${bits} bits; ${RSA_BITS.least} to ${RSA_BITS.most} are allowed`)
  if (publicExponent !== 65537n) throw new TypeError('an RSA key whose exponent is not 65537')
  const modulus = Buffer.from(key.export({ format: 'jwk' }).n ?? '', 'base64url')
  if (((modulus.at(-1) ?? 0) & 1) === 0) throw new TypeError('an RSA key whose modulus is even')
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}
