import type { GossipSub } from '@libp2p/gossipsub'
import { type Hash, toHex } from '../core/bytes.js'

/** A cache by message id, of which one entry is to be taken out. */
interface Cache {
  readonly entries: Map<string, unknown>
}

/** What gossipsub keeps by message id, and leaves out of its interface. */
interface WithMemory {
  readonly seenCache: Cache & { put(id: string): unknown }
  /** Where it has a `fastMsgIdFn`: here its ids are in hex. */
  readonly fastMsgIdCache?: Cache
  /** Of the score: a message that it holds has been judged. In the queue the oldest comes first. */
  readonly score: {
    readonly deliveryRecords: {
      readonly records: Map<string, unknown>
      readonly queue: { readonly length: number; shift(): { readonly msgId: string } | undefined }
    }
  }
  msgIdToStrFn(id: Uint8Array): string
}

function hasMemory(gossip: GossipSub): gossip is GossipSub & WithMemory {
  return 'seenCache' in gossip && 'score' in gossip && 'msgIdToStrFn' in gossip
}

/** Has the next copy of a message judged as if none had come before. */
export function forgetMessage(gossip: GossipSub, id: Hash): void {
  if (!hasMemory(gossip)) throw new Error('this gossipsub keeps message ids in another way')
  const name = gossip.msgIdToStrFn(id)
  gossip.seenCache.entries.delete(name)
  gossip.fastMsgIdCache?.entries.delete(toHex(id))
  gossip.score.deliveryRecords.records.delete(name)
}

/**
 * Forgets the oldest of more messages than `most`. By itself gossipsub keeps them for one and two minutes, however many
 * there are, and what is ignored costs its sender nothing.
 */
export function boundMemory(gossip: GossipSub, most: number): void {
  if (!hasMemory(gossip)) throw new Error('this gossipsub keeps message ids in another way')
  for (const cache of [gossip.seenCache, gossip.fastMsgIdCache]) if (cache) keepNewest(cache.entries, most)
  const { records, queue } = gossip.score.deliveryRecords
  while (queue.length > most) {
    const oldest = queue.shift()
    if (oldest !== undefined) records.delete(oldest.msgId)
  }
}

function keepNewest(entries: Map<string, unknown>, most: number): void {
  for (const name of entries.keys()) {
    if (entries.size <= most) return
    entries.delete(name)
  }
}

/** Has further copies of a message ignored, for as long as those of any other. */
export function rememberMessage(gossip: GossipSub, id: Hash): void {
  if (!hasMemory(gossip)) throw new Error('this gossipsub keeps message ids in another way')
  gossip.seenCache.put(gossip.msgIdToStrFn(id))
}
