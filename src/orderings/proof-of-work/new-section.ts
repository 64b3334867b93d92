import type { Fields } from '../../core/init-option.js'
import { compactFromText, compactToText, decodeCompact, encodeCompact } from './compact-target.js'

/** The easiest target that this program ever writes into a document: two hashes. */
const EASIEST = 0x207fffff

/** The section of a network that begins now (ms since 1970). Half-life and targets go with an interval or a target that is given. */
export function newSection(template: Fields, given: Fields, now: number): Fields {
  const { interval, target } = given
  return {
    ...template,
    start: Math.floor(now / 1000) * 1000,
    ...(typeof interval === 'number' && paced(template, interval)),
    ...(typeof target === 'string' && beside(template, target)),
    ...given
  }
}

/** What goes with another interval, so that the same miners find the blocks. */
function paced({ interval: before, halfLife, target, easiest }: Fields, interval: number): Fields {
  if (typeof before !== 'number' || !Number.isSafeInteger(before) || typeof halfLife !== 'number') return {}
  const ratio: Ratio = [BigInt(before), BigInt(interval)]
  return {
    halfLife: Math.round((halfLife * interval) / before),
    target: scaled(target, ratio),
    easiest: scaled(easiest, ratio)
  }
}

/** What goes with another target: an easiest one that is as far from it. */
function beside({ target: before, easiest }: Fields, target: string): Fields {
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
