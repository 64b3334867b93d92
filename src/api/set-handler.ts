import type { Answer } from '../core/answer.js'
import type { Hash } from '../core/bytes.js'
import { LIMITS } from '../core/limits.js'
import type { Query } from '../core/query.js'
import type { TransferStore } from '../replication/set/transfer-store.js'
import { type Handler, notFound, type Reply, replyWith } from './handler.js'

const NO_BLOCKS = notFound('this network has no blocks; ask without a height')

/** Tells others what a peer has where nobody orders anything. */
export class SetHandler implements Handler {
  constructor(private readonly store: TransferStore) {}

  reply(query: Query): Reply | undefined {
    const { transfers, sums } = this.store
    switch (query.kind) {
      case 'status':
        return replyWith({ kind: 'set', count: transfers.size, digest: transfers.digest() })
      case 'summary':
        return replyWith({ kind: 'summary', summary: transfers.summary(query.prefix) })
      case 'transfers':
        return replyWith(this.#transfers(query.ids))
      case 'account':
        if (query.height !== undefined) return replyWith(NO_BLOCKS)
        return replyWith({ kind: 'balance', id: query.id, balance: sums.balance(query.id) ?? 0n })
      case 'accounts': {
        if (query.height !== undefined) return replyWith(NO_BLOCKS)
        const limit = Math.min(query.limit, LIMITS.accountsPage)
        return replyWith({ kind: 'balances', balances: sums.page(query.after, limit) })
      }
      default:
        return undefined
    }
  }

  async #transfers(ids: readonly Hash[]): Promise<Answer> {
    return { kind: 'transfers', envelopes: await this.store.envelopes(ids) }
  }
}
