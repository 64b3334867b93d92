import { setImmediate } from 'node:timers/promises'

interface Job {
  run(): Promise<void>
  /** Not to be run. */
  drop(): void
}

/**
 * Work that takes long, done one piece at a time: first one's own, then that of others in turn, so that who brings
 * much does not keep the rest waiting. Between two pieces the event loop has its turn.
 */
export class FairQueue {
  readonly #own: Job[] = []
  /** By who brought it. None is empty; the first one is next. */
  readonly #others = new Map<string, Job[]>()
  #size = 0
  #isStopping = false
  #running: Promise<void> | undefined

  /** At most so many pieces wait, of one's own and of others. */
  constructor(private readonly limits: { readonly own: number; readonly others: number }) {}

  /** What the work gives; undefined where too much waits, or it is over. */
  own<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.#isStopping || this.#own.length >= this.limits.own) return Promise.resolve(undefined)
    const { job, done } = jobOf(work)
    this.#own.push(job)
    this.#run()
    return done
  }

  /** The same for somebody else. Of too much, the last that came from who has brought most is let go. */
  of<T>(bringer: string, work: () => Promise<T>): Promise<T | undefined> {
    if (this.#isStopping) return Promise.resolve(undefined)
    const { job, done } = jobOf(work)
    const jobs = this.#others.get(bringer) ?? []
    jobs.push(job)
    this.#others.set(bringer, jobs)
    this.#size += 1
    this.#run()
    if (this.#size > this.limits.others) this.#letGo()
    return done
  }

  /** What is under way comes to its end, and one's own that waits, too. */
  async stop(): Promise<void> {
    this.#isStopping = true
    for (const jobs of this.#others.values()) for (const job of jobs) job.drop()
    this.#others.clear()
    this.#size = 0
    await this.#running
  }

  #run(): void {
    this.#running ??= this.#runAll()
  }

  async #runAll(): Promise<void> {
    for (let job = this.#next(); job !== undefined; job = this.#next()) {
      await job.run()
      await setImmediate()
    }
    this.#running = undefined
  }

  #next(): Job | undefined {
    const own = this.#own.shift()
    if (own !== undefined) return own
    const [first] = this.#others
    if (first === undefined) return undefined
    const [bringer, jobs] = first
    this.#others.delete(bringer)
    const job = jobs.shift()
    if (jobs.length > 0) this.#others.set(bringer, jobs)
    this.#size -= 1
    return job
  }

  #letGo(): void {
    let most: readonly [string, Job[]] | undefined
    for (const entry of this.#others)
      if (most === undefined || entry[1].length >= most[1].length) most = entry
    if (most === undefined) return
    const [bringer, jobs] = most
    jobs.pop()?.drop()
    if (jobs.length === 0) this.#others.delete(bringer)
    this.#size -= 1
  }
}

function jobOf<T>(work: () => Promise<T>): { readonly job: Job; readonly done: Promise<T | undefined> } {
  const { promise: done, resolve, reject } = Promise.withResolvers<T | undefined>()
  const job: Job = { run: () => work().then(resolve, reject), drop: () => resolve(undefined) }
  return { job, done }
}
