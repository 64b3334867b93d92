import { equal, type Hash, type PeerIdBytes } from '../core/bytes.js'
import type { NodeInfo } from '../core/node-info.js'
import type { BlockName, HeadClaim } from '../core/query.js'
import type { Host } from '../network/host.js'
import { QueryClient, unexpected } from './query-client.js'
import { InvalidAnswer } from './query-errors.js'

/** What a peer says became of a chain that it was offered; the reason may be of another version. */
export type OfferAnswer =
  | ({ readonly kind: 'taken' } & BlockName)
  | { readonly kind: 'notTaken'; readonly reason: string; readonly detail: string }

/** Asks one node about itself, and has it do what it may be told. What it answers is its word alone. */
export class NodeQueries {
  readonly #client: QueryClient

  constructor(host: Host, peer: PeerIdBytes, network: Hash) {
    this.#client = new QueryClient(host, peer, network)
  }

  async node(): Promise<NodeInfo> {
    const answer = await this.#client.one({ kind: 'node' })
    if (answer.kind !== 'node') return unexpected(answer)
    if (!equal(answer.peerId, this.#client.peer)) throw new InvalidAnswer('the peer speaks of another one')
    return answer
  }

  /** Those that it has made in the time that a query may take. */
  async mine(count: number): Promise<readonly BlockName[]> {
    const answer = await this.#client.one({ kind: 'mine', count })
    return answer.kind === 'mined' ? answer.blocks : unexpected(answer)
  }

  /** Resolves when it has said that it stops. */
  async shutdown(): Promise<void> {
    const answer = await this.#client.one({ kind: 'shutdown' })
    if (answer.kind !== 'done') unexpected(answer)
  }

  /** The host must serve queries about the chain that it is to take. */
  async offer(claim: HeadClaim): Promise<OfferAnswer> {
    const answer = await this.#client.one({ kind: 'offer', claim })
    return answer.kind === 'taken' || answer.kind === 'notTaken' ? answer : unexpected(answer)
  }
}
