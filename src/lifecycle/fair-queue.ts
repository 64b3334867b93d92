import { setImmediate } from 'node:timers/promises'
import type { Bringer } from '../core/shares.js'

interface Job {
  run(): Promise<void>
  /** Not to be run. */
  drop(): void
}

/** What waits from one host, by the peer that brought it. None is empty; the first one is next. */
type JobsOfHost = Map<string, Job[]>

/**
 * Work that takes long, done one piece at a time: first one's own, then that of others, of each host in turn, and of each
 * of its peers. So a peer that brings much, or uses many PeerIds, does not keep the rest waiting. Between two pieces the event
 * loop has its turn.
 */
export class FairQueue {
  readonly #own: Job[] = []
  /** By the host. None is empty; the first one is next. */
  readonly #others = new Map<string, JobsOfHost>()
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

  /** The same for another bringer. Of too much, the last that came from the host that has brought most is dropped. */
  of<T>({ peer, host }: Bringer, work: () => Promise<T>): Promise<T | undefined> {
    if (this.#isStopping) return Promise.resolve(undefined)
    const { job, done } = jobOf(work)
    const ofHost: JobsOfHost = this.#others.get(host) ?? new Map()
    const jobs = ofHost.get(peer) ?? []
    jobs.push(job)
    ofHost.set(peer, jobs)
    this.#others.set(host, ofHost)
    this.#size += 1
    this.#run()
    if (this.#size > this.limits.others) this.#dropOne()
    return done
  }

  /** What is under way comes to its end, and one's own that waits, too. */
  async stop(): Promise<void> {
    this.#isStopping = true
    for (const ofHost of this.#others.values())
      for (const jobs of ofHost.values()) for (const job of jobs) job.drop()
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
    const [host, ofHost] = first
    const [peer = '', jobs = []] = ofHost.entries().next().value ?? []
    // Behind the others of its host, and this behind the other hosts.
    ofHost.delete(peer)
    this.#others.delete(host)
    const job = jobs.shift()
    if (jobs.length > 0) ofHost.set(peer, jobs)
    if (ofHost.size > 0) this.#others.set(host, ofHost)
    this.#size -= 1
    return job
  }

  /** Among those that have brought as much the last: the first one is next. */
  #dropOne(): void {
    const [host, ofHost] = largest(this.#others, sizeOf)
    const [peer, jobs] = largest(ofHost, ({ length }) => length)
    jobs.pop()?.drop()
    if (jobs.length === 0) ofHost.delete(peer)
    if (ofHost.size === 0) this.#others.delete(host)
    this.#size -= 1
  }
}

function sizeOf(ofHost: JobsOfHost): number {
  let size = 0
  for (const jobs of ofHost.values()) size += jobs.length
  return size
}

/** The last of the largest entries. Throws where there is none. */
function largest<T>(entries: ReadonlyMap<string, T>, size: (value: T) => number): readonly [string, T] {
  let most: readonly [string, T] | undefined
  for (const entry of entries) if (most === undefined || size(entry[1]) >= size(most[1])) most = entry
  if (most === undefined) throw new RangeError('nothing waits')
  return most
}

function jobOf<T>(work: () => Promise<T>): { readonly job: Job; readonly done: Promise<T | undefined> } {
  const { promise: done, resolve, reject } = Promise.withResolvers<T | undefined>()
  const job: Job = { run: () => work().then(resolve, reject), drop: () => resolve(undefined) }
  return { job, done }
}
