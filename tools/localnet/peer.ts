import { Failure } from '#src/cli/failure.js'
import type { Order, Reply, ReplyOf } from '#src/cli/peer/orders.js'
import { LIMITS } from '#src/core/limits.js'
import { inTime } from './deadline.js'
import type { WaitOptions } from './event-log.js'
import type { EventName, EventOf, LocalEvent } from './peer-events.js'
import { type Exit, PeerProcess } from './peer-process.js'

export type Role = 'sequencer' | 'follower' | 'client' | 'miner'

/** What a client does: so many messages a second for so many seconds (0: until stopped), or what `write` gives it. */
export interface Work {
  readonly rate?: number
  readonly duration?: number
  readonly stdin?: boolean
  /** Of a miner: how many blocks it mines unasked; without end where it is left out. */
  readonly mine?: number
}

export interface PeerSetup {
  readonly name: string
  readonly role: Role
  readonly network: string
  readonly key: string
  readonly data: string
  readonly listen: readonly string[]
  /** Nobody where it is empty: others connect to it, or it is told later. */
  readonly connect: readonly string[]
  readonly work: Work
}

/** What a peer is part of. */
export interface Home {
  /** Throws Failure where nothing may be started any more. */
  expectOpen(name: string): void
  /** Is told every event of every run. */
  hear(peer: Peer, event: LocalEvent): void
}

/** A start reads and verifies the whole database. */
const START_MS = 60_000
/** More than a peer gives itself. */
const STOP_MS = 10_000
/** A peer that is busy with a block answers after it. */
const ORDER_MS = 10_000
/** After SIGKILL only the kernel is left to wait for. */
const KILL_MS = 5_000

/** One peer as a process on this machine, on a folder of its own; it may run more than once. */
export class Peer {
  #process: PeerProcess | undefined
  #started: EventOf<'started'> | undefined
  #work: Work

  /** Use `Localnet` to make one. */
  constructor(
    private readonly setup: PeerSetup,
    private readonly home: Home
  ) {
    this.#work = setup.work
  }

  get name(): string {
    return this.setup.name
  }

  get role(): Role {
    return this.setup.role
  }

  /** Its database. */
  get data(): string {
    return this.setup.data
  }

  get key(): string {
    return this.setup.key
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  get isRunning(): boolean {
    return this.#process !== undefined && this.#process.exit === undefined
  }

  get peerId(): string {
    return this.#expectStarted().peerId
  }

  /** Where others reach it, with its PeerId at the end. A restart keeps them. */
  get addresses(): readonly string[] {
    return this.#expectStarted().addresses
  }

  /** Of the present run, or the last one; only the latest where there are very many. */
  get events(): readonly LocalEvent[] {
    return this.#expectProcess().log.events
  }

  /** The last lines of its log for people. */
  get stderr(): string {
    return this.#expectProcess().stderr
  }

  /** How the present run ends, once it has ended and all it said has been heard. No deadline: see `exit`. */
  get exited(): Promise<Exit> {
    return this.#expectProcess().exited
  }

  /** Starts the process and resolves at its `started` event. Throws Failure, with nothing left running, if it does not come. */
  async start(options: WaitOptions = {}): Promise<void> {
    this.home.expectOpen(this.name)
    if (this.isRunning)
      throw new Failure('ERR_PEER_STATE', `${this.name} runs already, as process ${this.pid}`)
    const run = new PeerProcess(this.name, this.#args(), {
      stdin: this.#work.stdin === true,
      hear: event => this.home.hear(this, event)
    })
    this.#process = run
    try {
      const ms = options.within ?? START_MS
      this.#started = await run.log.first('started', () => true, { within: ms })
    } catch (error) {
      await this.#kill(run)
      throw error
    }
  }

  /** Starts it once more on the same folder and address, after its last run has ended. A client may get other work. */
  async restart(work: Work = this.#work, options: WaitOptions = {}): Promise<void> {
    await this.exit({ within: STOP_MS })
    this.#work = work
    await this.start(options)
  }

  /** The first event of the present run that fits, whether it has come already or is yet to come. Throws Failure if it does not come. */
  async event<Name extends EventName>(
    name: Name,
    fits: (event: EventOf<Name>) => boolean = () => true,
    options: WaitOptions = {}
  ): Promise<EventOf<Name>> {
    return this.#expectProcess().log.first(name, fits, options)
  }

  /** Gives a client started with `stdin` one message: a text, or a whole message as JSON. */
  async write(message: string | Readonly<Record<string, unknown>>): Promise<void> {
    const line = typeof message === 'string' ? message : JSON.stringify(message)
    if (/[\r\n]/.test(line)) throw new Failure('ERR_USAGE', 'a message written to a peer is one line')
    await this.#expectProcess().write(line)
  }

  /** How it does now. Throws Failure where it keeps no chain. */
  async status(options: WaitOptions = {}): Promise<ReplyOf<'status'>> {
    const reply = await this.holdings(options)
    if (reply.reply === 'status') return reply
    throw new Failure(
      'ERR_PEER_STATE',
      `${this.name} keeps no chain, as its network has no order; ask for its set`
    )
  }

  /** The same of a peer whose network has no order. Throws Failure where it keeps a chain. */
  async set(options: WaitOptions = {}): Promise<ReplyOf<'set'>> {
    const reply = await this.holdings(options)
    if (reply.reply === 'set') return reply
    throw new Failure('ERR_PEER_STATE', `${this.name} keeps a chain; ask for its status`)
  }

  /** How it does now, whichever of the two it keeps. */
  async holdings({ within: ms = ORDER_MS }: WaitOptions = {}): Promise<ReplyOf<'status' | 'set'>> {
    const reply = await this.#order({ order: 'status' }, ms)
    return reply.reply === 'status' || reply.reply === 'set' ? reply : this.#misunderstood()
  }

  /** Has it make so many blocks, and resolves with those it made. Throws Failure where it does not mine. */
  async mine(count: number): Promise<ReplyOf<'mined'>['blocks']> {
    const reply = await this.#order({ order: 'mine', count }, count * LIMITS.mineMs + ORDER_MS)
    return reply.reply === 'mined' ? reply.blocks : this.#misunderstood()
  }

  /** From now on it has nothing to do with these, by their PeerIds, and with nobody else whom it avoided before. */
  async avoid(peers: readonly string[]): Promise<void> {
    await this.#order({ order: 'avoid', peers }, ORDER_MS)
  }

  /** From now on it keeps connected to these addresses, and to no others. */
  async connect(addresses: readonly string[]): Promise<void> {
    await this.#order({ order: 'connect', addresses }, ORDER_MS)
  }

  /** Ends its standard input: a client then waits for its last receipts and ends. */
  endInput(): void {
    this.#expectProcess().endInput()
  }

  /** Sends a signal and waits for nothing. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#process?.signal(signal)
  }

  /** How its run ended. Throws Failure if it still runs after the deadline. */
  async exit({ within: ms = STOP_MS }: WaitOptions = {}): Promise<Exit> {
    const run = this.#expectProcess()
    return inTime(run.exited, ms, () => run.failure(`still runs after ${ms} ms`))
  }

  /** SIGTERM, and SIGKILL if that does not end it within its time. Resolves when it is reaped; the exit tells which it was. */
  async stop({ within: ms = STOP_MS }: WaitOptions = {}): Promise<Exit> {
    const run = this.#expectProcess()
    run.signal('SIGTERM')
    try {
      return await inTime(run.exited, ms, () => run.failure(`did not stop within ${ms} ms`))
    } catch {
      return this.#kill(run)
    }
  }

  async #kill(run: PeerProcess): Promise<Exit> {
    run.signal('SIGKILL')
    return inTime(run.exited, KILL_MS, () => run.failure(`is still there ${KILL_MS} ms after SIGKILL`))
  }

  async #order(order: Order, ms: number): Promise<Exclude<Reply, ReplyOf<'refused'>>> {
    const reply = await this.#expectProcess().orders.give(order, ms)
    if (reply.reply === 'refused') throw new Failure('ERR_PEER_FAILED', `${this.name}: ${reply.reason}`)
    return reply
  }

  #misunderstood(): never {
    throw new Failure(
      'ERR_OTHER_VERSION',
      `${this.name} gave an answer to another question; it may be of another version`
    )
  }

  #args(): string[] {
    const { role, network, key, data, connect, listen } = this.setup
    const { rate, duration, mine } = this.#work
    const many = (option: string, values: readonly string[]): string[] =>
      values.flatMap(value => [option, value])
    return [
      ...['--role', role, '--network', network, '--key', key, '--data', data, '--json'],
      ...many('--listen', this.#started?.addresses.map(withoutPeerId) ?? listen),
      ...(connect.length === 0 ? ['--no-connect'] : many('--connect', connect)),
      ...(rate === undefined ? [] : ['--rate', String(rate)]),
      ...(duration === undefined ? [] : ['--duration', String(duration)]),
      ...(mine === undefined ? [] : ['--mine', String(mine)]),
      ...(this.#work.stdin === true ? ['--stdin'] : [])
    ]
  }

  #expectProcess(): PeerProcess {
    if (this.#process === undefined) throw new Failure('ERR_PEER_STATE', `${this.name} has not been started`)
    return this.#process
  }

  #expectStarted(): EventOf<'started'> {
    if (this.#started === undefined) throw new Failure('ERR_PEER_STATE', `${this.name} has not started yet`)
    return this.#started
  }
}

function withoutPeerId(address: string): string {
  return address.replace(/\/p2p\/[^/]+$/, '')
}
