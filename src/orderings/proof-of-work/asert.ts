/**
 * ASERT: the target follows from how far the chain is ahead of its schedule or behind it, and from nothing else.
 * aserti3-2d as in Bitcoin Cash (CHIP-2020-11) and Decred (DCP0011), in integers. Any unit of time will do, as
 * long as it is the same one everywhere.
 */

export interface Schedule {
  /** Of the block after the anchor. */
  readonly target: bigint
  /** No target is over it. */
  readonly easiest: bigint
  /** Between two blocks. */
  readonly interval: bigint
  /** How far behind the schedule the chain must be for the target to have doubled. */
  readonly halfLife: bigint
}

/** 2^(fraction / 2^16) × 2^16 for fractions of 2^16, by a polynomial of the third degree. */
function powerOfTwo(fraction: bigint): bigint {
  const polynomial =
    195_766_423_245_049n * fraction + 971_821_376n * fraction ** 2n + 5_127n * fraction ** 3n + (1n << 47n)
  return 65_536n + (polynomial >> 48n)
}

/** The target of the block whose parent came `blocks` blocks and `elapsed` time after the anchor; at least 1. */
export function asert(schedule: Schedule, blocks: bigint, elapsed: bigint): bigint {
  const { target, easiest, interval, halfLife } = schedule
  // In 65536ths, rounded to 0 as all implementations do.
  const exponent = ((elapsed - interval * blocks) << 16n) / halfLife
  const doublings = exponent >> 16n
  // Nothing between 1 and 2^256 doubles or halves as often; and no number grows as large as a peer pleases.
  if (doublings > 256n) return easiest
  if (doublings < -256n) return 1n
  const scaled = target * powerOfTwo(exponent & 0xffffn)
  const shift = doublings - 16n
  const next = shift >= 0n ? scaled << shift : scaled >> -shift
  if (next > easiest) return easiest
  return next < 1n ? 1n : next
}
