import { generateKeyPair } from '@libp2p/crypto/keys'
import { applyBlock } from '#src/applications/application.js'
import { LedgerApplication } from '#src/applications/ledger/ledger.js'
import { LedgerState } from '#src/applications/ledger/state.js'
import { encodeTransfer } from '#src/applications/ledger/transfer.js'
import { genesisOf, type Header } from '#src/core/block.js'
import { concat, type PeerIdBytes, utf8 } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { signerOf } from '#src/core/keys.js'
import type { Message } from '#src/core/message.js'

export interface LedgerLoad {
  readonly accounts: number
  readonly transfers: number
}

export interface LedgerFigures {
  readonly accounts: number
  /** Of the state with all hashes, in all and an account. */
  readonly memoryMb: number
  readonly bytesPerAccount: number
  readonly buildSeconds: number
  /** Transfers a second between known accounts, decoded, judged and applied; and with the digest after each block. */
  readonly applyPerSecond: number
  readonly inBlocksOf100PerSecond: number
  readonly inBlocksOf1000PerSecond: number
  /** Transfers a second whose receiver is new, so that its key is read. */
  readonly toNewAccountsPerSecond: number
}

const NEWCOMERS = 1000
const NETWORK = sha256(utf8('bench'))

/** Applies transfers to a state with many accounts. `heap`: what is in use after a collection, bytes. */
export async function ledgerFigures(
  { accounts, transfers }: LedgerLoad,
  heap: () => number
): Promise<LedgerFigures> {
  const ledger = new LedgerApplication({ type: 'ledger', accounts: {} })
  const before = heap()
  const start = performance.now()
  let state = LedgerState.of(balances(accounts))
  state.digest()
  const buildSeconds = (performance.now() - start) / 1000
  const bytes = heap() - before

  const payments = paymentsAmong(accounts, transfers)
  const perSecond = (messages: readonly Message[], blockSize: number, withDigest: boolean): number => {
    const begin = performance.now()
    for (let index = 0; index < messages.length; index += blockSize) {
      const block = applyBlock(ledger, state, HEADER, messages.slice(index, index + blockSize))
      if (!block.ok) throw new Error(block.refusal.detail)
      state = block.state
      if (withDigest) state.digest()
    }
    return Math.round((messages.length * 1000) / (performance.now() - begin))
  }
  const third = Math.ceil(transfers / 3)
  const applyPerSecond = perSecond(payments.slice(0, third), transfers, false)
  const inBlocksOf100PerSecond = perSecond(payments.slice(third, 2 * third), 100, true)
  const inBlocksOf1000PerSecond = perSecond(payments.slice(2 * third), 1000, true)
  const toNewAccountsPerSecond = perSecond(await welcomes(state), NEWCOMERS, false)
  return {
    accounts,
    memoryMb: Math.round(bytes / 1e6),
    bytesPerAccount: Math.round(bytes / accounts),
    buildSeconds: Math.round(buildSeconds * 10) / 10,
    applyPerSecond,
    inBlocksOf100PerSecond,
    inBlocksOf1000PerSecond,
    toNewAccountsPerSecond
  }
}

/** Valid one after the other, each between any two accounts. */
function paymentsAmong(accounts: number, count: number): Message[] {
  const sequences = new Map<number, bigint>()
  return Array.from({ length: count }, (_, index) => {
    const author = spread(2 * index, accounts)
    const sequence = (sequences.get(author) ?? 0n) + 1n
    sequences.set(author, sequence)
    return transfer(accountAt(author), sequence, accountAt(spread(2 * index + 1, accounts)))
  })
}

/** From one account to as many new ones, which have real keys. */
async function welcomes(state: LedgerState): Promise<Message[]> {
  const keys = await Promise.all(Array.from({ length: NEWCOMERS }, () => generateKeyPair('Ed25519')))
  const payer = accountAt(0)
  const last = state.account(payer)?.sequence ?? 0n
  return keys.map((key, index) => transfer(payer, last + BigInt(index + 1), signerOf(key).peerId))
}

/** Accounts that are in the state are not asked for their keys, so that these need none. */
function accountAt(index: number): PeerIdBytes {
  return concat(Uint8Array.of(0, 36, 8, 1, 18, 32), sha256(utf8(`account ${index}`))) as PeerIdBytes
}

function* balances(accounts: number): Iterable<{ readonly id: PeerIdBytes; readonly balance: bigint }> {
  for (let index = 0; index < accounts; index += 1) yield { id: accountAt(index), balance: 10n ** 12n }
}

/** Any account, and the same one in each run. */
function spread(index: number, accounts: number): number {
  return Buffer.from(sha256(utf8(`draw ${index}`))).readUInt32BE() % accounts
}

function transfer(author: PeerIdBytes, sequence: bigint, to: PeerIdBytes): Message {
  const bytes = encodeTransfer({ to, amount: 5n, fee: 1n })
  return { network: NETWORK, author, sequence, time: 0, body: { kind: 'open', bytes } }
}

const HEADER: Header = { ...genesisOf(NETWORK, NETWORK, 0).header, height: 1, producer: accountAt(1) }
