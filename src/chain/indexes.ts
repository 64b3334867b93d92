import { type EnvelopeBytes, equal, type Hash, type PeerIdBytes } from '../core/bytes.js'
import { decodeEnvelope } from '../core/envelope.js'
import { decodeMessage } from '../core/message.js'
import type { Receipt } from '../core/receipt.js'
import { HighestSequences } from './highest-sequences.js'
import {
  type Database,
  envelopeAt,
  expectStored,
  hasLeaf,
  heightOfId,
  keys,
  numberOfKey,
  placeOf,
  placeOfValue,
  ranges,
  StoreError,
  sequenceOfKey
} from './store.js'

/**
 * Whether the indexes have the right entry for everything, and nothing more: one that is missing or leads
 * elsewhere would have a block cut, a message stored a second time, or a receipt lost. What has an entry is
 * looked up, and then the entries are counted. Throw StoreError.
 */

/** The id of a block leads to it. */
export function expectBlockIndexed(database: Database, id: Hash, height: number): void {
  if (heightOfId(database, id) !== height) throw damaged(`the index of block ${height}`)
}

/** The messages of a block are found by their authors' sequences and by their leaves. */
export function expectMessagesIndexed(
  database: Database,
  start: number,
  envelopes: readonly EnvelopeBytes[],
  leaves: readonly Hash[]
): void {
  for (const [index, envelope] of envelopes.entries()) {
    const position = start + index
    const { author, sequence } = decodeMessage(decodeEnvelope(envelope).payload)
    const leaf = leaves[index]
    if (leaf === undefined) throw new RangeError('a message has a leaf')
    // They were read one after the other, whatever their keys are.
    const kept = envelopeAt(database, position)
    if (kept === undefined || !equal(kept, envelope))
      throw damaged(`the key of the message at position ${position}`)
    expectMessageIndexed(database, position, { author, sequence, leaf })
  }
}

export function expectMessageIndexed(
  database: Database,
  position: number,
  { author, sequence, leaf }: { author: PeerIdBytes; sequence: bigint; leaf: Hash }
): void {
  if (placeOf(database, author, sequence)?.position !== position || !hasLeaf(database, leaf, position))
    throw damaged(`the index of the message at position ${position}`)
}

/** `tiles`: how many of the log tree are full. */
export async function expectNoMoreBlocks(database: Database, height: number, tiles: number): Promise<void> {
  const headers = await count(database.keys(ranges.headers))
  const ids = await count(database.keys(ranges.ids))
  if (headers !== height || ids !== height)
    throw new StoreError(`${height} blocks follow one another, but ${Math.max(headers, ids)} were written`)
  const written = await count(database.keys(ranges.tiles))
  if (written !== tiles)
    throw new StoreError(`the log tree has ${tiles} full tiles, but ${written} were written`)
}

/** For one who gives no receipts and holds nothing but blocks. */
export async function expectOnlyBlocks(database: Database, size: number): Promise<void> {
  const [beyond] = await database.keys({ gte: keys.message(size), lt: ranges.messages.lt, limit: 1 }).all()
  const [receipt] = await database.keys({ ...ranges.receipts, limit: 1 }).all()
  if (beyond !== undefined || receipt !== undefined)
    throw new StoreError('it holds messages that are in no block, as a sequencer does', {
      code: 'ERR_OTHER_FOLDER',
      remedy: 'give a follower another folder'
    })
  await expectCounts(database, size)
}

/**
 * Every receipt is signed and names messages that lead back to it, and none but these have one. `read` gives a
 * receipt whose signature holds, or throws DecodeError. Gives what was read on the way.
 */
export async function expectReceiptsIndexed(
  database: Database,
  messages: number,
  read: (receipt: Uint8Array) => Receipt
): Promise<HighestSequences> {
  let named = 0
  for await (const [key, value] of database.iterator(ranges.receipts)) {
    const first = numberOfKey(key)
    const { author, entries } = expectStored(`the receipt for position ${first}`, () => read(value))
    for (const { sequence, position, leaf } of entries) {
      const place = placeOf(database, author, sequence)
      if (place?.position !== position || place.first !== first || !hasLeaf(database, leaf, position))
        throw damaged(`the index of the message at position ${position}`)
      named += 1
    }
  }
  const { highest, receipted } = await expectCounts(database, messages)
  if (named !== receipted) throw new StoreError(`${receipted} messages had receipts, but ${named} have one`)
  return highest
}

async function expectCounts(
  database: Database,
  messages: number
): Promise<{ readonly highest: HighestSequences; readonly receipted: number }> {
  let bySequence = 0
  let receipted = 0
  const highest = new HighestSequences()
  for await (const [key, value] of database.iterator(ranges.sequences)) {
    if (placeOfValue(value).first !== undefined) receipted += 1
    bySequence += 1
    const { author, sequence } = sequenceOfKey(key)
    highest.add(author, sequence)
  }
  const byLeaf = await count(database.keys(ranges.leaves))
  if (bySequence !== messages || byLeaf !== messages)
    throw new StoreError(
      `of ${messages} messages ${bySequence} are found by their sequence and ${byLeaf} by their leaf`
    )
  return { highest, receipted }
}

function damaged(what: string): StoreError {
  return new StoreError(`${what} is damaged`)
}

async function count(keys: AsyncIterable<unknown>): Promise<number> {
  let counted = 0
  for await (const _ of keys) counted += 1
  return counted
}
