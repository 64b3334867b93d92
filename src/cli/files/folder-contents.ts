import { type Database, networkIn, type Range, ranges, StoreError } from '../../chain/store.js'
import { authorIn, isOutbox } from '../../client/outbox-owner.js'
import { equal, type PeerIdBytes } from '../../core/bytes.js'
import { type Network, sequencerOf } from '../../core/network.js'

/** What a folder is for. Peers of one kind can take over each other's folders, as far as their keys allow. */
export const FOLDER_KINDS = [
  /** A sequencer's log, with its receipts and the messages that are in no block yet. */
  'sequencer',
  /** A client's own messages. */
  'client',
  /** The copy of the chain that a client keeps beside its messages. */
  'client copy',
  /** A copy of a sequencer's chain. */
  'follower',
  /** A chain that all may extend, and messages that are in no block. */
  'full node',
  /** A set of transfers with no order. */
  'replica'
] as const
export type FolderKind = (typeof FOLDER_KINDS)[number]

/** Within a client's folder: its copy of the chain, which is a database of its own. */
export const CHAIN_COPY = 'chain'

/** Whether it tells what its owner writes, which is private. Logs and sets are public. */
export function isPrivate(kind: FolderKind): boolean {
  return kind === 'client' || kind === 'client copy'
}

export type Contents =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'other network' }
  /** `kinds`: what it can be. `peerId`: whose it is, where that shows. */
  | {
      readonly kind: 'known'
      readonly kinds: readonly FolderKind[]
      readonly peerId: PeerIdBytes | undefined
    }

/** Recognizes the folder of a version that wrote no owner record. Throws StoreError where it is damaged. */
export async function contentsOf(database: Database, network: Network): Promise<Contents> {
  const document = await networkIn(database)
  if (document === undefined) {
    if (await isEmpty(database, {})) return { kind: 'nothing' }
    throw new StoreError('it has lost its network document')
  }
  if (!equal(document, network.canonical)) return { kind: 'other network' }
  if (await isOutbox(database))
    return { kind: 'known', kinds: ['client'], peerId: await authorIn(database, network) }
  const kinds = await kindsIn(database, network)
  const isOfSequencer = kinds.length === 1 && kinds[0] === 'sequencer'
  return { kind: 'known', kinds, peerId: isOfSequencer ? sequencerOf(network) : undefined }
}

async function kindsIn(database: Database, network: Network): Promise<readonly FolderKind[]> {
  if (network.kind === 'set') return ['replica']
  if (network.sequencer === undefined) return ['full node']
  const hasBlocks = !(await isEmpty(database, ranges.headers))
  const hasMessages = !(await isEmpty(database, ranges.messages))
  const hasReceipts = !(await isEmpty(database, ranges.receipts))
  if (hasReceipts || (hasMessages && !hasBlocks)) return ['sequencer']
  // Nothing was ever written but the network document.
  if (!hasBlocks) return ['sequencer', 'follower', 'client copy']
  return ['follower', 'client copy']
}

async function isEmpty(database: Database, range: Partial<Range>): Promise<boolean> {
  const keys = await database.keys({ ...range, limit: 1 }).all()
  return keys.length === 0
}
