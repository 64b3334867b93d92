import type { AccountRules } from '../applications/application.js'
import type { Account } from '../applications/ledger/account.js'
import {
  decodeAccount,
  decodeAccountProof,
  verifyAccountProof
} from '../applications/ledger/account-proof.js'
import { ImpossibleBalance } from '../applications/ledger/state.js'
import { genesisCursor } from '../chain/cursor.js'
import type { Answer } from '../core/answer.js'
import type { CheckpointedHeader } from '../core/block.js'
import { equal, type Hash, type PeerIdBytes } from '../core/bytes.js'
import { sha256 } from '../core/hash.js'
import { LIMITS } from '../core/limits.js'
import { LogQueries } from './log-queries.js'
import { unexpected } from './query-client.js'
import { InvalidAnswer, QueryFailed } from './query-errors.js'

/** After which block, and what its state has. */
export interface ShownAccount {
  readonly signed: CheckpointedHeader
  /** One that nothing was ever paid to has 0 and 0. */
  readonly account: Account
}

export interface ShownAccounts {
  readonly signed: CheckpointedHeader
  /** All of them, in the order of the hashes of their ids. */
  readonly accounts: readonly Account[]
}

/** Asks for accounts as well, and believes what the state of a verified header proves. */
export class AccountQueries extends LogQueries {
  /** After the block at `height`; without one, after the peer's head. */
  async account(id: PeerIdBytes, height?: number): Promise<ShownAccount> {
    const before = this.shownHead
    const answer = await this.client.one({ kind: 'account', id, height })
    if (answer.kind !== 'account') return unexpected(answer)
    const signed = this.#headerOf(answer, height)
    await this.#expectVerified(signed)
    if (height === undefined) this.expectNoOlder(signed, before)
    const proved = verifyAccountProof(id, decodeAccountProof(answer.proof), signed.header.state)
    switch (proved.kind) {
      case 'proved':
        // The maker of a header may have named any state.
        if (this.#accountRules().isPossible(proved.account, signed.header))
          return { signed, account: proved.account }
        throw new InvalidAnswer(`the account cannot have this in the state of block ${signed.header.height}`)
      case 'absent':
        return { signed, account: { id, balance: 0n, sequence: 0n } }
      case 'invalid':
        throw new InvalidAnswer(
          `the proof of the account does not lead to the state of block ${signed.header.height}`
        )
    }
  }

  /** Every account there is: together they give the state of a verified header, so that none is left out. */
  async accounts(height?: number): Promise<ShownAccounts> {
    const before = this.shownHead
    const { signed, accounts } = await this.#page(height, undefined)
    await this.#expectVerified(signed)
    if (height === undefined) this.expectNoOlder(signed, before)
    const most = this.#accountRules().mostAccounts(signed.header)
    for (let size = 0; accounts.length > size; ) {
      size = accounts.length
      const next = await this.#page(signed.header.height, accounts.at(-1))
      if (!equal(next.signed.id, signed.id))
        throw new QueryFailed("the peer's chain moved to another branch before all accounts came; ask again")
      accounts.push(...next.accounts)
      if (accounts.length > most)
        throw new InvalidAnswer(
          `more than ${most} accounts cannot be in the state of block ${signed.header.height}`
        )
    }
    if (!equal(digestOf(this.#accountRules(), accounts), signed.header.state))
      throw new InvalidAnswer(`these accounts do not give the state of block ${signed.header.height}`)
    return { signed, accounts }
  }

  /** Its header has not been verified, nor has anything else. */
  async #page(height: number | undefined, last: Account | undefined): Promise<Page> {
    const limit = LIMITS.accountsPage
    const answer = await this.client.one({ kind: 'accounts', height, after: last?.id, limit })
    if (answer.kind !== 'accounts') return unexpected(answer)
    const accounts = answer.accounts.map(decodeAccount)
    let before = last
    for (const account of accounts) {
      if (before !== undefined && Buffer.compare(sha256(before.id), sha256(account.id)) >= 0)
        throw new InvalidAnswer('the accounts do not come in their order')
      before = account
    }
    return { signed: this.#headerOf(answer, height), accounts }
  }

  #headerOf(
    { header, checkpoint }: Extract<Answer, { kind: 'account' | 'accounts' }>,
    height: number | undefined
  ): CheckpointedHeader {
    // Nobody signs the genesis.
    const signed =
      header.length === 0 ? genesisCursor(this.rules).signed : this.reader.header(header, checkpoint)
    if (height !== undefined && signed.header.height !== height)
      throw new InvalidAnswer(`asked for the accounts after block ${height}, was given those after another`)
    return signed
  }

  /** Throws InvalidAnswer where the network has no accounts: nothing that is said of them can be true. */
  #accountRules(): AccountRules<unknown> {
    const { accounts } = this.rules.application
    if (accounts === undefined) throw new InvalidAnswer('this network has no accounts')
    return accounts
  }

  async #expectVerified(signed: CheckpointedHeader): Promise<void> {
    if (signed.header.height > 0) await this.expectStands(signed)
  }
}

interface Page extends ShownAccounts {
  readonly accounts: Account[]
}

/** Throws InvalidAnswer where there cannot be such accounts. */
function digestOf(rules: AccountRules<unknown>, accounts: readonly Account[]): Hash {
  try {
    return rules.digestOf(accounts)
  } catch (error) {
    if (error instanceof ImpossibleBalance)
      throw new InvalidAnswer(`there cannot be these accounts: ${error.message}`)
    throw error
  }
}
