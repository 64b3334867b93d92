import type { Rules } from '#src/chain/cursor.js'
import { rulesOf } from '#src/chain/rules.js'
import { peerIdToString, type Signer } from '#src/core/keys.js'
import { expectOrdered, networkOf, type OrderedNetworkDocument } from '#src/core/network-document.js'
import { compactFromText, decodeCompact, workOf } from '#src/orderings/work/compact-target.js'
import { EPOCH } from '../helpers/blocks.js'
import { present } from '../helpers/changes.js'
import { SCHEMA } from '../helpers/networks.js'

export type OrderingName = 'work' | 'sequencer'

/** Of a virtual network. `interval`: between two blocks, ms. */
export function rulesFor(ordering: OrderingName, interval: number, sequencer: Signer): Rules {
  return rulesOf(
    expectOrdered(
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
  const { ordering } = network.document
  if (ordering.type !== 'work')
    throw new Error(`nothing is mined in a network that is ordered by ${ordering.type}`)
  return Number(workOf(present(decodeCompact(compactFromText(ordering.target)))))
}

/** A block takes 16 hashes at first: hash power is virtual, and so few of them are really tried. */
function workDocument(interval: number): OrderedNetworkDocument['ordering'] {
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
function sequencerDocument(interval: number, { peerId }: Signer): OrderedNetworkDocument['ordering'] {
  return { type: 'sequencer', sequencer: peerIdToString(peerId), blockSize: 4, blockTimeout: interval }
}
