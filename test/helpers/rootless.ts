import { genesisCursor } from '#src/chain/cursor.js'
import { type CheckpointedHeader, signHeader } from '#src/core/block.js'
import type { Hash } from '#src/core/bytes.js'
import type { Ancestors } from '#src/orderings/ordering.js'
import { present } from './changes.js'
import type { TestNetwork } from './networks.js'
import { childOf, lookedAt, mined } from './work.js'

/**
 * Headers that each continue the one before, with the work that they ask for, and that stand on no chain: far behind the
 * schedule, where each block is as easy as any may be. They cost almost no work. `state`: of the last one.
 */
export function rootlessHeaders(net: TestNetwork, state?: Hash): CheckpointedHeader[] {
  const { ordering } = net.rules
  const { header: genesis } = genesisCursor(net.rules).signed
  let time = genesis.time + 3_000_000
  let ancestors: Ancestors = [{ ...genesis, height: 900, time }]
  const headers: CheckpointedHeader[] = []
  const count = 2 * ordering.lookback
  for (let made = 1; made <= count; made += 1) {
    const draft = { ...childOf(ancestors[0], ++time), producer: net.signer.peerId }
    const stated = made === count && state !== undefined ? { ...draft, state } : draft
    const header = mined(ordering.prepare(stated, lookedAt(ordering, ancestors)))
    ancestors = [header, ...ancestors]
    headers.push(signHeader(header, net.signer, ordering))
  }
  return headers
}

export function lastOf(headers: readonly CheckpointedHeader[]): CheckpointedHeader {
  return present(headers.at(-1))
}
