import { hash } from 'node:crypto'

/** At the end of an encoded header: 8 bytes that a thread has for its own, and 8 in which it counts. */
export const NONCE_BYTES = 16

/**
 * A hash as characters of one byte each: strings compare as the numbers they stand for, and of all forms that
 * Node gives a hash in, this one costs least (a Buffer takes three times as long).
 */
const FORM = 'binary'

/** What hashes are compared with, in the form that `search` makes them in. */
export function limitOf(target: bigint): string {
  return Buffer.from(target.toString(16).padStart(64, '0'), 'hex').toString(FORM)
}

/**
 * Tries the nonce at the end of an encoded header and those after it, `attempts` at most. Gives how many it has
 * tried when a hash is not over the limit, and leaves that nonce in the header. Where none is, gives undefined
 * and leaves the one to try next. The nonce is one number of 128 bits: it does not come to an end.
 */
export function search(header: Uint8Array, limit: string, attempts: number): number | undefined {
  const first = limit.charCodeAt(0)
  for (let tried = 1; tried <= attempts; tried += 1) {
    const digest = hash('sha256', header, FORM)
    if (digest.charCodeAt(0) <= first && digest <= limit) return tried
    countUp(header)
  }
  return undefined
}

/** To the next nonce. */
export function countUp(header: Uint8Array): void {
  for (let index = header.length - 1; index >= header.length - NONCE_BYTES; index -= 1) {
    const next = ((header[index] ?? 0) + 1) & 0xff
    header[index] = next
    if (next !== 0) return
  }
}
