import type { Database } from '../chain/store.js'
import { toHex } from '../core/bytes.js'
import { describeError, type Report } from '../core/events.js'
import { LIMITS } from '../core/limits.js'
import type { OpeningKey } from '../core/sealing.js'
import type { Service } from '../lifecycle/service.js'
import { type Clocks, KeyGraces } from './key-graces.js'

export interface DatedKey extends OpeningKey {
  /** ms since 1970. A key without a date counts as made when it was first seen here in front of another one. */
  readonly made?: number
}

/** Newest first, never empty. */
export type DatedKeys = readonly [DatedKey, ...DatedKey[]]

/** The keys that open at some moment. Others have another `generation`. */
export interface OpenKeys {
  readonly generation: number
  readonly keys: readonly OpeningKey[]
}

/** The same keys at all times; undefined where there are none. */
export function fixedKeys(keys: readonly OpeningKey[]): (() => OpenKeys) | undefined {
  return keys.length === 0 ? undefined : () => ({ generation: 0, keys })
}

export interface KeyRingOptions extends Clocks {
  readonly database: Database
  /** How long a key goes on opening after its successor was made, ms. */
  readonly graceMs: number
  readonly report: Report
}

/**
 * The sequencer's encryption keys. The newest is announced, and opens. An older one opens until its grace is
 * over, and never again after that, whatever the clock says and however often the sequencer starts: what was refused
 * for it may stand in the log under another sequence by then, and must not come in a second time. So the end of a
 * grace is on disk before the first message is refused for it.
 */
export class KeyRing implements Service {
  #open: OpenKeys = { generation: 0, keys: [] }
  #ending: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  private constructor(
    private readonly graces: KeyGraces,
    private readonly options: KeyRingOptions,
    private keys: DatedKeys
  ) {}

  /** Throws StoreError if the folder is damaged. */
  static async open(keys: DatedKeys, options: KeyRingOptions): Promise<KeyRing> {
    const ring = new KeyRing(await KeyGraces.open(options.database, options), options, keys)
    await ring.replace(keys)
    return ring
  }

  async start(): Promise<void> {
    this.#timer = setInterval(() => {
      this.graces.note(this.options.graceMs).catch((error: unknown) =>
        this.options.report({
          event: 'warning',
          message: `the graces of the encryption keys could not be noted: ${describeError(error)}`
        })
      )
    }, LIMITS.keyGraceNotedMs)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.graces.note(this.options.graceMs)
  }

  /** Takes these in place of those it has. The first one is announced from now on. */
  async replace(keys: DatedKeys): Promise<void> {
    const { now } = this.options
    const begun = keys.flatMap(({ keyId }, index) => {
      const successor = keys[index - 1]
      if (successor === undefined || this.graces.has(keyId)) return []
      return [{ keyId, had: Math.max(0, now() - (successor.made ?? now())) }]
    })
    const { keyId: newest } = keys[0]
    if (this.graces.has(newest))
      this.options.report({
        event: 'warning',
        message: `the encryption key ${toHex(newest)} was replaced before, and is the newest again: what was refused for it may come in a second time; put a new key before it with: tallystick keygen FILE --type X25519 --rotate`
      })
    await this.graces.begin(begun, newest)
    this.keys = keys
    await this.#end(this.#due())
  }

  /** The one that is announced. */
  get newest(): OpeningKey {
    return this.keys[0]
  }

  /** Those that open now. */
  async open(): Promise<OpenKeys> {
    const due = this.#due()
    if (due.length > 0) {
      this.#ending ??= this.#end(due).finally(() => {
        this.#ending = undefined
      })
      await this.#ending
    }
    return this.#open
  }

  #due(): Uint8Array[] {
    return this.keys
      .slice(1)
      .map(({ keyId }) => keyId)
      .filter(keyId => !this.graces.isOver(keyId) && this.graces.had(keyId) >= this.options.graceMs)
  }

  async #end(due: readonly Uint8Array[]): Promise<void> {
    await this.graces.end(due)
    const [newest, ...older] = this.keys
    const keys = [newest, ...older.filter(({ keyId }) => !this.graces.isOver(keyId))]
    this.#open = { generation: this.#open.generation + 1, keys }
  }
}
