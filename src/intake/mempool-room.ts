import type { Candidate } from '../chain/candidate.js'
import type { Chain } from '../chain/chain.js'
import type { Mempool } from '../chain/mempool.js'
import { equal, type Hash } from '../core/bytes.js'
import { LIMITS } from '../core/limits.js'
import type { OwnPending } from './own-pending.js'

/**
 * Lets go of what waits in a full pool and is covered by no account any more, such as all that was to be paid out of
 * units that a block has moved elsewhere. Looks at each message once after each move of the head, some at a time.
 */
export class MempoolRoom {
  #lookedAfter: Hash | undefined
  #left: Iterator<Candidate> | undefined

  constructor(
    private readonly chain: Pick<Chain, 'head'>,
    private readonly pool: Pick<Mempool, 'waiting' | 'waitingAs' | 'evict'>,
    private readonly own: Pick<OwnPending, 'covers'>
  ) {}

  /** Whether there is some now. */
  make(): boolean {
    const { id } = this.chain.head()
    if (this.#lookedAfter === undefined || !equal(this.#lookedAfter, id))
      this.#left = this.pool.waiting()[Symbol.iterator]()
    this.#lookedAfter = id
    let isMade = false
    for (let looked = 0; looked < LIMITS.validationBatch && this.#left !== undefined; looked += 1) {
      const next = this.#left.next()
      if (next.done === true) {
        this.#left = undefined
      } else if (this.pool.waitingAs(next.value) === next.value && !this.own.covers(next.value)) {
        this.pool.evict(next.value)
        isMade = true
      }
    }
    return isMade
  }
}
