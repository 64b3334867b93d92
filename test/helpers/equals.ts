import assert from 'node:assert/strict'
import { Chain, type ImportResult } from '#src/chain/chain.js'
import { Mempool, type Pooled } from '#src/chain/mempool.js'
import type { Database } from '#src/chain/store.js'
import { type Block, encodeBlock } from '#src/core/block.js'
import { fromHex, type PeerIdBytes } from '#src/core/bytes.js'
import { VerifierCache } from '#src/core/keys.js'
import { BlockArrivals, type Moved } from '#src/replication/chain/block-arrivals.js'
import { BlockImporter } from '#src/replication/chain/block-importer.js'
import { messageRules } from '#src/validation/message-rules.js'
import type { ValidationPool } from '#src/validation/validation-pool.js'
import type { Made } from './authors.js'
import { EPOCH } from './blocks.js'
import { type CheckedPeer, checkDatabase } from './check-peer.js'
import type { RuledNetwork } from './networks.js'
import { MessageJudge } from './raw-tables.js'

/** Later than any block of these tests. */
export const LATER = EPOCH + 1_000_000_000

const SOMEBODY = new Uint8Array(38) as PeerIdBytes

/** One for all peers of a network: messages are the same everywhere. */
const judges = new WeakMap<RuledNetwork, MessageJudge>()

function judgeOf(net: RuledNetwork): MessageJudge {
  const judge = judges.get(net) ?? new MessageJudge(messageRules(net.rules))
  judges.set(net, judge)
  return judge
}

/** The chain and the pool of a peer among equals on a real database, and the way of blocks to them. */
export class EqualLog {
  /** Since it was opened. */
  readonly moves: Moved[] = []
  readonly arrivals: BlockArrivals

  private constructor(
    readonly net: RuledNetwork,
    readonly database: Database,
    readonly chain: Chain,
    readonly pool: Mempool,
    /** That the pool has told of. */
    readonly failures: readonly Error[],
    validation: ValidationPool,
    private readonly now: () => number
  ) {
    const importer = new BlockImporter(chain, validation, 'full', now)
    this.arrivals = new BlockArrivals(
      chain,
      importer,
      () => 0,
      moved => this.moves.push(moved),
      now
    )
  }

  /** As a peer opens them at its start. Throws StoreError where the database is damaged. */
  static async open(
    net: RuledNetwork,
    database: Database,
    validation: ValidationPool,
    now = () => LATER
  ): Promise<EqualLog> {
    const failures: Error[] = []
    const pool = await Mempool.open(database, messageRules(net.rules), new VerifierCache(), error =>
      failures.push(error)
    )
    const chain = await Chain.open(database, net.rules, pool)
    return new EqualLog(net, database, chain, pool, failures, validation, now)
  }

  /** A block as gossip brings it: one that comes before its parent is kept. */
  async hear(block: Block): Promise<ImportResult> {
    return this.arrivals.hear(block, SOMEBODY, encodeBlock(block).length)
  }

  /** A message for the pool; on disk when this resolves. */
  async submit(message: Made): Promise<Pooled> {
    const pooled = this.pool.add(message)
    await this.pool.stored()
    return pooled
  }

  /** All that is on disk is in order, and what is in memory agrees with it. */
  async check(): Promise<CheckedPeer> {
    const checked = await checkDatabase(this.database, this.net, {
      receipts: false,
      judge: judgeOf(this.net),
      now: this.now()
    })
    assert.deepEqual(checked.head.id, this.chain.head().id)
    assert.equal(checked.weight, this.chain.weight())
    assert.equal(this.pool.size, checked.waiting.length)
    for (const { author, sequence, leaf } of checked.waiting) {
      const name = { author: fromHex(author) as PeerIdBytes, sequence }
      assert.deepEqual(this.pool.waitingAs(name)?.leaf, leaf)
    }
    for (const { id } of checked.sides) assert.ok(this.chain.place(id), 'a block beside')
    return checked
  }
}
