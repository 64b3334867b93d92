import type { Section } from '../../core/network.js'

/** Amounts are u64 in decimal digits. */
export interface LedgerSection extends Section {
  readonly type: 'ledger'
  /** What accounts have at first, by PeerId. */
  readonly accounts: Readonly<Record<string, string>>
  /** What each block makes for its producer. None where it is left out. */
  readonly reward?: string
  /** The least fee of a transfer. None where it is left out. */
  readonly leastFee?: string
}

/** The section of a network whose messages are transfers; undefined for any other. */
export function ledgerSectionOf(section: Section): LedgerSection | undefined {
  return isLedger(section) ? section : undefined
}

/** What has passed the schema of network documents is what its type says. */
function isLedger(section: Section): section is LedgerSection {
  return section.type === 'ledger'
}
