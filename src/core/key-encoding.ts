import { privateKeyFromProtobuf, publicKeyFromProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey, PublicKey } from '@libp2p/interface'

/**
 * Reads keys in libp2p's protobuf encoding. The library's own errors name its internals, and change with its version:
 * what is wrong with a key is said here. All functions throw TypeError.
 */

/** libp2p's KeyType. */
const TYPES = ['RSA', 'Ed25519', 'secp256k1', 'ECDSA'] as const

export function readPublicKey(bytes: Uint8Array): PublicKey {
  return read('public', bytes, publicKeyFromProtobuf)
}

export function readPrivateKey(bytes: Uint8Array): PrivateKey {
  return read('private', bytes, privateKeyFromProtobuf)
}

function read<Key>(kind: string, bytes: Uint8Array, parse: (bytes: Uint8Array) => Key): Key {
  const type = usedType(kind, bytes)
  try {
    return parse(bytes)
  } catch {
    throw new TypeError(`the bytes are not the ${kind} key of type ${type} that they claim to be`)
  }
}

/** The type is the first field, so that one that is not used here is refused before its key is parsed. */
function usedType(kind: string, [tag, number]: Uint8Array): string {
  const type = tag === TYPE_TAG && number !== undefined ? TYPES[number] : undefined
  if (type === undefined) throw new TypeError(`the bytes are no ${kind} key in libp2p's encoding`)
  if (type === 'ECDSA') throw unusedType(type)
  return type
}

export function unusedType(type: string): TypeError {
  return new TypeError(`keys of type ${type} are not used here; use Ed25519, secp256k1 or RSA`)
}

const TYPE_TAG = 0x08
