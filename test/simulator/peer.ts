import { MemoryLevel } from 'memory-level'
import { Chain } from '#src/chain/chain.js'
import { Mempool } from '#src/chain/mempool.js'
import { type Signer, VerifierCache } from '#src/core/keys.js'
import type { Rules } from '#src/rules/rules.js'
import { messageRules } from '#src/validation/message-rules.js'
import type { FoundBlock, FoundBlocks } from './found-blocks.js'
import type { Violations } from './violations.js'
import type { VirtualTime } from './virtual-time.js'

/** Whatever else a peer does, once it is on line. */
export interface Duty {
  started?(): void | Promise<void>
  /** The head has moved. */
  moved?(): void
  stopping?(): void | Promise<void>
}

/** What all peers of one network share. */
export interface Surroundings {
  readonly time: VirtualTime
  readonly rules: Rules
  readonly blocks: FoundBlocks
  readonly violations: Violations
}

/** Of messages that wait in pools, verified again after each start. */
const verifiers = new VerifierCache()

/** A peer with its real chain and, where messages wait at all peers, its real pool, on a database that outlives its stops. */
export class Peer {
  readonly duties: Duty[] = []
  readonly database = new MemoryLevel<Uint8Array, Uint8Array>({
    keyEncoding: 'view',
    valueEncoding: 'view',
    storeEncoding: 'view'
  })
  #chain: Chain | undefined
  #pool: Mempool | undefined
  #head: FoundBlock | undefined

  constructor(
    readonly index: number,
    readonly signer: Signer,
    readonly surroundings: Surroundings
  ) {}

  get name(): string {
    return `peer ${this.index}`
  }

  get isOnline(): boolean {
    return this.#chain !== undefined
  }

  /** Undefined while it is stopped. */
  get chain(): Chain | undefined {
    return this.#chain
  }

  get pool(): Mempool | undefined {
    return this.#pool
  }

  /** Undefined at the genesis. While it is stopped, where it was. */
  get head(): FoundBlock | undefined {
    return this.#head
  }

  async start(): Promise<void> {
    if (this.isOnline) return
    const { chain, pool } = await this.open()
    this.#chain = chain
    this.#pool = pool
    for (const duty of this.duties) await duty.started?.()
  }

  /** Opens what is on disk, as a start does. */
  async open(): Promise<{ readonly chain: Chain; readonly pool: Mempool | undefined }> {
    const { rules, blocks, violations } = this.surroundings
    await this.database.open()
    const pool =
      rules.ordering.bodies === 'open'
        ? await Mempool.open(this.database, messageRules(rules), verifiers, error => {
            throw error
          })
        : undefined
    const chain = await Chain.open(this.database, rules, pool)
    const head = blocks.get(chain.head().id)
    if (head !== this.#head)
      violations.add(
        'reopened',
        this.name,
        `its head was block ${heightOf(this.#head)}, now ${heightOf(head)}`
      )
    return { chain, pool }
  }

  async stop(): Promise<void> {
    if (!this.isOnline) return
    for (const duty of this.duties) await duty.stopping?.()
    await this.#pool?.stored()
    this.#chain = undefined
    this.#pool = undefined
  }

  /** Called when the chain has moved its head. */
  moved(head: FoundBlock): void {
    this.#head = head
    for (const duty of this.duties) duty.moved?.()
  }
}

function heightOf(block: FoundBlock | undefined): number {
  return block?.height ?? 0
}
