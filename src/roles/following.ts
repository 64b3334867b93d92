import { Chain } from '../chain/chain.js'
import type { Rules } from '../chain/cursor.js'
import { expectOnlyBlocks } from '../chain/indexes.js'
import type { Database } from '../chain/store.js'
import type { Host } from '../network/host.js'
import { topicsOf } from '../network/names.js'
import type { AddressBook } from '../node/address-book.js'
import { BlockImporter, type Verification } from '../node/block-importer.js'
import type { Report } from '../node/events.js'
import type { EvidenceKeeper } from '../node/evidence-keeper.js'
import { Neighbours } from '../node/neighbours.js'
import { SequencerAsker } from '../node/sequencer-asker.js'
import { Sync } from '../node/sync.js'
import { ValidationPool } from '../node/validation-pool.js'
import { Witness } from '../node/witness.js'

export interface FollowingOptions {
  readonly rules: Rules
  /** Of those rules, from `openCopy`. */
  readonly chain: Chain
  readonly verification: Verification
  readonly host: Host
  readonly book: AddressBook
  /** Is shown what may be evidence, and asks each neighbour for what it has. */
  readonly keeper: Pick<EvidenceKeeper, 'suspect' | 'ask'>
  readonly now: () => number
  readonly report: Report
  readonly failed: (error: Error) => void
}

/** Keeps a verified copy of a sequencer's chain level with its neighbours: whoever follows is made of these. */
export interface Following {
  readonly chain: Chain
  readonly witness: Witness
  readonly importer: BlockImporter
  readonly pool: ValidationPool
  readonly neighbours: Neighbours
  readonly sync: Sync
}

/** Throws StoreError if the folder is damaged, or holds more than blocks. */
export async function openCopy(database: Database, rules: Rules): Promise<Chain> {
  const chain = await Chain.open(database, rules)
  await expectOnlyBlocks(database, chain.head().header.size)
  return chain
}

export function following(options: FollowingOptions): Following {
  const { rules, chain, verification, host, book, keeper, now, report, failed } = options
  const { network } = rules
  const witness = new Witness(chain, evidence => keeper.suspect(evidence))
  const pool = new ValidationPool(network)
  const importer = new BlockImporter(chain, pool, verification, now)
  const neighbours = new Neighbours(
    host,
    book,
    peer => {
      sync.wake()
      keeper.ask(new SequencerAsker(host, peer, network))
    },
    report
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
      witness.extended(signed)
    },
    witness,
    failed
  })
  return { chain, witness, importer, pool, neighbours, sync }
}
