import { LIMITS } from './limits.js'
import type { RepeatedField } from './wire/shapes.js'

/**
 * How many elements each repeated field of the .proto file may have, wherever its message comes from. One more is
 * refused before any of them is decoded. A field without a limit here does not compile.
 */
export const ELEMENTS: Readonly<Record<RepeatedField, number>> = {
  'AccountProof.path': LIMITS.trieHashes,
  'Bundle.envelopes': LIMITS.bundleMessages,
  'Block.envelopes': LIMITS.blockMessages,
  'Receipt.entries': LIMITS.journalBatch,
  'BrokenReceipt.path': LIMITS.treeHashes,
  'BrokenLog.peaks': LIMITS.treeHashes,
  'BrokenLog.leaves': LIMITS.blockMessages,
  'BrokenState.envelopes': LIMITS.blockMessages,
  // Of each message the author and the receiver, and the producer of the block.
  'BrokenState.proofs': 2 * LIMITS.blockMessages + 1,
  'BlockIds.ids': LIMITS.blockIds,
  'TransferIds.ids': LIMITS.transferIds,
  'AccountsAnswer.accounts': LIMITS.accountsPage,
  'NodeAnswer.addresses': LIMITS.nodeAddresses,
  'NodeAnswer.peers': LIMITS.nodePeers,
  'Mined.blocks': LIMITS.miningRequests.blocks,
  'BlockAnswer.peaks': LIMITS.treeHashes,
  'InclusionProof.path': LIMITS.treeHashes,
  'ConsistencyProof.path': LIMITS.treeHashes,
  'SetSummary.ids': LIMITS.summaryIds,
  'SetSummary.parts': LIMITS.summaryParts,
  'Transfers.envelopes': LIMITS.transferIds,
  'Balances.balances': LIMITS.accountsPage,
  'Submission.envelopes': LIMITS.bundleMessages,
  'Fates.fates': LIMITS.bundleMessages,
  'Addresses.addresses': LIMITS.toldAddresses
}
