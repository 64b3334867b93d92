import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { toHex } from '#src/core/bytes.js'
import { repositoryFile, repositoryPath } from '../core.js'

const { UPDATE_VECTORS } = process.env

/** Compares a file of vectors with what is made now; writes it where UPDATE_VECTORS is set. */
export function assertPublished(path: string, made: unknown): void {
  const text = `${JSON.stringify(readable(made), undefined, 2)}\n`
  if (UPDATE_VECTORS !== undefined) writeFileSync(repositoryPath(path), text)
  // Not assert.equal: it would print both of them.
  assert.ok(repositoryFile(path) === text, `${path} is not what is made now; UPDATE_VECTORS=1 writes it anew`)
}

/** Bytes as hex, whole numbers of 64 bits as text: as JSON that every language reads. */
function readable(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value)
  if (typeof value === 'bigint') return `${value}`
  if (Array.isArray(value)) return value.map(readable)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, readable(inner)]))
  return value
}
