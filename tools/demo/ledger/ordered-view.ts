import { LedgerState } from '#src/applications/ledger/state.js'
import { genesisCursor } from '#src/chain/cursor.js'
import { equal, toHex } from '#src/core/bytes.js'
import { peerIdToString } from '#src/core/keys.js'
import type { AccountQueries } from '#src/query/account-queries.js'
import { demand } from '../../scenario/checks.js'
import { readSigned, type SignedTransfer } from './signed-transfer.js'
import type { ShownBlock, View } from './view.js'

/** All blocks of a peer, each verified with its state from the first one on, and all its accounts. Throws where anything does not hold. */
export async function orderedView(peer: string, asker: AccountQueries): Promise<View> {
  const transfers: SignedTransfer[] = []
  const blocks: ShownBlock[] = []
  let last = genesisCursor(asker.rules)
  for await (const { block, cursor } of asker.chainAfter(last)) {
    transfers.push(...block.envelopes.map(readSigned))
    const { producer, count } = block.signed.header
    blocks.push({ producer: peerIdToString(producer), count })
    last = cursor
  }
  const { signed, state } = last
  demand(state instanceof LedgerState, 'the network keeps no ledger')
  const shown = await asker.accounts()
  demand(equal(shown.signed.id, signed.id), `${peer} shows accounts of another block than its last one`)
  return {
    peer,
    digest: toHex(state.digest()),
    head: toHex(signed.id),
    balances: new Map(shown.accounts.map(({ id, balance }) => [peerIdToString(id), balance])),
    transfers,
    blocks
  }
}
