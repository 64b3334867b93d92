import { encodeAccount, encodeAccountProof } from '../applications/ledger/account-proof.js'
import { LedgerState } from '../applications/ledger/state.js'
import type { Chain } from '../chain/chain.js'
import type { Answer } from '../core/answer.js'
import type { PeerIdBytes } from '../core/bytes.js'
import { LIMITS } from '../core/limits.js'
import type { Query } from '../core/query.js'
import { noBlockAt } from './chain-handler.js'
import { type Handler, notFound, type Reply, replyWith } from './handler.js'

/** Answers with what accounts have, as far back as states are kept, where there are any. */
export class AccountHandler implements Handler {
  constructor(private readonly chain: Pick<Chain, 'head' | 'state' | 'stateAt' | 'oldestState'>) {}

  reply(query: Query): Reply | undefined {
    if (query.kind !== 'account' && query.kind !== 'accounts') return undefined
    if (!(this.chain.state instanceof LedgerState)) return undefined
    return replyWith(
      query.kind === 'account'
        ? this.#account(query.id, query.height)
        : this.#accounts(query.after, query.limit, query.height)
    )
  }

  #account(id: PeerIdBytes, height?: number): Answer {
    return this.#withLedger(height, ledger => ({
      kind: 'account',
      proof: encodeAccountProof(ledger.prove(id))
    }))
  }

  #accounts(after: PeerIdBytes | undefined, limit: number, height?: number): Answer {
    return this.#withLedger(height, ledger => {
      const most = Math.min(limit, LIMITS.accountsPage)
      const accounts: Uint8Array[] = []
      for (const account of after === undefined ? ledger.all() : ledger.after(after)) {
        if (accounts.length >= most) break
        accounts.push(encodeAccount(account))
      }
      return { kind: 'accounts', accounts }
    })
  }

  /** What `tell` says of the state after a block, with the header that commits to it. */
  #withLedger(height: number | undefined, tell: (ledger: LedgerState) => Told): Answer {
    const { chain } = this
    const head = chain.head().header.height
    const kept = chain.stateAt(height ?? head)
    if (kept?.state instanceof LedgerState) {
      const { envelope: header, checkpoint } = kept.signed
      return { ...tell(kept.state), header, checkpoint }
    }
    if (height === undefined || height > head) return noBlockAt(chain, height ?? head)
    return notFound(
      `what accounts had after block ${height} is not kept here any more; it goes back to block ${chain.oldestState}`
    )
  }
}

type Told<Kind extends Answer = Extract<Answer, { kind: 'account' | 'accounts' }>> = Kind extends Answer
  ? Omit<Kind, 'header' | 'checkpoint'>
  : never
