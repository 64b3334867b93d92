import {
  type Database,
  keys,
  ranges,
  StoreError,
  type Write,
  writeDurably,
  writeLazily
} from '../chain/store.js'
import { toHex } from '../core/bytes.js'

/** How much of its grace a key that was replaced has had. */
interface Grace {
  readonly keyId: Uint8Array
  /** ms, up to when it was noted. */
  readonly had: number
  /** It was noted at these times, by the wall clock and by the monotonic one. */
  readonly now: number
  readonly clock: number
  readonly isOver: boolean
}

export interface Clocks {
  /** ms since 1970; may be set forward and back. */
  readonly now: () => number
  /** A monotonic clock, ms; begins anew with each process, and may stand still while the machine sleeps. */
  readonly clock: () => number
}

const VALUE_BYTES = 17

/**
 * How much of their grace the replaced encryption keys have had, over restarts and whatever is done to the clock. While
 * the process runs, the clock that is further counts; while it does not, only the wall clock is there, and counts where
 * it went forward. So a clock that is set back lengthens no grace, but for what was not noted yet when the process was
 * killed; one that is set forward may shorten it, which costs a client no more than sealing its messages once again.
 *
 * Each is on disk under `g keyId(8)`: over(1) had(8) noted(8), the last two in ms.
 */
export class KeyGraces {
  readonly #graces = new Map<string, Grace>()

  private constructor(
    private readonly database: Database,
    private readonly clocks: Clocks
  ) {}

  /** Throws StoreError if the folder is damaged. */
  static async open(database: Database, clocks: Clocks): Promise<KeyGraces> {
    const graces = new KeyGraces(database, clocks)
    for await (const [key, value] of database.iterator(ranges.graces)) {
      if (value.length !== VALUE_BYTES)
        throw new StoreError(`the grace of the encryption key ${toHex(key.subarray(1))} is damaged`)
      const bytes = Buffer.from(value)
      const noted = Number(bytes.readBigUInt64BE(9))
      const had = Number(bytes.readBigUInt64BE(1)) + Math.max(0, clocks.now() - noted)
      graces.#hold(key.subarray(1), had, bytes[0] === 1)
    }
    await graces.note(Number.POSITIVE_INFINITY)
    return graces
  }

  has(keyId: Uint8Array): boolean {
    return this.#graces.has(toHex(keyId))
  }

  isOver(keyId: Uint8Array): boolean {
    return this.#graces.get(toHex(keyId))?.isOver === true
  }

  /** How much of its grace a key has had, ms; 0 where none has begun. */
  had(keyId: Uint8Array): number {
    const grace = this.#graces.get(toHex(keyId))
    if (grace === undefined) return 0
    const { now, clock } = this.clocks
    return grace.had + Math.max(0, now() - grace.now, clock() - grace.clock)
  }

  /** Graces that begin, or have begun so long ago; `ended`: the key is the newest again and has none. */
  async begin(
    begun: readonly { readonly keyId: Uint8Array; readonly had: number }[],
    ended: Uint8Array
  ): Promise<void> {
    for (const { keyId, had } of begun) this.#hold(keyId, had, false)
    const forgotten = this.#graces.delete(toHex(ended))
    await writeDurably(this.database, [
      ...begun.map(({ keyId }) => this.#put(keyId)),
      ...(forgotten ? [{ type: 'del', key: keys.grace(ended) } as const] : [])
    ])
  }

  /** These are over for good. On disk when this resolves: only then may a message be refused for it. */
  async end(keyIds: readonly Uint8Array[]): Promise<void> {
    await writeDurably(
      this.database,
      keyIds.map(keyId => this.#put(keyId, true))
    )
    for (const keyId of keyIds) this.#hold(keyId, this.had(keyId), true)
  }

  /** Notes how far those are that are not over, and have not come to `end` ms. */
  async note(end: number): Promise<void> {
    const running = [...this.#graces.values()].filter(({ keyId, isOver }) => !isOver && this.had(keyId) < end)
    await writeLazily(
      this.database,
      running.map(({ keyId }) => this.#put(keyId))
    )
  }

  #hold(keyId: Uint8Array, had: number, isOver: boolean): void {
    const { now, clock } = this.clocks
    this.#graces.set(toHex(keyId), { keyId, had, now: now(), clock: clock(), isOver })
  }

  #put(keyId: Uint8Array, isOver = this.isOver(keyId)): Write {
    const value = Buffer.alloc(VALUE_BYTES)
    value.writeUInt8(isOver ? 1 : 0, 0)
    value.writeBigUInt64BE(BigInt(Math.round(this.had(keyId))), 1)
    value.writeBigUInt64BE(BigInt(Math.max(0, Math.round(this.clocks.now()))), 9)
    return { type: 'put', key: keys.grace(keyId), value }
  }
}
