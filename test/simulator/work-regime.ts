import type { Random } from '#tools/localnet/random.js'
import { Author } from './author.js'
import { Mining } from './mining.js'
import type { Partitions } from './partitions.js'
import type { Regime, VirtualNode } from './regime.js'
import type { Writer } from './writing.js'

export interface WorkOptions {
  readonly miners: number
  /** Hashes a ms of all miners together. */
  readonly power: (now: number) => number
}

/** Miners find blocks, and messages wait in everybody's pool. */
export class WorkRegime implements Regime {
  readonly #mining: Mining

  constructor(
    private readonly nodes: readonly VirtualNode[],
    private readonly partitions: Partitions,
    /** For finding blocks, and for what is written and where. */
    private readonly random: { readonly mining: Random; readonly writing: Random },
    private readonly options: WorkOptions
  ) {
    this.#mining = new Mining(random.mining, now => options.power(now) / options.miners)
  }

  isMiner({ peer }: VirtualNode): boolean {
    return peer.index < this.options.miners
  }

  employ(node: VirtualNode): void {
    if (this.isMiner(node)) node.peer.duties.push(this.#mining.minerAt(node.blocks))
  }

  writerAt({ peer, messages }: VirtualNode): Writer {
    return {
      author: new Author(peer, this.random.writing),
      submit: message => messages.take(message, undefined),
      apart: () => {
        const others = this.nodes.filter(
          other => other.peer.isOnline && this.partitions.separate(peer.index, other.peer.index)
        )
        const other = this.random.writing.pick(others)
        return other && (message => other.messages.take(message, undefined))
      }
    }
  }

  hasWaiting(): boolean {
    return this.nodes.some(({ peer }) => (peer.pool?.size ?? 0) > 0)
  }

  settle(isNeeded: boolean): void {
    this.#mining.switch(isNeeded)
  }

  receipts(): [] {
    return []
  }
}
