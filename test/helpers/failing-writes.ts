import type { Database } from '#src/chain/store.js'

/**
 * How a write fails: `before` anything is on disk, with later ones working again; `full`, as that and all later
 * ones, as on a full disk; `after` all of it is on disk, when only the answer is an error.
 */
export const WAYS_TO_FAIL = ['before', 'full', 'after'] as const
export type WayToFail = (typeof WAYS_TO_FAIL)[number]

/** Makes one write of a real database fail. Counts them, batches being one write each. */
export class FailingWrites {
  #begun = 0
  #isFull = false

  /** `failing`: which one, the first being 1. */
  constructor(
    database: Database,
    private readonly failing: number,
    private readonly way: WayToFail
  ) {
    if (way === 'after') {
      database.on('write', () => {
        this.#begun += 1
        if (this.#begun === failing) throw new Error('the disk did not answer')
      })
      return
    }
    // The hook hears of each operation; those of one batch come in one turn.
    let isSameBatch = false
    database.hooks.prewrite.add(() => {
      if (!isSameBatch) {
        isSameBatch = true
        this.#begun += 1
        queueMicrotask(() => {
          isSameBatch = false
        })
      }
      if (this.#begun === failing || this.#isFull) {
        this.#isFull = this.way === 'full'
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
      }
    })
  }

  /** Whether that write was reached. */
  get hasFailed(): boolean {
    return this.#begun >= this.failing
  }
}
