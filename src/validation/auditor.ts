import { advance, type Cursor, genesisCursor } from '../chain/cursor.js'
import { SequenceSet } from '../chain/sequence-set.js'
import type { ReadBlock } from '../chain/stored-blocks.js'
import type { Block } from '../core/block.js'
import { decodeEnvelope } from '../core/envelope.js'
import type { Fault } from '../core/fault.js'
import { LIMITS } from '../core/limits.js'
import { decodeMessage } from '../core/message.js'
import type { Verdict } from '../core/validation.js'
import type { Rules } from '../rules/rules.js'
import { checkMessages, messageFault } from './message-checks.js'
import type { ValidationPool } from './validation-pool.js'

type Checked = { readonly block: Block; readonly verdicts: Promise<Verdict[]> } | { readonly fault: Fault }

/**
 * Verifies a log from the genesis on, wherever its blocks come from: every payload is hashed again, both roots,
 * chaining and positions follow from that, every signature is checked, no author uses a sequence twice. With
 * keys in the pool, sealed messages must open and fit the schema. Holds a few blocks, however long the log is.
 */
export class Auditor {
  readonly #sequences = new SequenceSet()
  #cursor: Cursor
  #unopened = 0

  constructor(
    private readonly rules: Rules,
    private readonly pool: ValidationPool,
    private readonly now: () => number
  ) {
    this.#cursor = genesisCursor(rules)
  }

  /** The last block that held. */
  get head(): Cursor['signed'] {
    return this.#cursor.signed
  }

  /** Of all blocks up to there. */
  get weight(): bigint {
    return this.#cursor.weight
  }

  /** After that block. */
  get state(): unknown {
    return this.#cursor.state
  }

  /** Sealed messages whose key is not in the pool: all but their inside was verified. */
  get unopened(): number {
    return this.#unopened
  }

  /** The blocks after the genesis, each once it has been verified; in place of the first that does not hold, its fault. */
  async *verified(blocks: AsyncIterable<ReadBlock>): AsyncIterable<ReadBlock> {
    for await (const checked of this.#ahead(blocks)) {
      const fault =
        'fault' in checked ? checked.fault : await this.#fault(checked.block, await checked.verdicts)
      if (fault !== undefined) {
        yield { fault }
        return
      }
      if ('block' in checked) yield { block: checked.block }
    }
  }

  /** Workers look at the messages of some blocks while an earlier one is judged. */
  async *#ahead(blocks: AsyncIterable<ReadBlock>): AsyncIterable<Checked> {
    const waiting: Checked[] = []
    for await (const read of blocks) {
      if ('block' in read) {
        const verdicts = checkMessages(read.block.envelopes, this.pool)
        // Awaited when its turn comes; until then nobody listens.
        verdicts.catch(() => undefined)
        waiting.push({ block: read.block, verdicts })
      } else waiting.push(read)
      const next = waiting.length > LIMITS.auditAhead ? waiting.shift() : undefined
      if (next !== undefined) yield next
    }
    yield* waiting
  }

  async #fault(block: Block, verdicts: readonly Verdict[]): Promise<Fault | undefined> {
    for (const [index, verdict] of verdicts.entries()) {
      if (!verdict.ok && verdict.refusal.reason === 'unknown key') this.#unopened += 1
      else if (!verdict.ok) return messageFault(block, index, verdict.refusal)
    }
    const advanced = advance(this.#cursor, block, this.rules, this.now())
    if (!advanced.ok) return advanced.fault
    const { height, size, count } = block.signed.header
    for (const [index, envelope] of block.envelopes.entries()) {
      const verdict = verdicts[index]
      const { author, sequence } = verdict?.ok ? verdict : decodeMessage(decodeEnvelope(envelope).payload)
      if (!this.#sequences.add(author, sequence)) {
        const position = size - count + index
        return { kind: 'duplicate', height, position, detail: 'its author has used this sequence before' }
      }
    }
    this.#cursor = advanced.cursor
    return undefined
  }
}
