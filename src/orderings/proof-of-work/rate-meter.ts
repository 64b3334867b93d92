interface Sample {
  readonly at: number
  readonly count: number
}

/** How fast a count grows, over the last `window` ms. */
export class RateMeter {
  #samples: Sample[] = []

  /** `clock`: ms, never set back. */
  constructor(
    private readonly window: number,
    private readonly clock: () => number
  ) {}

  /** Takes note of the count as it is now. Often is no harm: few samples are kept. */
  observe(count: number): void {
    const at = this.clock()
    const last = this.#samples.at(-1)
    if (last !== undefined && at - last.at < this.window / 16) return
    this.#samples.push({ at, count })
    // One that is older is kept: the window begins there.
    while ((this.#samples[1]?.at ?? at) <= at - this.window) this.#samples.shift()
  }

  /** From the oldest sample to `count` now; 0 before there is one. */
  perSecond(count: number): number {
    const [oldest] = this.#samples
    const at = this.clock()
    if (oldest === undefined || at <= oldest.at) return 0
    return ((count - oldest.count) * 1000) / (at - oldest.at)
  }
}
