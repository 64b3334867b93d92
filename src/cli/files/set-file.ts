import { type EnvelopeBytes, utf8 } from '../../core/bytes.js'
import { describeError } from '../../core/events.js'
import { LIMITS } from '../../core/limits.js'
import type { ReadTransfers } from '../../replication/set/set-reading.js'
import { Failure } from '../failure.js'
import { type Destination, isOfDisk, type OpenedFrames, openFrames, writeFrames } from './frame-file.js'

/**
 * A set of transfers in a file: one line that says what it is, then the network document, then the envelopes of all
 * transfers in any order, each behind its length. It needs nothing else to be verified.
 */
export const SET_MAGIC = utf8('tallystick set 1\n')

/** Writes the file whole or not at all. Gives the number of bytes. */
export function writeSet(
  destination: Destination,
  document: Uint8Array,
  transfers: AsyncIterable<EnvelopeBytes>
): Promise<number> {
  async function* frames(): AsyncIterable<Uint8Array> {
    yield document
    yield* transfers
  }
  return writeFrames(destination, SET_MAGIC, frames())
}

export interface OpenedSet extends Pick<OpenedFrames, 'length' | 'read' | 'close'> {
  readonly document: Uint8Array
  /** To be read once. */
  readonly transfers: () => AsyncIterable<ReadTransfers>
}

/** Throws Failure where the file cannot be read or is nothing but its first line. */
export async function openSet(path: string): Promise<OpenedSet> {
  const { next, ...file } = await openFrames(path, SET_MAGIC)
  const document = await next().catch(() => undefined)
  if (document !== undefined) return { ...file, document, transfers: () => readTransfers(next) }
  file.close()
  throw new Failure(
    'ERR_WRONG_CONTENT',
    `${path} does not begin with a network document, as an exported set does`
  )
}

async function* readTransfers(next: OpenedFrames['next']): AsyncIterable<ReadTransfers> {
  let problem: string | undefined
  async function* envelopes(): AsyncIterable<EnvelopeBytes> {
    try {
      for (let frame = await next(); frame !== undefined; frame = await next()) yield frame as EnvelopeBytes
    } catch (error) {
      if (isOfDisk(error)) throw error
      problem = describeError(error)
    }
  }
  for await (const group of groupsOf(envelopes())) yield { envelopes: group }
  if (problem !== undefined) yield { fault: { kind: 'encoding', detail: problem } }
}

/** So many at once as workers are given to verify, and no more bytes than a page of blocks has. */
export async function* groupsOf(envelopes: AsyncIterable<EnvelopeBytes>): AsyncIterable<EnvelopeBytes[]> {
  let group: EnvelopeBytes[] = []
  let bytes = 0
  for await (const envelope of envelopes) {
    group.push(envelope)
    bytes += envelope.length
    if (group.length < LIMITS.validationQueueOfPeer && bytes < LIMITS.rangeBytes) continue
    yield group
    group = []
    bytes = 0
  }
  yield group
}
