import type { Answer } from '../core/answer.js'
import { equal, type PeerIdBytes } from '../core/bytes.js'
import { peerIdToString } from '../core/keys.js'
import type { Query } from '../core/query.js'
import { whileWorking } from '../lifecycle/working.js'
import type { Made } from '../orderings/producer.js'
import { type Asking, type Handler, type Reply, refused, replyWith } from './handler.js'

/** What only the owner of a node may have it do. */
export interface OwnedNode {
  readonly owners: readonly PeerIdBytes[]
  /** Makes so many blocks now. Resolves when they stand in its own chain, or with what is there when `signal` fires. */
  mine(count: number, signal: AbortSignal): Promise<Made>
  /** Stops the node, as SIGTERM does. */
  shutdown(): void
}

/** Does what the owner of a node asks of it, and what nobody else may. Who asks has proved his PeerId to Noise. */
export class OwnerHandler implements Handler {
  constructor(private readonly node: OwnedNode) {}

  reply(query: Query, { peer }: Asking, signal: AbortSignal): Reply | undefined {
    if (query.kind !== 'mine' && query.kind !== 'shutdown') return undefined
    if (!this.node.owners.some(owner => equal(owner, peer)))
      return replyWith(
        refused('not the owner', `${peerIdToString(peer)} is no owner of this node; ask with the owner's key`)
      )
    if (query.kind === 'mine')
      return { answers: whileWorking(gone => this.#mine(query.count, gone), signal), isSlow: true }
    return { answers: [{ kind: 'done', next: 0 }], afterwards: () => this.node.shutdown() }
  }

  async #mine(count: number, signal: AbortSignal): Promise<Answer> {
    const mined = await this.node.mine(count, signal)
    return mined.ok ? { kind: 'mined', blocks: mined.blocks } : refused('not served', mined.reason)
  }
}
