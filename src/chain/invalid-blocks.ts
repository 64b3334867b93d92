import { type Hash, toHex } from '../core/bytes.js'
import { LIMITS } from '../core/limits.js'

/** Blocks that are not valid whoever brings them, so that they and what descends from them cost no second look. */
export class InvalidBlocks {
  readonly #ids = new Set<string>()

  has(id: Hash): boolean {
    return this.#ids.has(toHex(id))
  }

  /** The oldest are forgotten; they would be found out again. */
  add(id: Hash): void {
    this.#ids.add(toHex(id))
    if (this.#ids.size <= LIMITS.rememberedInvalid) return
    const [oldest] = this.#ids
    if (oldest !== undefined) this.#ids.delete(oldest)
  }
}
