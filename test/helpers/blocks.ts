import { type Cursor, cursorAfter, type Draft, draft, genesisCursor } from '#src/chain/cursor.js'
import { type Block, type Header, signHeader } from '#src/core/block.js'
import type { Signer } from '#src/core/keys.js'
import { leafHash } from '#src/core/merkle.js'
import { envelopesOf, type Made } from './authors.js'
import type { TestNetwork } from './networks.js'

/** 2023-11-14; blocks of tests come a second apart. */
export const EPOCH = 1_700_000_000_000

/** What is made otherwise than an honest sequencer would. */
export interface Forgery {
  readonly header?: (honest: Header) => Partial<Header>
  readonly signer?: Signer
  /** Beside the header, which is made over the others. */
  readonly envelopes?: Block['envelopes']
}

/** The chain of an honest sequencer, in memory. */
export class ChainMaker {
  readonly blocks: Block[] = []
  #cursor: Cursor

  constructor(readonly net: TestNetwork) {
    this.#cursor = genesisCursor(net.rules)
  }

  /** Appends blocks of the network's size until fewer messages are left, and gives those. */
  addAll(messages: readonly Made[]): readonly Made[] {
    const { blockSize } = this.net.network.document.ordering
    let rest = messages
    while (rest.length >= blockSize) {
      this.add(rest.slice(0, blockSize))
      rest = rest.slice(blockSize)
    }
    return rest
  }

  add(messages: readonly Made[]): Block {
    const made = this.#draft(messages)
    const block = { signed: signHeader(made.header, this.net.signer), envelopes: made.envelopes }
    this.#cursor = cursorAfter(this.#cursor, made, block.signed, this.net.rules)
    this.blocks.push(block)
    return block
  }

  /** What the next block over these messages would be with something wrong in it. Nothing is appended. */
  forge(messages: readonly Made[], forgery: Forgery = {}): Block {
    const { header, envelopes } = this.#draft(messages)
    return {
      signed: signHeader({ ...header, ...forgery.header?.(header) }, forgery.signer ?? this.net.signer),
      envelopes: forgery.envelopes ?? envelopes
    }
  }

  #draft(messages: readonly Made[]): Draft {
    const envelopes = envelopesOf(messages)
    const time = EPOCH + this.blocks.length * 1000
    const leaves = envelopes.map(leafHash)
    return draft(this.#cursor, { envelopes, leaves }, this.net.sequencer, this.net.rules, time)
  }
}
