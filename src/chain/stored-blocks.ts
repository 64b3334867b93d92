import {
  type Block,
  decodeBlockParts,
  decodeStoredHeader,
  type HeaderRules,
  readBlockHeader
} from '../core/block.js'
import type { EnvelopeBytes } from '../core/bytes.js'
import { equal } from '../core/bytes.js'
import { DecodeError } from '../core/codec.js'
import type { Fault } from '../core/fault.js'
import { VerifierCache } from '../core/keys.js'
import { type Database, keys, ranges } from './store.js'

export type ReadBlock = { readonly block: Block } | { readonly fault: Fault }

/**
 * The blocks of a folder as they lie there, from the first one on, in one pass over headers and messages. Ends
 * with the first thing that is missing or cannot be read; what it means is the reader's to judge.
 */
export async function* storedBlocks(database: Database, rules: HeaderRules): AsyncIterable<ReadBlock> {
  const verifiers = new VerifierCache()
  const messages = database.iterator({ gte: keys.message(0), lt: keys.message(2 ** 48 - 1) })
  try {
    let height = 0
    let position = 0
    for await (const [key, value] of database.iterator(ranges.headers)) {
      height += 1
      if (!equal(key, keys.header(height))) {
        yield {
          fault: { kind: 'missing', height, detail: 'there is no such header, but there is a later one' }
        }
        return
      }
      const read = readHeader(value, verifiers, rules)
      if (!read.ok) {
        yield { fault: { ...read.fault, height } }
        return
      }
      const { signed } = read
      const envelopes: EnvelopeBytes[] = []
      while (envelopes.length < signed.header.count) {
        const entry = await messages.next()
        if (entry === undefined || !equal(entry[0], keys.message(position))) {
          yield { fault: { kind: 'missing', height, position, detail: 'there is no message' } }
          return
        }
        envelopes.push(entry[1] as EnvelopeBytes)
        position += 1
      }
      yield { block: { signed, envelopes } }
    }
  } finally {
    await messages.close()
  }
}

function readHeader(
  value: Uint8Array,
  verifiers: VerifierCache,
  rules: HeaderRules
): ReturnType<typeof readBlockHeader> {
  try {
    const { header, checkpoint } = decodeStoredHeader(value)
    return readBlockHeader(header, checkpoint, verifiers, rules)
  } catch (error) {
    if (error instanceof DecodeError) return { ok: false, fault: { kind: 'encoding', detail: error.message } }
    throw error
  }
}

/** A block that was kept beside the main chain; undefined where it is damaged. */
export function readSide(value: Uint8Array, verifiers: VerifierCache, rules: HeaderRules): Block | undefined {
  try {
    const { header, checkpoint, envelopes } = decodeBlockParts(value)
    const read = readBlockHeader(header, checkpoint, verifiers, rules)
    return read.ok ? { signed: read.signed, envelopes } : undefined
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
