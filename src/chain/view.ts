import type { AbstractSnapshot } from 'abstract-level'
import type { Database, Range, Readable } from './store.js'

/**
 * What a database held at one moment. A batch is on disk before whoever wrote it hears of it: who looks at the
 * database itself meanwhile sees what does not fit the head that they know.
 */
export class View implements Readable {
  readonly #snapshot: AbstractSnapshot

  constructor(private readonly database: Database) {
    this.#snapshot = database.snapshot()
  }

  getSync(key: Uint8Array): Uint8Array | undefined {
    return this.database.getSync(key, { snapshot: this.#snapshot })
  }

  keys(range: Range): { all(): Promise<Uint8Array[]> } {
    return this.database.keys({ ...range, snapshot: this.#snapshot })
  }

  values(range: Range): { all(): Promise<Uint8Array[]> } {
    return this.database.values({ ...range, snapshot: this.#snapshot })
  }

  /** What is being read goes on to its end. A database that closes closes its views. */
  async close(): Promise<void> {
    await this.#snapshot.close()
  }
}
