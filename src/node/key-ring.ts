import { type EnvelopeBytes, type Hash, toHex } from '../core/bytes.js'
import { certifyKey } from '../core/encryption-key.js'
import type { Signer } from '../core/keys.js'
import type { OpeningKey } from '../core/sealing.js'

export interface DatedKey extends OpeningKey {
  /** ms since 1970. A key without a date counts as made when it was first seen here. */
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

export interface KeyRingOptions {
  readonly network: Hash
  readonly signer: Signer
  /** How long a key goes on opening after its successor was made, ms. */
  readonly graceMs: number
  /** ms since 1970. */
  readonly now: () => number
}

/**
 * The sequencer's encryption keys. The newest is announced, and opens. An older one opens until its grace is
 * over, and never again after that, whatever the clock says: what was refused for it may stand in the log
 * under another sequence by then, and must not come in a second time.
 */
export class KeyRing {
  readonly #firstSeen = new Map<string, number>()
  readonly #expired = new Set<string>()
  #keys: DatedKeys
  #certificate: EnvelopeBytes
  #open: OpenKeys = { generation: 0, keys: [] }
  /** When the next key expires. */
  #until = 0

  constructor(
    keys: DatedKeys,
    private readonly options: KeyRingOptions
  ) {
    this.#keys = keys
    this.#certificate = this.#take(keys)
  }

  /** Takes these in place of those it has. The first one is announced from now on. */
  replace(keys: DatedKeys): void {
    this.#keys = keys
    this.#certificate = this.#take(keys)
  }

  /** The one that is announced. */
  get newest(): OpeningKey {
    return this.#keys[0]
  }

  /** Of the newest key. */
  get certificate(): EnvelopeBytes {
    return this.#certificate
  }

  open(): OpenKeys {
    if (this.options.now() >= this.#until) this.#expire()
    return this.#open
  }

  #take(keys: DatedKeys): EnvelopeBytes {
    const { network, signer, now } = this.options
    for (const { keyId } of keys)
      if (!this.#firstSeen.has(toHex(keyId))) this.#firstSeen.set(toHex(keyId), now())
    this.#expired.delete(toHex(keys[0].keyId))
    this.#expire()
    return certifyKey(keys[0], network, signer)
  }

  #expire(): void {
    const now = this.options.now()
    this.#until = Number.POSITIVE_INFINITY
    const keys = this.#keys.filter((key, index) => {
      const successor = this.#keys[index - 1]
      if (successor === undefined) return true
      const end = this.#madeAt(successor) + this.options.graceMs
      if (now >= end) this.#expired.add(toHex(key.keyId))
      if (this.#expired.has(toHex(key.keyId))) return false
      this.#until = Math.min(this.#until, end)
      return true
    })
    this.#open = { generation: this.#open.generation + 1, keys }
  }

  #madeAt({ made, keyId }: DatedKey): number {
    return made ?? this.#firstSeen.get(toHex(keyId)) ?? this.options.now()
  }
}
