import type { Header, SignedHeader } from '../../core/block.js'
import { type Hash, toHex } from '../../core/bytes.js'
import { DecodeError } from '../../core/codec.js'
import type { Fault, FaultKind } from '../../core/fault.js'
import { InvalidNetworkDocument } from '../../core/network.js'
import type { StakeView } from '../../core/stakes.js'
import type { Ancestors, Ordering } from '../ordering.js'
import { asert, type Schedule } from './asert.js'
import { compactFromText, compactToText, decodeCompact, encodeCompact, workOf } from './compact-target.js'
import { NONCE_BYTES } from './search.js'
import type { WorkSection } from './section.js'
import { decodeProof, encodeProof, type Proof } from './work-proof.js'

/** A block is later than the middle one of so many before it. */
const MEDIAN_OF = 11
/** So many intervals a block's clock may be ahead of ours. */
const INTERVALS_AHEAD = 10

/** Whoever finds a nonce extends the chain; the chain with most work counts. The genesis is the anchor of the schedule. */
export class WorkOrdering implements Ordering {
  readonly bodies = 'open'
  readonly maxPendingAge = undefined
  readonly lookback = MEDIAN_OF
  readonly hasCheckpoints = false
  readonly sequencer = undefined
  readonly whyNoReward = undefined
  readonly blockSize: number
  readonly maxReorg: number
  readonly genesisTime: number
  readonly #schedule: Schedule

  /** Throws InvalidNetworkDocument. */
  constructor(private readonly section: WorkSection) {
    this.blockSize = section.blockSize
    this.maxReorg = section.maxReorg
    this.genesisTime = section.start
    this.#schedule = scheduleOf(section)
  }

  screen(header: Header, id: Hash): Fault | undefined {
    const { blockSize, emptyBlocks } = this.section
    const least = emptyBlocks ? 0 : 1
    if (header.count < least || header.count > blockSize)
      return fault('count', header, `${header.count} messages; a block has ${least} to ${blockSize}`)
    let number: bigint
    try {
      number = decodeProof(header.proof).number
    } catch (error) {
      if (error instanceof DecodeError) return fault('proof', header, error.message)
      throw error
    }
    if (number > this.#schedule.easiest)
      return fault('proof', header, 'its target is easier than any may be in this network')
    if (BigInt(`0x${toHex(id)}`) > number) return fault('proof', header, 'its hash is over its target')
    return undefined
  }

  /** A fault of the kind `future` is the only one, and is none any more at a later time. */
  checkHeader(header: Header, ancestors: Ancestors, now: number): Fault | undefined {
    const { target } = decodeProof(header.proof)
    const expected = this.#targetAfter(ancestors)
    if (target !== expected)
      return fault(
        'proof',
        header,
        `its target is ${compactToText(target)}; at this place it must be ${compactToText(expected)}`
      )
    if (header.time <= median(ancestors))
      return fault('time', header, `not after the middle one of the ${MEDIAN_OF} blocks before it`)
    if (header.time > now + INTERVALS_AHEAD * this.section.interval)
      return fault('future', header, `${header.time - now} ms ahead of the clock here`)
    return undefined
  }

  /** Headers tell all of it. */
  verify(header: Header, ancestors: Ancestors, _stakes: () => StakeView, now: number): Fault | undefined {
    return this.checkHeader(header, ancestors, now)
  }

  /** Its parent is no later than our clock allows: so high up, and so late at most, no target is easier than this. */
  screenHead(header: Header, now: number): Fault | undefined {
    const { height, proof } = header
    if (height === 0) return undefined
    const { target, number } = decodeProof(proof)
    const latest = now + INTERVALS_AHEAD * this.section.interval
    const easiest = this.#targetAt(height - 1, latest)
    if (number <= (decodeCompact(easiest) ?? 0n)) return undefined
    return fault(
      'proof',
      header,
      `its target is ${compactToText(target)}; at this height it cannot be easier than ${compactToText(easiest)} yet`
    )
  }

  weight(header: Header): bigint {
    return workOf(decodeProof(header.proof).number)
  }

  compare(one: SignedHeader, other: SignedHeader): number {
    return Buffer.compare(one.id, other.id)
  }

  due(_head: Header, pending: number): number | undefined {
    const { blockSize, emptyBlocks } = this.section
    return pending > 0 || emptyBlocks ? Math.min(pending, blockSize) : undefined
  }

  /** With the target that it must meet, and a nonce of zeros. */
  prepare(draft: Header, ancestors: Ancestors): Header {
    const proof: Proof = { target: this.#targetAfter(ancestors), nonce: new Uint8Array(NONCE_BYTES) }
    return { ...draft, time: Math.max(draft.time, median(ancestors) + 1), proof: encodeProof(proof) }
  }

  #targetAfter([parent]: Ancestors): number {
    return this.#targetAt(parent.height, parent.time)
  }

  /** Of the block after one at this height and time. */
  #targetAt(height: number, time: number): number {
    const elapsed = BigInt(time - this.genesisTime)
    return encodeCompact(asert(this.#schedule, BigInt(height), elapsed))
  }
}

function scheduleOf(section: WorkSection): Schedule {
  const target = targetOf('target', section.target)
  const easiest = targetOf('easiest', section.easiest)
  if (target > easiest)
    throw new InvalidNetworkDocument(
      `ordering.target ${section.target} is easier than ordering.easiest ${section.easiest}; lower the one or raise the other`
    )
  if (section.halfLife < section.interval)
    throw new InvalidNetworkDocument(
      'ordering.halfLife is shorter than ordering.interval, so that the target would jump at every block; make it ten intervals or more'
    )
  return { target, easiest, interval: BigInt(section.interval), halfLife: BigInt(section.halfLife) }
}

function targetOf(field: string, text: string): bigint {
  const target = decodeCompact(compactFromText(text))
  if (target === undefined)
    throw new InvalidNetworkDocument(
      `ordering.${field} "${text}" is not the compact form of a target, such as 1e00ffff`
    )
  return target
}

/** The middle one of their times, of an even number the later one of two. */
function median(ancestors: Ancestors): number {
  const times = ancestors.map(({ time }) => time).sort((a, b) => a - b)
  return times[Math.floor(times.length / 2)] ?? ancestors[0].time
}

function fault(kind: FaultKind, { height }: Header, detail: string): Fault {
  return { kind, height, detail }
}
