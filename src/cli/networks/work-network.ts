import type { Network } from '../../core/network.js'
import {
  compactFromText,
  compactToText,
  decodeCompact,
  encodeCompact
} from '../../orderings/work/compact-target.js'
import { type NetworkWishes, writeNetwork } from './network-setup.js'

export interface WorkNetworkWishes extends NetworkWishes {
  /** ms. Half-life and target go with it where they are not given. */
  readonly interval?: number
  /** ms. */
  readonly halfLife?: number
  /** In compact form, 8 hex digits. */
  readonly target?: string
  readonly emptyBlocks?: boolean
  readonly maxReorg?: number
}

/** The easiest target that this program ever writes into a document: two hashes. */
const EASIEST = 0x207fffff

/** Makes the document of a network of equals, which begins now. There are no keys to make. `now`: ms since 1970. */
export async function makeWorkNetwork(
  file: string,
  wishes: WorkNetworkWishes,
  now: number
): Promise<Network> {
  const { interval, halfLife, target, emptyBlocks, maxReorg } = wishes
  return writeNetwork(file, 'work', wishes, async template => ({
    ...template,
    start: Math.floor(now / 1000) * 1000,
    ...(interval !== undefined && { interval, ...paced(template, interval) }),
    ...(halfLife !== undefined && { halfLife }),
    ...(target !== undefined && { target, ...beside(template, target) }),
    ...(emptyBlocks !== undefined && { emptyBlocks }),
    ...(maxReorg !== undefined && { maxReorg })
  }))
}

type Part = Readonly<Record<string, unknown>>

/** What goes with another interval, so that the same miners find the blocks. */
function paced({ interval: before, halfLife, target, easiest }: Part, interval: number): Part {
  if (typeof before !== 'number' || !Number.isSafeInteger(before) || typeof halfLife !== 'number') return {}
  const ratio: Ratio = [BigInt(before), BigInt(interval)]
  return {
    halfLife: Math.round((halfLife * interval) / before),
    target: scaled(target, ratio),
    easiest: scaled(easiest, ratio)
  }
}

/** What goes with another target: an easiest one that is as far from it. */
function beside({ target: before, easiest }: Part, target: string): Part {
  return { easiest: scaled(easiest, [numberOf(target) ?? 1n, numberOf(before) ?? 1n]) }
}

/** By how much to multiply: the first over the second. */
type Ratio = readonly [bigint, bigint]

/** What is no target stays as it is: the document is checked as a whole. */
function scaled(text: unknown, [over, under]: Ratio): unknown {
  const number = numberOf(text)
  if (number === undefined) return text
  return compactToText(Math.min(EASIEST, encodeCompact((number * over) / under)))
}

function numberOf(text: unknown): bigint | undefined {
  return typeof text === 'string' ? decodeCompact(compactFromText(text)) : undefined
}
