import type { Header } from '../core/block.js'
import { equal } from '../core/bytes.js'
import type { Fault } from '../core/fault.js'
import { peerIdFromText } from '../core/keys.js'
import type { SequencerOrderingDocument } from '../core/network-document.js'
import type { Stakes } from '../core/stakes.js'
import type { Ordering } from './ordering.js'

/** One designated peer orders: blocks of exactly `blockSize`, shorter ones only where a timeout allows them. */
export class SequencerOrdering implements Ordering {
  readonly maxReorg = 0
  readonly bodies = 'sealed'
  readonly patience: number | undefined
  readonly #sequencer: Uint8Array

  constructor(private readonly document: SequencerOrderingDocument) {
    this.patience = document.blockTimeout
    this.#sequencer = peerIdFromText(document.sequencer)
  }

  verify(header: Header, parent: Header): Fault | undefined {
    const { blockSize, blockTimeout } = this.document
    const fault = (kind: Fault['kind'], detail: string): Fault => ({ kind, height: header.height, detail })
    if (!equal(header.producer, this.#sequencer))
      return fault('producer', "not the sequencer of the network's document")
    if (header.proof.length > 0) return fault('proof', 'a sequencer proves nothing; the field must be empty')
    if (header.time < parent.time) return fault('time', "before its parent's")
    if (header.count === blockSize) return undefined
    if (blockTimeout === undefined)
      return fault('count', `${header.count} messages; a block has ${blockSize}`)
    if (header.count < 1 || header.count > blockSize)
      return fault('count', `${header.count} messages; a block has 1 to ${blockSize}`)
    return undefined
  }

  weight(): bigint {
    return 1n
  }

  due(_head: Header, pending: number, oldest: number, now: number): number | undefined {
    const { blockSize, blockTimeout } = this.document
    if (pending >= blockSize) return blockSize
    const isLate = blockTimeout !== undefined && pending > 0 && now - oldest >= blockTimeout
    return isLate ? pending : undefined
  }

  async prove(
    draft: Header,
    _parent: Header,
    _stakes: Stakes,
    _now: number,
    signal: AbortSignal
  ): Promise<Header | undefined> {
    return signal.aborted ? undefined : draft
  }
}
