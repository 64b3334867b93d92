import { hash } from 'node:crypto'
import { asHash, type Hash } from './bytes.js'

export function sha256(data: Uint8Array): Hash {
  return asHash(hash('sha256', data, 'buffer'))
}
