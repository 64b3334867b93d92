/** So many a second in the long run, and so many at once after a rest. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

interface Bucket {
  tokens: number
  /** When `tokens` was right, ms. */
  at: number
}

/**
 * Token buckets by name. Remembers `names` of them at least and twice as many at most: those unused longest
 * are forgotten first, and begin anew with a full bucket. So who goes by many names escapes it: it limits one
 * name, and other limits how many there may be.
 */
export class RateLimiter {
  #recent = new Map<string, Bucket>()
  #earlier = new Map<string, Bucket>()

  constructor(
    private readonly rate: Rate,
    private readonly names: number
  ) {}

  /** Takes one of the tokens of `name` at this time (ms of a clock that never goes back); false where none is left. */
  take(name: string, now: number): boolean {
    const isLeft = this.hasOne(name, now)
    if (isLeft) this.#filled(name, now).tokens -= 1
    return isLeft
  }

  /** Takes nothing. */
  hasOne(name: string, now: number): boolean {
    return this.#filled(name, now).tokens >= 1 - ROUNDING
  }

  /** Takes more for what was begun, whether they are there or not: nothing is left then until they have come. */
  charge(name: string, now: number, tokens: number): void {
    this.#filled(name, now).tokens -= tokens
  }

  /** How many names are remembered. */
  get size(): number {
    return this.#recent.size + this.#earlier.size
  }

  #filled(name: string, now: number): Bucket {
    const { perSecond, burst } = this.rate
    const bucket = this.#bucket(name, now)
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) * perSecond) / 1000)
    bucket.at = now
    return bucket
  }

  #bucket(name: string, now: number): Bucket {
    const known = this.#recent.get(name)
    if (known !== undefined) return known
    const bucket = this.#earlier.get(name) ?? { tokens: this.rate.burst, at: now }
    this.#earlier.delete(name)
    if (this.#recent.size >= this.names) {
      this.#earlier = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(name, bucket)
    return bucket
  }
}

/** Who keeps exactly to the rate must not be refused because sums of fractions come out a little short. */
const ROUNDING = 1e-6
