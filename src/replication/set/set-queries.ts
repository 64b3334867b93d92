import { ledgerSectionOf } from '../../applications/ledger/section.js'
import { transferId } from '../../applications/ledger/transfer-set.js'
import type { Balance } from '../../core/balance.js'
import { type EnvelopeBytes, equal, type Hash, type PeerIdBytes, toHex } from '../../core/bytes.js'
import { decodeEnvelope } from '../../core/envelope.js'
import { LIMITS } from '../../core/limits.js'
import type { SetNetwork } from '../../core/network.js'
import type { Summary } from '../../core/set-summary.js'
import type { Host } from '../../network/host.js'
import { QueryClient, unexpected } from '../../query/query-client.js'
import { InvalidAnswer, QueryFailed } from '../../query/query-errors.js'

export interface SetStatus {
  /** How many transfers. */
  readonly count: number
  readonly digest: Hash
}

/**
 * Asks one peer for what it has where nobody orders anything. What it tells of is there, and is what was asked for;
 * whether it is valid, whoever asks finds out. Throws Untrue where an answer cannot be true.
 */
export class SetQueries {
  readonly #client: QueryClient
  readonly #messageBytes: number
  /** Accounts that are there before any transfer. */
  readonly #granted: number

  constructor(host: Host, peer: PeerIdBytes, network: SetNetwork) {
    this.#client = new QueryClient(host, peer, network.id)
    this.#granted = Object.keys(ledgerSectionOf(network.document.application)?.accounts ?? {}).length
    this.#messageBytes = network.document.limits.messageBytes
  }

  async status(): Promise<SetStatus> {
    const answer = await this.#client.one({ kind: 'status' })
    return answer.kind === 'set' ? answer : unexpected(answer)
  }

  async summary(prefix: string): Promise<Summary> {
    const answer = await this.#client.one({ kind: 'summary', prefix })
    if (answer.kind !== 'summary') return unexpected(answer)
    const { summary } = answer
    if (summary.kind === 'parts' && prefix.length >= LIMITS.summaryDigits)
      throw new InvalidAnswer(
        `more than ${LIMITS.summaryIds} ids begin with ${prefix}, says the peer; nobody can find so many`
      )
    if (summary.kind === 'ids' && !summary.ids.every(id => toHex(id).startsWith(prefix)))
      throw new InvalidAnswer(`asked for ids that begin with ${prefix}, was given others`)
    return summary
  }

  /** All of these that the peer has told of. */
  async transfers(ids: readonly Hash[]): Promise<readonly EnvelopeBytes[]> {
    const answer = await this.#client.one({ kind: 'transfers', ids })
    if (answer.kind !== 'transfers') return unexpected(answer)
    const { envelopes } = answer
    if (envelopes.length !== ids.length)
      throw new InvalidAnswer(`${envelopes.length} of ${ids.length} transfers came that the peer said it has`)
    for (const [index, id] of ids.entries()) this.#expectId(envelopes[index], id)
    return envelopes
  }

  /** The peer's word: nothing is signed. */
  async balance(id: PeerIdBytes): Promise<bigint> {
    const answer = await this.#client.one({ kind: 'account', id, height: undefined })
    if (answer.kind !== 'balance') return unexpected(answer)
    if (!equal(answer.id, id)) throw new InvalidAnswer('asked for one account, was given another')
    return answer.balance
  }

  /**
   * All accounts, page by page, in any order; those of new ones as well that come meanwhile. The peer's word; but it
   * cannot have more of them than its transfers have made.
   */
  async balances(): Promise<readonly Balance[]> {
    const balances = new Map<string, Balance>()
    let most = await this.#mostAccounts()
    for (let after: PeerIdBytes | undefined; ; ) {
      const answer = await this.#client.one({
        kind: 'accounts',
        height: undefined,
        after,
        limit: LIMITS.accountsPage
      })
      if (answer.kind !== 'balances') return unexpected(answer)
      const before = balances.size
      for (const balance of answer.balances) balances.set(toHex(balance.id), balance)
      if (balances.size !== before + answer.balances.length) throw new InvalidAnswer('an account came twice')
      if (balances.size > most) {
        // It may have grown meanwhile.
        most = await this.#mostAccounts()
        if (balances.size > most)
          throw new InvalidAnswer(`more than ${most} accounts cannot be in the set that the peer says it has`)
      }
      if (balances.size > LIMITS.listedAccounts)
        throw new QueryFailed(
          `there are more than ${LIMITS.listedAccounts} accounts; ask for each by its name, or keep the set yourself`
        )
      const last = answer.balances.at(-1)
      if (last === undefined) return [...balances.values()]
      after = last.id
    }
  }

  /** Those of the network document, and of each transfer its author and its receiver. */
  async #mostAccounts(): Promise<number> {
    const { count } = await this.status()
    return this.#granted + 2 * count
  }

  #expectId(envelope: EnvelopeBytes | undefined, id: Hash): void {
    if (envelope === undefined || envelope.length > this.#messageBytes)
      throw new InvalidAnswer(`transfer ${toHex(id)} is longer than a message may be`)
    if (!equal(transferId(decodeEnvelope(envelope).payload), id))
      throw new InvalidAnswer(`asked for transfer ${toHex(id)}, was given another`)
  }
}
