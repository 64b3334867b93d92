import { Failure } from '#src/cli/failure.js'
import type { ReplyOf } from '#src/cli/peer/orders.js'
import { LIMITS } from '#src/core/limits.js'
import type { Exit, Peer } from '../localnet/index.js'
import type { NetworkEventOf, NodeState } from './events.js'
import type { NodeRole } from './plan.js'

/** One node of a managed network: its process, over all its runs, and what is known of it. */
export class ManagedNode {
  #peer: Peer | undefined
  #status: ReplyOf<'status' | 'set'> | undefined
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
    if (this.#peer === undefined)
      throw new Failure('ERR_PEER_STATE', `node ${this.number} has not started yet`)
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
      this.#status = this.#status && withoutOthers(this.#status)
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
      this.#status = await this.peer.holdings({ within: LIMITS.silentMs })
      if (this.isRunning) this.#state = 'running'
    } catch {
      if (this.isRunning) this.#state = 'silent'
    }
  }

  event(): NetworkEventOf<'node'> {
    return {
      event: 'node',
      node: this.number,
      role: this.role,
      state: this.#state,
      pid: (this.isRunning && this.#peer?.pid) || null,
      peerId: this.#peer?.peerId ?? null,
      address: this.#peer?.addresses[0] ?? null,
      ...NOTHING_KNOWN,
      ...(this.#status && known(this.#status))
    }
  }
}

type Known = Omit<NetworkEventOf<'node'>, 'event' | 'node' | 'role' | 'state' | 'pid' | 'peerId' | 'address'>

const NOTHING_KNOWN: Known = {
  height: null,
  head: null,
  size: null,
  pool: null,
  hashRate: null,
  transfers: null,
  digest: null,
  peers: null,
  known: null
}

function known({ peers, ...status }: ReplyOf<'status' | 'set'>): Partial<Known> {
  const { reply, ...rest } = status
  return { ...rest, peers: peers.length }
}

function withoutOthers(status: ReplyOf<'status' | 'set'>): ReplyOf<'status' | 'set'> {
  const alone = { peers: [], known: 0 }
  return status.reply === 'set' ? { ...status, ...alone } : { ...status, ...alone, hashRate: 0 }
}

function stateAfter({ code, signal }: Exit): NodeState {
  if (signal !== null) return 'killed'
  return code === 0 ? 'stopped' : 'failed'
}
