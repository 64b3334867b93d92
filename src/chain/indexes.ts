import { HighestSequences } from './highest-sequences.js'
import { type Database, placeOfValue, ranges, StoreError, sequenceOfKey } from './store.js'

/**
 * Whether the indexes have an entry for everything, and for nothing more. What an entry leads to is checked
 * when it is followed; one that is missing would have a block cut or a message stored a second time.
 * Throw StoreError. What is read on the way is given back, where somebody needs it.
 */

export async function expectBlockIndex(database: Database, height: number): Promise<void> {
  const blocks = await count(database.keys(ranges.ids))
  if (blocks !== height)
    throw new StoreError(
      `${height} blocks follow one another, but ${blocks} were written; restore it from a copy`
    )
}

export async function expectMessageIndexes(database: Database, messages: number): Promise<HighestSequences> {
  let bySequence = 0
  let receipted = 0
  const highest = new HighestSequences()
  for await (const [key, value] of database.iterator(ranges.sequences)) {
    const { position, first } = placeOfValue(value)
    bySequence += 1
    if (position === first) receipted += 1
    const { author, sequence } = sequenceOfKey(key)
    highest.add(author, sequence)
  }
  const byLeaf = await count(database.keys(ranges.leaves))
  const receipts = await count(database.keys(ranges.receipts))
  if (bySequence !== messages || byLeaf !== messages)
    throw new StoreError(
      `of ${messages} messages ${bySequence} are found by their sequence and ${byLeaf} by their leaf; restore it from a copy`
    )
  if (receipts !== receipted)
    throw new StoreError(`of ${receipted} receipts ${receipts} are there; restore it from a copy`)
  return highest
}

async function count(keys: AsyncIterable<unknown>): Promise<number> {
  let counted = 0
  for await (const _ of keys) counted += 1
  return counted
}
