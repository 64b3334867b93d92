import type { Chain, Imported } from '../chain/chain.js'
import type { Block } from '../core/block.js'
import { encodeBundle } from '../core/bundle.js'
import type { Fault } from '../core/fault.js'
import { LIMITS } from '../core/limits.js'
import type { ValidationPool } from './validation-pool.js'

/** How much of a block a follower verifies: all of it, or all but the signatures of its messages. */
export type Verification = 'full' | 'headers'

/**
 * Takes blocks from elsewhere into the chain, one after the other, whoever brings them. Both trees and the
 * chaining are always verified; messages' signatures in worker threads, ahead of their turn.
 */
export class BlockImporter {
  #last: Promise<unknown> = Promise.resolve()

  constructor(
    private readonly chain: Chain,
    private readonly pool: ValidationPool,
    private readonly verification: Verification,
    private readonly now: () => number
  ) {}

  /** What is wrong with its messages, each looked at alone. The header has been read, and so is signed. */
  async check({ signed, envelopes }: Block): Promise<Fault | undefined> {
    if (this.verification === 'headers') return undefined
    const { height, size, count } = signed.header
    for (let start = 0; start < envelopes.length; ) {
      const end = endOfBundle(envelopes, start)
      const part = envelopes.slice(start, end)
      const verdicts = await this.pool.validate(encodeBundle(part), part.length)
      for (const [index, verdict] of verdicts.entries())
        if (!verdict.ok) {
          const { reason, detail } = verdict.refusal
          const position = size - count + start + index
          return { kind: 'message', height, position, detail: `${reason}: ${detail}` }
        }
      start = end
    }
    return undefined
  }

  /** In the order of the calls. `checked` is what `check` has promised for this very block. */
  import(block: Block, checked: Promise<Fault | undefined>): Promise<Imported> {
    const imported = this.#last.then(async (): Promise<Imported> => {
      const fault = await checked
      return fault === undefined ? this.chain.import(block, this.now()) : { kind: 'invalid', fault }
    })
    this.#last = imported.catch(() => undefined)
    return imported
  }

  /** Resolves when nothing is being written any more. */
  async settled(): Promise<void> {
    await this.#last
  }
}

function endOfBundle(envelopes: Block['envelopes'], start: number): number {
  let bytes = 0
  let end = start
  while (end < envelopes.length && end - start < LIMITS.bundleMessages) {
    bytes += (envelopes[end]?.length ?? 0) + 8
    if (bytes > LIMITS.bundleBytes - 64 && end > start) break
    end += 1
  }
  return end
}
