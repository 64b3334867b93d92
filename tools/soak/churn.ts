import { setTimeout } from 'node:timers/promises'
import { elapsed, within } from '#src/lifecycle/waiting.js'
import type { Exit, Localnet, Peer } from '../localnet/index.js'
import type { Random } from '../localnet/random.js'
import { endInputs } from '../scenario/ends.js'

type Counts = Record<'sequencer' | 'follower' | 'client', number>

export interface ChurnCounts {
  readonly killed: Counts
  readonly stopped: Counts
  readonly joined: Counts
}

/** A client with nothing more to say, and how it ended; undefined where it did not in time. */
export interface Drained {
  readonly peer: Peer
  readonly exit: Exit | undefined
}

/** What ends a peer: `kill` is SIGKILL, `stop` is SIGTERM. */
type Ending = 'kill' | 'stop'

const PAUSE_MS = { least: 300, most: 2_000 }
/** How long a peer stays away before it comes back. */
const AWAY_MS = { least: 0, most: 3_000 }

/** The population: who is there, who comes and goes, and what was done to them. */
export class Churn {
  readonly counts: ChurnCounts = { killed: none(), stopped: none(), joined: none() }
  /** What was not asked for: a peer that ended by itself, or not as it was told to. */
  readonly incidents: string[] = []
  /** Somebody is at them; nobody else touches them. */
  readonly #busy = new Set<Peer>()
  /** Their present end was asked for. */
  readonly #ending = new Set<Peer>()
  readonly #left = new Set<Peer>()
  readonly #tasks = new Set<Promise<void>>()
  #sequencer: Peer | undefined
  readonly #followers: Peer[] = []
  readonly #clients: Peer[] = []

  constructor(
    private readonly net: Localnet,
    private readonly random: Random,
    private readonly options: { readonly clients: number; readonly followers: number; readonly rate: number },
    private readonly note: (text: string) => void
  ) {}

  get sequencer(): Peer {
    if (this.#sequencer === undefined) throw new Error('the sequencer has not been started')
    return this.#sequencer
  }

  get followers(): readonly Peer[] {
    return this.#followers
  }

  get clients(): readonly Peer[] {
    return this.#clients
  }

  /** The first population. The first follower stays to the end: its memory shows what a long life does. */
  async populate(): Promise<void> {
    this.#sequencer = await this.net.startSequencer()
    this.#watch(this.#sequencer)
    for (let count = 0; count < this.options.followers; count += 1) await this.#join('follower')
    await Promise.all(Array.from({ length: this.options.clients }, () => this.#join('client')))
  }

  /** Lets them come and go until `ms` have passed. Resolves when everybody who is to come back is back. */
  async run(ms: number, signal: AbortSignal): Promise<void> {
    const over = within(ms, signal)
    const sequencerEnds = this.#sequencerEnds(ms, over)
    for (;;) {
      await elapsed(this.random.between(PAUSE_MS.least, PAUSE_MS.most), over)
      if (over.aborted) break
      this.#something()
    }
    await sequencerEnds
    while (this.#tasks.size > 0) await Promise.all(this.#tasks)
  }

  /** Brings back all followers that have left, so that each has the whole log at the end. */
  async gather(): Promise<void> {
    const away = this.#followers.filter(peer => this.#left.delete(peer))
    await Promise.all(away.map(peer => this.#restart(peer)))
  }

  /** Every client runs once more with nothing to say, until its outbox is empty. Gives how each of them ended. */
  drain(): Promise<Drained[]> {
    return Promise.all(
      this.#clients.map(async peer => {
        await this.#end(peer, 'stop')
        this.#ending.add(peer)
        await peer.restart({ stdin: true })
        const [exit] = await endInputs([peer])
        return { peer, exit }
      })
    )
  }

  /** A last client, whose messages make a block that everybody there must get. */
  async last(messages: number): Promise<Drained> {
    const client = await this.net.startClient({ stdin: true })
    this.#clients.push(client)
    for (let index = 1; index <= messages; index += 1) await client.write(`last ${index}`)
    const [exit] = await endInputs([client])
    return { peer: client, exit }
  }

  /** One of the things that happen to peers. */
  #something(): void {
    const { random } = this
    const what = random.next()
    const client = random.pick(this.#idle(this.#clients))
    const follower = random.pick(this.#idle(this.#followers.slice(1)))
    if (what < 0.35 && client) this.#task(() => this.#comeBack(client, 'kill'))
    else if (what < 0.55 && client) this.#task(() => this.#comeBack(client, 'stop'))
    else if (what < 0.7 && follower) this.#task(() => this.#comeBack(follower, 'kill'))
    else if (what < 0.8 && follower) this.#task(() => this.#comeBack(follower, 'stop'))
    else if (what < 0.9) this.#exchange(client, 'client')
    else this.#exchange(follower, 'follower')
  }

  /** Somebody leaves for good, and somebody comes: one who has left, or somebody new. */
  #exchange(leaving: Peer | undefined, role: 'client' | 'follower'): void {
    const most = 2 * (role === 'client' ? this.options.clients : this.options.followers)
    const all = role === 'client' ? this.#clients : this.#followers
    const away = all.filter(peer => this.#left.has(peer) && !this.#busy.has(peer))
    const coming = all.length < most ? undefined : this.random.pick(away)
    if (leaving !== undefined)
      this.#task(async () => {
        await this.#end(leaving, 'stop')
        this.#left.add(leaving)
      }, leaving)
    if (coming !== undefined) {
      this.#left.delete(coming)
      this.#task(() => this.#restart(coming), coming)
    } else if (all.length < most) this.#task(() => this.#join(role))
  }

  /** In the first part of the time alone: a leak shows only in a life that is long enough. */
  async #sequencerEnds(whole: number, over: AbortSignal): Promise<void> {
    const ms = whole * SEQUENCER_ENDS_UNTIL
    const times = Math.max(1, Math.round(whole / SEQUENCER_LIFE_MS))
    for (let time = 1; time <= times; time += 1) {
      await elapsed((ms / (times + 1)) * this.random.between(0.7, 1.1), over)
      if (over.aborted) return
      try {
        await this.#comeBack(this.sequencer, time % 4 === 0 ? 'stop' : 'kill')
      } catch (error) {
        this.incidents.push(error instanceof Error ? error.message : String(error))
        return
      }
    }
  }

  async #comeBack(peer: Peer, ending: Ending): Promise<void> {
    this.#busy.add(peer)
    try {
      await this.#end(peer, ending)
      await setTimeout(this.random.between(AWAY_MS.least, AWAY_MS.most))
      await this.#restart(peer)
    } finally {
      this.#busy.delete(peer)
    }
  }

  async #end(peer: Peer, ending: Ending): Promise<void> {
    if (!peer.isRunning) return
    this.#ending.add(peer)
    if (ending === 'kill') {
      count(this.counts.killed, peer)
      peer.kill()
      await peer.exit()
    } else {
      count(this.counts.stopped, peer)
      const exit = await peer.stop()
      if (exit.code !== 0)
        this.incidents.push(`${peer.name} did not stop with exit code 0 but ${describe(exit)}`)
    }
    if (peer.role === 'sequencer') this.note(`the sequencer was ${ending === 'kill' ? 'killed' : 'stopped'}`)
  }

  async #restart(peer: Peer): Promise<void> {
    await peer.restart()
    this.#watch(peer)
  }

  async #join(role: 'client' | 'follower'): Promise<void> {
    this.counts.joined[role] += 1
    const sequencer = this.sequencer.addresses
    const others = this.#followers.flatMap(({ addresses }) => addresses)
    if (role === 'follower') {
      const peer = await this.net.startFollower({ connect: [...sequencer, ...this.random.some(others, 1)] })
      this.#followers.push(peer)
      return this.#watch(peer)
    }
    // Most go through followers; one that has gone for long is passed over.
    const connect = [...this.random.some(others, 2), ...sequencer]
    const peer = await this.net.startClient({ rate: this.options.rate, duration: 0, connect })
    this.#clients.push(peer)
    this.#watch(peer)
  }

  #idle(peers: readonly Peer[]): Peer[] {
    return peers.filter(peer => peer.isRunning && !this.#busy.has(peer))
  }

  #task(action: () => Promise<void>, peer?: Peer): void {
    if (peer !== undefined) this.#busy.add(peer)
    const task = action()
      .catch((error: unknown) => {
        this.incidents.push(error instanceof Error ? error.message : String(error))
      })
      .finally(() => {
        if (peer !== undefined) this.#busy.delete(peer)
        this.#tasks.delete(task)
      })
    this.#tasks.add(task)
  }

  /** Nobody may end without being told to. */
  #watch(peer: Peer): void {
    this.#ending.delete(peer)
    peer.exited.then(exit => {
      if (!this.#ending.has(peer))
        this.incidents.push(`${peer.name} ended by itself, ${describe(exit)}: ${peer.stderr}`)
    })
  }
}

const SEQUENCER_LIFE_MS = 75_000
/** From here on to the end of the time it runs on: over the third and the last quarter, which are compared. */
const SEQUENCER_ENDS_UNTIL = 0.45

/** No miner takes part. */
function count(counts: Counts, { role }: Peer): void {
  if (role !== 'miner') counts[role] += 1
}

function none(): Counts {
  return { sequencer: 0, follower: 0, client: 0 }
}

function describe({ code, signal }: Exit): string {
  return signal === null ? `with exit code ${code}` : `by ${signal}`
}
