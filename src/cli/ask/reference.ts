import { InvalidArgumentError } from 'commander'
import { type Hash, hashFromHex } from '../../core/bytes.js'

/** How people name a block or a message: by its number, or by 64 hex digits. */
export type Reference = { readonly number: number } | { readonly hash: Hash }

export function reference(text: string): Reference {
  const hash = hashFromHex(text)
  if (hash !== undefined) return { hash }
  if (/^\d{1,15}$/.test(text)) return { number: Number(text) }
  throw new InvalidArgumentError('It must be a whole number, or 64 hex digits.')
}

export function identifier(text: string): Hash {
  const hash = hashFromHex(text)
  if (hash === undefined) throw new InvalidArgumentError('It must be 64 hex digits.')
  return hash
}
