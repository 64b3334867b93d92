import { Chain } from '../chain/chain.js'
import { expectOnlyBlocks } from '../chain/indexes.js'
import { type Database, UNCHECKED_KEY, writeDurably } from '../chain/store.js'
import type { Report } from '../core/events.js'
import type { AddressBook } from '../network/address-book.js'
import type { Host } from '../network/host.js'
import { topicsOf } from '../network/names.js'
import { PersistentPeers } from '../network/persistent-peers.js'
import { SequencerQueries } from '../query/sequencer-queries.js'
import { BlockImporter, type Verification } from '../replication/chain/block-importer.js'
import { Sync } from '../replication/chain/sync.js'
import { EquivocationDetector } from '../replication/evidence/equivocation-detector.js'
import type { EvidenceKeeper } from '../replication/evidence/evidence-keeper.js'
import type { Rules } from '../rules/rules.js'
import { ValidationPool } from '../validation/validation-pool.js'

export interface FollowingOptions {
  readonly rules: Rules
  /** Of those rules. */
  readonly copy: Copy
  readonly host: Host
  readonly book: AddressBook
  /** Is shown what may be evidence, and asks each neighbour for what it has. */
  readonly keeper: Pick<EvidenceKeeper, 'suspect' | 'ask'>
  readonly now: () => number
  readonly report: Report
  /** Hears of neighbours that do not answer. */
  readonly unanswered: Report
  readonly failed: (error: Error) => void
}

/** Keeps a verified copy of a sequencer's chain level with its neighbours: whoever follows is made of these. */
export interface Following {
  readonly detector: EquivocationDetector
  readonly importer: BlockImporter
  readonly pool: ValidationPool
  readonly neighbours: PersistentPeers
  readonly sync: Sync
}

/** The chain as one peer has it on disk. */
export interface Copy {
  readonly chain: Chain
  readonly verification: Verification
  /** The height up to which blocks were taken, in earlier runs, without the signatures of their messages. */
  readonly uncheckedTo: number
}

/** Throws StoreError if the folder is damaged, holds more than blocks, or belongs to another network. */
export async function openCopy(database: Database, rules: Rules, verification: Verification): Promise<Copy> {
  const chain = await Chain.open(database, rules)
  const { height, size } = chain.head().header
  await expectOnlyBlocks(database, size)
  const uncheckedTo = verification === 'full' ? await boundUnchecked(database, height) : height
  // Before the first block comes in that is not checked whole.
  if (verification === 'headers')
    await writeDurably(database, [{ type: 'put', key: UNCHECKED_KEY, value: NO_BOUND }])
  return { chain, verification, uncheckedTo }
}

/** Until it is opened for full verification again, nobody knows how far this reaches. */
const NO_BOUND = new Uint8Array(0)

async function boundUnchecked(database: Database, height: number): Promise<number> {
  const known = await database.get(UNCHECKED_KEY)
  if (known === undefined) return 0
  if (known.length > 0) return Buffer.from(known).readUIntBE(0, known.length)
  const bound = Buffer.alloc(6)
  bound.writeUIntBE(height, 0, bound.length)
  await writeDurably(database, [{ type: 'put', key: UNCHECKED_KEY, value: bound }])
  return height
}

export function following(options: FollowingOptions): Following {
  const { rules, copy, host, book, keeper, now, report, unanswered, failed } = options
  const { chain, verification, uncheckedTo } = copy
  const { network } = rules
  const detector = new EquivocationDetector(chain, evidence => keeper.suspect(evidence))
  const pool = new ValidationPool(network, undefined, { report })
  const importer = new BlockImporter(chain, pool, verification, now, uncheckedTo)
  const neighbours = new PersistentPeers(
    host,
    book,
    peer => {
      sync.joined(peer)
      keeper.ask(new SequencerQueries(host, peer, network))
    },
    unanswered
  )
  const sync: Sync = new Sync({
    host,
    topic: topicsOf(network.id).blocks,
    rules,
    chain,
    importer,
    neighbours,
    now,
    report,
    extended: signed => {
      report({ event: 'block', signed })
      detector.extended(signed)
    },
    detector,
    failed
  })
  return { detector, importer, pool, neighbours, sync }
}
