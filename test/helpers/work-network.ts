import type { LedgerSection } from '#src/applications/ledger/section.js'
import { expectChain } from '#src/core/network.js'
import type { WorkSection } from '#src/orderings/proof-of-work/section.js'
import { networkOf } from '#src/rules/network-document.js'
import { rulesOf } from '#src/rules/rules.js'
import { EPOCH } from './blocks.js'
import { type RuledNetwork, SCHEMA } from './networks.js'

export interface WorkWishes extends Partial<Omit<WorkSection, 'type'>> {
  readonly name?: string
  readonly messageBytes?: number
  /** Plain messages where it is left out. */
  readonly ledger?: LedgerSection
}

/**
 * A network of equals where a block takes 16 hashes, and where two blocks without any time between them double
 * that: branches of all weights are there in no time.
 */
export function makeWorkNetwork(wishes: WorkWishes = {}): RuledNetwork {
  const { name = 'test', messageBytes = 4096, ledger, ...ordering } = wishes
  const network = expectChain(
    networkOf({
      tallystick: 1,
      name,
      ordering: {
        type: 'work',
        start: EPOCH,
        interval: 1_000,
        halfLife: 2_000,
        target: '200fffff',
        easiest: '207fffff',
        blockSize: 5,
        emptyBlocks: true,
        maxReorg: 4,
        ...ordering
      },
      application: ledger ?? { type: 'messages', schema: SCHEMA },
      limits: { messageBytes }
    })
  )
  return { network, rules: rulesOf(network) }
}
