import type { Header } from '../../core/block.js'
import type { PeerIdBytes } from '../../core/bytes.js'
import { equal } from '../../core/bytes.js'
import type { Fault } from '../../core/fault.js'
import { expectPeerId } from '../../core/network.js'
import type { Ancestors, Ordering } from '../ordering.js'
import type { SequencerSection } from './section.js'

/** One designated peer orders: blocks of exactly `blockSize`, shorter ones only where a timeout allows them. */
export class SequencerOrdering implements Ordering {
  readonly maxReorg = 0
  readonly bodies = 'sealed'
  readonly genesisTime = 0
  readonly lookback = 1
  readonly hasCheckpoints = true
  readonly maxPendingAge: number | undefined
  readonly sequencer: PeerIdBytes
  readonly blockSize: number
  readonly whyNoReward = 'a sequencer is paid by fees alone'

  /** Throws InvalidNetworkDocument. */
  constructor(private readonly section: SequencerSection) {
    this.maxPendingAge = section.blockTimeout
    this.blockSize = section.blockSize
    this.sequencer = expectPeerId(section.sequencer)
  }

  screen(header: Header): Fault | undefined {
    const fault = (kind: Fault['kind'], detail: string): Fault => ({ kind, height: header.height, detail })
    if (!equal(header.producer, this.sequencer))
      return fault('producer', "not the sequencer of the network's document")
    if (header.proof.length > 0) return fault('proof', 'a sequencer proves nothing; the field must be empty')
    const { blockSize, blockTimeout } = this.section
    if (header.count === blockSize) return undefined
    if (blockTimeout === undefined)
      return fault('count', `${header.count} messages; a block has ${blockSize}`)
    if (header.count < 1 || header.count > blockSize)
      return fault('count', `${header.count} messages; a block has 1 to ${blockSize}`)
    return undefined
  }

  checkHeader(header: Header, [parent]: Ancestors): Fault | undefined {
    if (header.time >= parent.time) return undefined
    return { kind: 'time', height: header.height, detail: "before its parent's" }
  }

  verify(header: Header, ancestors: Ancestors): Fault | undefined {
    return this.checkHeader(header, ancestors)
  }

  /** The sequencer speaks for it. */
  screenHead(): undefined {
    return undefined
  }

  weight(): bigint {
    return 1n
  }

  due(_head: Header, pending: number, oldest: number, now: number): number | undefined {
    const { blockSize, blockTimeout } = this.section
    if (pending >= blockSize) return blockSize
    const isLate = blockTimeout !== undefined && pending > 0 && now - oldest >= blockTimeout
    return isLate ? pending : undefined
  }

  /** Two blocks of one height are a lie, whichever came first. */
  compare(): number {
    return 0
  }

  /** Clocks may be set back; a chain's time never goes back. */
  prepare(draft: Header, [parent]: Ancestors): Header {
    return { ...draft, time: Math.max(draft.time, parent.time) }
  }
}
