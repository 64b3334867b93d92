import type { AccountRules } from '../applications/application.js'
import { encodeAccount, encodeAccountProof } from '../applications/ledger/account-proof.js'
import type { Chain } from '../chain/chain.js'
import type { Answer } from '../core/answer.js'
import type { PeerIdBytes } from '../core/bytes.js'
import { LIMITS } from '../core/limits.js'
import type { Query } from '../core/query.js'
import { noBlockAt } from './chain-handler.js'
import { type Handler, notFound, type Reply, replyWith } from './handler.js'

/** Answers with what accounts have, as far back as states are kept, where there are any. */
export class AccountHandler implements Handler {
  constructor(private readonly chain: Pick<Chain, 'head' | 'stateAt' | 'oldestState' | 'rules'>) {}

  reply(query: Query): Reply | undefined {
    if (query.kind !== 'account' && query.kind !== 'accounts') return undefined
    const { accounts } = this.chain.rules.application
    if (accounts === undefined) return undefined
    return replyWith(
      query.kind === 'account'
        ? this.#account(accounts, query.id, query.height)
        : this.#accounts(accounts, query.after, query.limit, query.height)
    )
  }

  #account(rules: AccountRules<unknown>, id: PeerIdBytes, height?: number): Answer {
    return this.#withState(height, state => ({
      kind: 'account',
      proof: encodeAccountProof(rules.prove(state, id))
    }))
  }

  #accounts(
    rules: AccountRules<unknown>,
    after: PeerIdBytes | undefined,
    limit: number,
    height?: number
  ): Answer {
    return this.#withState(height, state => {
      const most = Math.min(limit, LIMITS.accountsPage)
      const accounts: Uint8Array[] = []
      for (const account of rules.list(state, after)) {
        if (accounts.length >= most) break
        accounts.push(encodeAccount(account))
      }
      return { kind: 'accounts', accounts }
    })
  }

  /** What `tell` says of the state after a block, with the header that commits to it. */
  #withState(height: number | undefined, tell: (state: unknown) => Told): Answer {
    const { chain } = this
    const head = chain.head().header.height
    const kept = chain.stateAt(height ?? head)
    if (kept !== undefined) {
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
