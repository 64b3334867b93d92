import { type Database, type Write, writeDurably } from '../chain/store.js'
import type { StoredBodies } from './outbox-bodies.js'
import { type Draft, idIn, LAST_SEQUENCE, numbered } from './outbox-entries.js'

const ALL_DRAFTS = { gte: numbered('h', 0n), lte: numbered('h', LAST_SEQUENCE) }

/**
 * What was handed in while there was no key to seal it to: encrypted on disk, in the order in which it came. The batch
 * that writes the message takes its draft away, so that after a crash there is one of the two.
 */
export class StoredDrafts {
  private constructor(
    private readonly database: Database,
    private readonly bodies: StoredBodies,
    /** Those that earlier runs have left, in their order. */
    readonly left: readonly Draft[]
  ) {}

  #next = 0n

  static async open(database: Database, bodies: StoredBodies): Promise<StoredDrafts> {
    const left: Draft[] = []
    let next = 0n
    for await (const [key, stored] of database.iterator(ALL_DRAFTS)) {
      const body = bodies.decrypt(key, stored)
      left.push({ body, id: idIn(body), storedAt: key })
      next = Buffer.from(key).readBigUInt64BE(1) + 1n
    }
    const drafts = new StoredDrafts(database, bodies, left)
    drafts.#next = next
    return drafts
  }

  /** They are on disk when this resolves. Gives them as they are to be handed on. */
  async store(drafts: readonly Draft[]): Promise<Draft[]> {
    const stored = drafts.map((draft): Draft => ({ ...draft, storedAt: numbered('h', this.#next++) }))
    const writes = stored.flatMap(({ body, storedAt }): Write[] =>
      storedAt ? [{ type: 'put', key: storedAt, value: this.bodies.encrypt(storedAt, body) }] : []
    )
    await writeDurably(this.database, writes)
    return stored
  }
}
