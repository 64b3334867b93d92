import type { CheckpointedHeader } from '../core/block.js'
import type { Hash } from '../core/bytes.js'
import type { Fault } from '../core/fault.js'
import type { Ancestors } from '../orderings/ordering.js'
import type { Rules } from '../rules/rules.js'
import { ancestorsAfter, type Cursor, checkHeader } from './cursor.js'

/** Where a chain of headers goes on from: a verified place. */
export type HeaderPlace = Pick<Cursor, 'signed' | 'ancestors' | 'weight'>

/**
 * Headers that follow a verified place, each checked as far as headers go: that they are chained, and that the
 * work is in them. Of those that were checked no more than the ids is kept.
 */
export class HeaderChain {
  readonly ids: Hash[] = []
  #signed: CheckpointedHeader
  #ancestors: Ancestors
  #weight: bigint

  constructor(
    private readonly rules: Rules,
    readonly fork: HeaderPlace
  ) {
    this.#signed = fork.signed
    this.#ancestors = fork.ancestors
    this.#weight = fork.weight
  }

  /** The last of them. */
  get head(): CheckpointedHeader {
    return this.#signed
  }

  /** Of all blocks up to there, from the genesis on. */
  get weight(): bigint {
    return this.#weight
  }

  /** What is wrong with a header as the next one; one that needs a state is not added. */
  add(signed: CheckpointedHeader, now: number): Fault | 'needs state' | undefined {
    const { ordering } = this.rules
    const place = { signed: this.#signed, ancestors: this.#ancestors }
    const fault = checkHeader(place, signed, this.rules, now)
    if (fault !== undefined) return fault
    this.#ancestors = ancestorsAfter(this.#ancestors, signed.header, ordering)
    this.#weight += ordering.weight(signed.header)
    this.#signed = signed
    this.ids.push(signed.id)
    return undefined
  }
}
