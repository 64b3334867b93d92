import { type MessageName, nameIn } from '../../chain/candidate.js'
import type { Chain, ImportResult } from '../../chain/chain.js'
import type { Block, SignedHeader } from '../../core/block.js'
import { equal } from '../../core/bytes.js'
import { DecodeError } from '../../core/codec.js'
import type { Fault } from '../../core/fault.js'
import { leafHash, rootOf } from '../../core/merkle.js'
import { refusal } from '../../core/refusal.js'
import { checkMessages, messageFault } from '../../validation/message-checks.js'
import type { ValidationPool } from '../../validation/validation-pool.js'

/** How much of a block a follower verifies: all of it, or all but the signatures of its messages. */
export type Verification = 'full' | 'headers'

/** `names`: of the messages. */
export type CheckedMessages =
  | { readonly ok: true; readonly names?: readonly MessageName[] }
  | { readonly ok: false; readonly fault: Fault }

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
    private readonly now: () => number,
    /** Of the blocks up to this height not all has been checked, in an earlier run. */
    private readonly uncheckedTo = 0
  ) {}

  get isFull(): boolean {
    return this.verification === 'full'
  }

  /** Whether this very block stands in the chain, and nothing of it is left to be checked. */
  hasChecked({ header, id }: SignedHeader): boolean {
    const ours =
      this.isFull && header.height > this.uncheckedTo ? this.chain.headerAt(header.height) : undefined
    return ours !== undefined && equal(ours.id, id)
  }

  /** Looks at each message alone. The header has been read, and so is signed. */
  async check(block: Block): Promise<CheckedMessages> {
    if (this.verification === 'headers') return readNames(block)
    const names: MessageName[] = []
    for (const [index, verdict] of (await checkMessages(block.envelopes, this.pool)).entries()) {
      if (!verdict.ok) return { ok: false, fault: messageFault(block, index, verdict.refusal) }
      names.push(verdict)
    }
    return { ok: true, names }
  }

  /** In the order of the calls. `checked` is what `check` has promised for this very block. */
  import(block: Block, checked: Promise<CheckedMessages>): Promise<ImportResult> {
    const imported = this.#last.then(async (): Promise<ImportResult> => {
      const messages = await checked
      if (!messages.ok) {
        // Other messages under the same header would say nothing of the block that has its own.
        if (isWhole(block)) this.chain.markInvalid(block.signed.id)
        return { kind: 'invalid', fault: messages.fault }
      }
      return this.chain.import(block, this.now(), messages.names)
    })
    this.#last = imported.catch(() => undefined)
    return imported
  }

  /** Resolves when nothing is being written any more. */
  async settled(): Promise<void> {
    await this.#last
  }
}

/** What is no message at all has no author and no sequence to be found by. */
function readNames(block: Block): CheckedMessages {
  const names: MessageName[] = []
  for (const [index, envelope] of block.envelopes.entries())
    try {
      names.push(nameIn(envelope))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return { ok: false, fault: messageFault(block, index, refusal('bad encoding', error.message)) }
    }
  return { ok: true, names }
}

/** Whether these are the messages that its header names. */
export function isWhole({ signed: { header }, envelopes }: Block): boolean {
  return header.count === envelopes.length && equal(header.root, rootOf(envelopes.map(leafHash)))
}
