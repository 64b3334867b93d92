import type { Balance } from '../../core/balance.js'
import type { Hash, PeerIdBytes } from '../../core/bytes.js'
import { TallystickError } from '../../core/errors.js'
import {
  type ByteString,
  byteString,
  bytesOf,
  hashString,
  type LeafKind,
  MerkleTrie
} from '../../core/merkle-trie.js'
import { U64_MAX } from '../../core/u64.js'
import type { Account } from './account.js'
import { type AccountProof, encodeAccount } from './account-proof.js'
import type { Transfer } from './transfer.js'

/** Thrown where accounts would have what no accounts can have. No other error says that: a verdict may come of this one. */
export class ImpossibleBalance extends TallystickError {
  override name = 'ImpossibleBalance'

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_IMPOSSIBLE_BALANCE', message, options)
  }
}

/**
 * Who has how much: an immutable value. Every transfer gives a new one that shares all but two paths with the one
 * before, so that the digest after a block hashes no more than what the block touched. What the accounts have and
 * `fees` are `supply` together, always, and that is a u64: no balance can grow over one.
 */
export class LedgerState {
  private constructor(
    private readonly accounts: Accounts,
    readonly supply: bigint,
    /** Paid by the messages of a block so far: its producer's, at the end of the block. */
    readonly fees: bigint
  ) {}

  /** What these have, between two blocks. Throws ImpossibleBalance where the balances are no u64 together. */
  static of(holdings: Iterable<Balance & Partial<Account>>): LedgerState {
    let accounts: Accounts = MerkleTrie.empty(ENTRIES)
    let supply = 0n
    for (const { id, balance, sequence } of holdings) {
      accounts = changed(accounts, id, balance, sequence)
      supply += balance
    }
    if (supply > U64_MAX) throw new ImpossibleBalance(`a supply of ${supply} is over ${U64_MAX}`)
    return new LedgerState(accounts, supply, 0n)
  }

  /**
   * As far as proofs show it, against its digest; the supply is not among that. Throws NotShown where they do not
   * hold. Whatever looks at another account throws NotShown, too.
   */
  static shown(digest: Hash, proofs: Iterable<AccountProof & Pick<Account, 'id'>>): LedgerState {
    const paths = Array.from(proofs, ({ id, leaf, path }) => ({
      place: hashString(id),
      leaf: leaf && { ...leaf, id: byteString(leaf.id) },
      siblings: path
    }))
    return new LedgerState(MerkleTrie.shown(ENTRIES, digest, paths), 0n, 0n)
  }

  /** Undefined where nothing was ever paid to it. */
  account(id: PeerIdBytes): Account | undefined {
    const found = this.accounts.get(hashString(id), isOf(byteString(id)))
    return found && { id, balance: found.balance, sequence: found.sequence }
  }

  /** In the order of the hashes of their ids. */
  *all(): Iterable<Account> {
    for (const entry of this.accounts.values()) yield accountOf(entry)
  }

  /** Those that come after an account, which need not be there, in the same order. */
  *after(id: PeerIdBytes): Iterable<Account> {
    for (const entry of this.accounts.valuesAfter(hashString(id))) yield accountOf(entry)
  }

  /** Throws ImpossibleBalance where the author has less than amount and fee. */
  transferred(author: PeerIdBytes, sequence: bigint, { to, amount, fee }: Transfer): LedgerState {
    const paid = changed(this.accounts, author, -(amount + fee), sequence)
    return new LedgerState(changed(paid, to, amount), this.supply, this.fees + fee)
  }

  /** The end of a block: its producer has the fees, and as much of the reward as leaves the supply a u64. */
  rewarded(producer: PeerIdBytes, reward: bigint): LedgerState {
    const room = U64_MAX - this.supply
    const made = reward < room ? reward : room
    const credit = this.fees + made
    if (credit === 0n) return this
    return new LedgerState(changed(this.accounts, producer, credit), this.supply + made, 0n)
  }

  digest(): Hash {
    return this.accounts.root()
  }

  /** Against `digest`, also of an account that is not there. */
  prove(id: PeerIdBytes): AccountProof {
    const { leaf, siblings } = this.accounts.path(hashString(id))
    return { leaf: leaf && accountOf(leaf), path: siblings }
  }
}

/** An account as the state holds it. */
interface Entry extends Omit<Account, 'id'> {
  readonly id: ByteString
}

type Accounts = MerkleTrie<Entry>

const ENTRIES: LeafKind<Entry> = {
  place: ({ id }) => hashString(bytesOf(id)),
  data: entry => encodeAccount(accountOf(entry))
}

function accountOf({ id, balance, sequence }: Entry): Account {
  return { id: bytesOf(id) as PeerIdBytes, balance, sequence }
}

/** Whether an entry is the account with this id, which its place tells less quickly. */
function isOf(id: ByteString): (entry: Entry) => boolean {
  return entry => entry.id === id
}

/** Throws ImpossibleBalance where the balance would be no u64. Without a `sequence` that stays as it is. */
function changed(accounts: Accounts, id: PeerIdBytes, difference: bigint, sequence?: bigint): Accounts {
  const name = byteString(id)
  const next = (before: Entry | undefined): Entry => {
    const balance = (before?.balance ?? 0n) + difference
    if (balance < 0n || balance > U64_MAX) throw new ImpossibleBalance(`a balance of ${balance} is no u64`)
    return { id: before?.id ?? name, balance, sequence: sequence ?? before?.sequence ?? 0n }
  }
  return accounts.change(hashString(id), next, isOf(name))
}
