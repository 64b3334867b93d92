import { asHash, equal, type Hash, type PeerIdBytes } from '../../core/bytes.js'
import { decodeCanonical, expectLength } from '../../core/codec.js'
import { sha256 } from '../../core/hash.js'
import { verifyTriePath } from '../../core/merkle-trie.js'
import { Account as WireAccount, AccountProof as WireAccountProof } from '../../core/wire/tallystick.js'
import type { Account } from './account.js'

/**
 * What a state has of an account, checkable against the state's digest alone. `leaf` is the account that stands
 * where the asked one is or would be; another one there, or none, shows that the state does not have the asked one.
 */
export interface AccountProof {
  readonly leaf: Account | undefined
  /** Siblings, lowest first. */
  readonly path: readonly Hash[]
}

/** The data of an account's leaf. */
export function encodeAccount(account: Account): Uint8Array {
  return WireAccount.encode(account)
}

/** Throws DecodeError. */
export function decodeAccount(bytes: Uint8Array): Account {
  const { id, balance, sequence } = decodeCanonical('account', WireAccount, bytes)
  return { id: id as PeerIdBytes, balance, sequence }
}

export function encodeAccountProof({ leaf, path }: AccountProof): Uint8Array {
  return WireAccountProof.encode({
    leaf: leaf === undefined ? new Uint8Array(0) : encodeAccount(leaf),
    path: [...path]
  })
}

/** Throws DecodeError. */
export function decodeAccountProof(bytes: Uint8Array): AccountProof {
  const { leaf, path } = decodeCanonical('account proof', WireAccountProof, bytes)
  for (const hash of path) expectLength('account proof path', hash, 32)
  return { leaf: leaf.length === 0 ? undefined : decodeAccount(leaf), path: path.map(asHash) }
}

export type ProvedAccount =
  | { readonly kind: 'proved'; readonly account: Account }
  | { readonly kind: 'absent' }
  | { readonly kind: 'invalid' }

/** What the state with this digest has of the account `id`, as far as the proof proves it. */
export function verifyAccountProof(
  id: PeerIdBytes,
  { leaf, path }: AccountProof,
  state: Hash
): ProvedAccount {
  const found = leaf && { place: sha256(leaf.id), data: encodeAccount(leaf) }
  if (!verifyTriePath(sha256(id), found, path, state)) return { kind: 'invalid' }
  return leaf !== undefined && equal(leaf.id, id) ? { kind: 'proved', account: leaf } : { kind: 'absent' }
}
