import type { Account } from '#src/applications/ledger/account.js'
import { encodeAccount } from '#src/applications/ledger/account-proof.js'
import type { LedgerSection } from '#src/applications/ledger/section.js'
import { encodeTransfer, type Transfer } from '#src/applications/ledger/transfer.js'
import type { Balance } from '#src/core/balance.js'
import { genesisOf, type Header } from '#src/core/block.js'
import type { Hash, PeerIdBytes } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { peerIdToString, type Signer } from '#src/core/keys.js'
import type { Message } from '#src/core/message.js'
import { type KeyName, seedOf, signerNamed } from './core.js'
import { trieRoot } from './tries.js'

export const LEDGER_NETWORK = seedOf('a network with a ledger')

/** Someone with a key, and so with an account. */
export interface Holder {
  readonly name: string
  readonly signer: Signer
  readonly id: PeerIdBytes
  readonly text: string
}

export async function holder(name: string, type: KeyName = 'Ed25519'): Promise<Holder> {
  const signer = await signerNamed(name, type)
  return { name, signer, id: signer.peerId, text: peerIdToString(signer.peerId) }
}

export function ledgerDocument(
  accounts: readonly Balance[],
  terms: { readonly reward?: bigint; readonly leastFee?: bigint } = {}
): LedgerSection {
  return {
    type: 'ledger',
    accounts: Object.fromEntries(accounts.map(({ id, balance }) => [peerIdToString(id), String(balance)])),
    ...Object.fromEntries(Object.entries(terms).map(([name, value]) => [name, String(value)]))
  }
}

/** What an author says to move something. */
export function transferMessage(
  author: Pick<Holder, 'id'>,
  sequence: bigint,
  transfer: Omit<Transfer, 'fee'> & { readonly fee?: bigint },
  changes: Partial<Message> = {}
): Message {
  const bytes = encodeTransfer({ fee: 0n, ...transfer })
  return {
    network: LEDGER_NETWORK,
    author: author.id,
    sequence,
    time: 1_700_000_000_000,
    body: { kind: 'open', bytes },
    ...changes
  }
}

/** The digest of a state with these accounts, as it is defined. */
export function stateDigest(accounts: Iterable<Account>): Hash {
  return trieRoot([...accounts].map(account => ({ place: sha256(account.id), data: encodeAccount(account) })))
}

/** A block that `producer` has made, as far as a ledger looks at it. */
export function blockBy(producer: Pick<Holder, 'id'>): Header {
  return { ...genesisOf(LEDGER_NETWORK, LEDGER_NETWORK, 0).header, height: 1, producer: producer.id }
}
