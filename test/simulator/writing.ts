import { type Candidate, nameOf } from '#src/chain/candidate.js'
import type { Random } from '#tools/localnet/random.js'
import type { Author } from './author.js'
import { exponential } from './random.js'
import type { VirtualTime } from './virtual-time.js'

/** Of the messages that are written while the network is split, those that are contradicted on the other side. */
const CONTRADICTED = 0.25
const HOUR = 3_600_000

/** Somebody who writes, and where his messages go from there. */
export interface Writer {
  readonly author: Author
  /** Takes the message at the writer's own peer. */
  readonly submit: Submit
  /** Takes another one at a peer that nothing from here reaches now; undefined where there is none. */
  readonly apart: () => Submit | undefined
}

type Submit = (message: Candidate) => void | Promise<void>

/** Messages that come at random times from random writers. */
export class Writing {
  /** Their names. */
  readonly written = new Set<string>()
  contradictions = 0
  #isOver = false

  /** `rate`: messages an hour, in all. */
  constructor(
    private readonly time: VirtualTime,
    private readonly random: Random,
    private readonly writers: readonly Writer[],
    private readonly rate: number
  ) {}

  begin(): void {
    if (this.rate > 0) this.#wait()
  }

  end(): void {
    this.#isOver = true
  }

  #wait(): void {
    this.time.after(exponential(this.random, HOUR / this.rate), async () => {
      if (this.#isOver) return
      const writer = this.random.pick(this.writers.filter(({ author }) => author.peer.isOnline))
      if (writer !== undefined) await this.#write(writer)
      this.#wait()
    })
  }

  async #write({ author, submit, apart }: Writer): Promise<void> {
    const message = await author.write()
    this.written.add(nameOf(message))
    await submit(message)
    const submitApart = this.random.next() < CONTRADICTED ? apart() : undefined
    if (submitApart === undefined) return
    this.contradictions += 1
    await submitApart(await author.contradict())
  }
}
