import { peerIdToString, type Signer } from '#src/core/keys.js'
import { expectChain } from '#src/core/network.js'
import { compactFromText, decodeCompact, workOf } from '#src/orderings/proof-of-work/compact-target.js'
import type { WorkSection } from '#src/orderings/proof-of-work/section.js'
import type { SequencerSection } from '#src/orderings/sequencer/section.js'
import { networkOf } from '#src/rules/network-document.js'
import type { Rules } from '#src/rules/rules.js'
import { rulesOf } from '#src/rules/rules.js'
import { EPOCH } from '../helpers/blocks.js'
import { present } from '../helpers/changes.js'
import { SCHEMA, workSectionOf } from '../helpers/networks.js'

export type OrderingName = 'work' | 'sequencer'

/** Of a virtual network. `interval`: between two blocks, ms. */
export function rulesFor(ordering: OrderingName, interval: number, sequencer: Signer): Rules {
  return rulesOf(
    expectChain(
      networkOf({
        tallystick: 1,
        name: 'simulated',
        ordering: ordering === 'work' ? workDocument(interval) : sequencerDocument(interval, sequencer),
        application: { type: 'messages', schema: SCHEMA },
        limits: { messageBytes: 1024 }
      })
    )
  )
}

/** Hashes that the first block takes on average. */
export function firstDifficulty({ network }: Rules): number {
  const { target } = workSectionOf(network)
  return Number(workOf(present(decodeCompact(compactFromText(target)))))
}

/** A block takes 16 hashes at first: hash power is virtual, and so few of them are really tried. */
function workDocument(interval: number): WorkSection {
  return {
    type: 'work',
    start: EPOCH,
    interval,
    halfLife: 24 * interval,
    target: '200fffff',
    easiest: '207fffff',
    blockSize: 100,
    emptyBlocks: true,
    maxReorg: 100
  }
}

/** After an interval a block is cut that is not full. */
function sequencerDocument(interval: number, { peerId }: Signer): SequencerSection {
  return { type: 'sequencer', sequencer: peerIdToString(peerId), blockSize: 4, blockTimeout: interval }
}
