import { Failure } from '../cli/failure.js'
import type { ReplyOf } from '../cli/orders.js'
import { LIMITS } from '../core/limits.js'
import type { Exit, Peer } from '../localnet/index.js'
import type { NetworkEventOf, NodeState } from './events.js'
import type { NodeRole } from './plan.js'

/** One node of a managed network: its process, over all its runs, and what is known of it. */
export class ManagedNode {
  #peer: Peer | undefined
  #status: ReplyOf<'status'> | undefined
  #state: NodeState = 'starting'

  constructor(
    /** From 1 on. */
    readonly number: number,
    readonly role: NodeRole,
    /** Numbers of those it keeps connected to, while they are there. */
    readonly neighbours: readonly number[],
    /** Hears of each end of its process. */
    private readonly ended: (node: ManagedNode) => void
  ) {}

  get state(): NodeState {
    return this.#state
  }

  get isRunning(): boolean {
    return this.#state === 'running' || this.#state === 'silent'
  }

  /** Undefined before it has started for the first time. */
  get peerId(): string | undefined {
    return this.#peer?.peerId
  }

  /** Where others are to look for it: nowhere before its first start, and once it has left in order. */
  get addresses(): readonly string[] {
    return this.#peer === undefined || this.#state === 'stopped' ? [] : this.#peer.addresses
  }

  /** Those who are connected to it, as it said last. */
  get connected(): readonly string[] {
    return this.#status?.peers ?? []
  }

  /** Throws Failure where it has never started. */
  get peer(): Peer {
    if (this.#peer === undefined) throw new Failure(`node ${this.number} has not started yet`)
    return this.#peer
  }

  is(peer: Peer): boolean {
    return this.#peer === peer
  }

  /** It runs from now on. */
  runs(peer: Peer): void {
    this.#peer = peer
    this.#state = 'running'
    peer.exited.then(exit => {
      this.#state = stateAfter(exit)
      this.#status = this.#status && { ...this.#status, peers: [], known: 0, hashRate: 0 }
      this.ended(this)
    })
  }

  /** It is being started once more. */
  starts(): void {
    this.#state = 'starting'
  }

  failed(): void {
    this.#state = 'failed'
  }

  /** Asks it how it does. */
  async look(): Promise<void> {
    if (!this.isRunning) return
    try {
      this.#status = await this.peer.status({ within: LIMITS.silentMs })
      if (this.isRunning) this.#state = 'running'
    } catch {
      if (this.isRunning) this.#state = 'silent'
    }
  }

  event(): NetworkEventOf<'node'> {
    const { height, head, size, pool, hashRate, peers, known } = this.#status ?? {}
    return {
      event: 'node',
      node: this.number,
      role: this.role,
      state: this.#state,
      pid: (this.isRunning && this.#peer?.pid) || null,
      peerId: this.#peer?.peerId ?? null,
      address: this.#peer?.addresses[0] ?? null,
      height: height ?? null,
      head: head ?? null,
      size: size ?? null,
      pool: pool ?? null,
      hashRate: hashRate ?? null,
      peers: peers?.length ?? null,
      known: known ?? null
    }
  }
}

function stateAfter({ code, signal }: Exit): NodeState {
  if (signal !== null) return 'killed'
  return code === 0 ? 'stopped' : 'failed'
}
