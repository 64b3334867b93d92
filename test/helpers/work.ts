import assert from 'node:assert/strict'
import { encodeHeader, type Header, idOf } from '#src/core/block.js'
import { equal, type Hash, toHex } from '#src/core/bytes.js'
import { EMPTY_ROOT } from '#src/core/merkle.js'
import type { Ancestors, Ordering } from '#src/orderings/ordering.js'
import { limitOf, NONCE_BYTES, search } from '#src/orderings/proof-of-work/search.js'
import type { WorkSection } from '#src/orderings/proof-of-work/section.js'
import { decodeProof, withNonce } from '#src/orderings/proof-of-work/work-proof.js'
import { signerNamed } from './core.js'
import { EPOCH } from './epoch.js'

/** Takes 256 hashes a block, so that a chain of hundreds of blocks is there in no time. */
export const EASY: WorkSection = {
  type: 'work',
  start: EPOCH,
  interval: 1_000,
  halfLife: 20_000,
  target: '2000ffff',
  easiest: '207fffff',
  blockSize: 10,
  emptyBlocks: true,
  maxReorg: 100
}

const { peerId: MINER } = await signerNamed('miner')

/** The child of a header, empty, at a time; no work has been done on it. */
export function childOf(parent: Header, time: number): Header {
  return {
    network: parent.network,
    height: parent.height + 1,
    parent: idOf(parent),
    time,
    count: 0,
    root: EMPTY_ROOT,
    size: parent.size,
    log: parent.log,
    state: parent.state,
    producer: MINER,
    proof: new Uint8Array(0)
  }
}

/** Bounds of an id, both left out. */
export interface IdBounds {
  readonly below?: Hash | undefined
  readonly above?: Hash | undefined
}

/** The header with the first nonce of zeros and up that proves it, and gives it an id within the bounds. */
export function mined(prepared: Header, { below, above }: IdBounds = {}): Header {
  const { number } = decodeProof(prepared.proof)
  const lower = below === undefined ? number : BigInt(`0x${toHex(below)}`) - 1n
  const limit = limitOf(lower < number ? lower : number)
  for (let attempt = 0; ; attempt += 1) {
    const start = new Uint8Array(NONCE_BYTES)
    start.set([attempt >> 8, attempt & 0xff])
    const bytes = Uint8Array.from(encodeHeader(withNonce(prepared, start)))
    while (search(bytes, limit, 1_000_000) === undefined);
    const proved = withNonce(prepared, bytes.slice(-NONCE_BYTES))
    assert.ok(equal(encodeHeader(proved), bytes))
    if (above === undefined || Buffer.compare(idOf(proved), above) > 0) return proved
  }
}

/** The headers of a chain as an honest miner makes them at these times, the newest first, down to the genesis. */
export function minedAt(ordering: Ordering, genesis: Header, times: readonly number[]): Ancestors {
  let ancestors: Ancestors = [genesis]
  for (const time of times) {
    const draft = childOf(ancestors[0], time)
    ancestors = [mined(ordering.prepare(draft, lookedAt(ordering, ancestors))), ...ancestors]
  }
  return ancestors
}

/** Those of a chain's headers, the newest first, that the next block's rules look at. */
export function lookedAt({ lookback }: Ordering, [parent, ...older]: Ancestors): Ancestors {
  return [parent, ...older.slice(0, lookback - 1)]
}
