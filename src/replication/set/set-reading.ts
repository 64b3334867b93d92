import type { TransferSet } from '../../applications/ledger/transfer-set.js'
import { type EnvelopeBytes, equal } from '../../core/bytes.js'
import type { Fault } from '../../core/fault.js'
import { LIMITS } from '../../core/limits.js'
import { InvalidAnswer, isFalseAnswer, QueryFailed } from '../../query/query-errors.js'
import { lacking } from './lacking.js'
import type { SetQueries } from './set-queries.js'

/** Some transfers of a set, none of which has been verified; or why there are no more. */
export type ReadTransfers = { readonly envelopes: readonly EnvelopeBytes[] } | { readonly fault: Fault }

type SetSource = Pick<SetQueries, 'status' | 'summary' | 'transfers'>

/**
 * All transfers that one peer has, each once, in the order of their ids; then those that came meanwhile, until what has
 * been read has the digest that the peer tells. `have`: those that were read and found valid, whenever the next are
 * taken. What cannot be true becomes a fault. Throws QueryFailed where the set grows faster than it is read.
 */
export async function* transfersOf(source: SetSource, have: () => TransferSet): AsyncIterable<ReadTransfers> {
  try {
    for (let round = 0; round < LIMITS.setRounds; round += 1) {
      const { count, digest } = await source.status()
      const { size } = have()
      if (equal(digest, have().digest())) {
        if (size !== count)
          throw new InvalidAnswer(`the peer tells of ${count} transfers, and its digest is that of ${size}`)
        return
      }
      yield* readOnce(source, have, count)
      // What was here was there before it told its digest.
      if (have().size === size)
        throw new InvalidAnswer('the transfers that the peer gives do not have the digest that it tells')
    }
  } catch (error) {
    if (!isFalseAnswer(error)) throw error
    yield { fault: { kind: 'encoding', detail: error.message } }
    return
  }
  throw new QueryFailed('its set grows faster than it is read; ask again later, or another peer')
}

/** `count`: how many it has told of. */
async function* readOnce(
  source: SetSource,
  have: () => TransferSet,
  count: number
): AsyncIterable<ReadTransfers> {
  let most = count
  const ascending = (prefixes: readonly string[]): readonly string[] => prefixes.toReversed()
  for await (const ids of lacking(have, prefix => source.summary(prefix), ascending)) {
    if (ids.length > 0) yield { envelopes: await source.transfers(ids) }
    if (have().size <= most) continue
    most = (await source.status()).count
    if (have().size > most)
      throw new InvalidAnswer(`the peer gives more transfers than the ${most} that it says it has`)
  }
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
