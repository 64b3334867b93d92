import { Random } from '#tools/localnet/random.js'
import { seedOf } from '../helpers/core.js'

/** One stream of choices for each purpose: what one of them asks for leaves the others as they are. */
export function streamOf(seed: number, purpose: string): Random {
  return new Random(Buffer.from(seedOf(`${seed} ${purpose}`)).readUInt32BE())
}

/** How long one waits for what comes at random, so often on average. */
export function exponential(random: Random, mean: number): number {
  return -mean * Math.log(1 - random.next())
}

export function arbitraryBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => Math.floor(random.next() * 256))
}
