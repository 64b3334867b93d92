import { type Cursor, cursorAfter, type Draft, draft, genesisCursor } from '#src/chain/cursor.js'
import { type Block, type Header, signHeader } from '#src/core/block.js'
import type { Signer } from '#src/core/keys.js'
import { leafHash } from '#src/core/merkle.js'
import { envelopesOf, type Made } from './authors.js'
import { present } from './changes.js'
import { EPOCH } from './epoch.js'
import type { TestNetwork } from './networks.js'
import { mined } from './work.js'

export { EPOCH }

/** What is made otherwise than an honest sequencer would. */
export interface Forgery {
  readonly header?: (honest: Header) => Partial<Header>
  readonly signer?: Signer
  /** Beside the header, which is made over the others. */
  readonly envelopes?: Block['envelopes']
}

/** The chain of an honest sequencer, or of an honest miner, in memory. */
export class ChainMaker {
  readonly blocks: Block[] = []
  /** After the genesis, and after each block. */
  readonly #cursors: Cursor[]

  /** Its blocks come so many ms later than they might. */
  constructor(
    readonly net: TestNetwork,
    private readonly delay = 0
  ) {
    this.#cursors = [genesisCursor(net.rules)]
  }

  /** Another chain that has the same blocks up to this height, and later ones from there on. */
  fork(height: number): ChainMaker {
    const other = new ChainMaker(this.net, this.delay + 1)
    other.blocks.push(...this.blocks.slice(0, height))
    other.#cursors.push(...this.#cursors.slice(1, height + 1))
    return other
  }

  /** Of the last block. */
  get cursor(): Cursor {
    return present(this.#cursors.at(-1))
  }

  /** Appends blocks of the network's size until fewer messages are left, and gives those. */
  addAll(messages: readonly Made[]): readonly Made[] {
    const { blockSize } = this.net.rules.ordering
    let rest = messages
    while (rest.length >= blockSize) {
      this.add(rest.slice(0, blockSize))
      rest = rest.slice(blockSize)
    }
    return rest
  }

  add(messages: readonly Pick<Made, 'envelope'>[]): Block {
    const made = this.#draft(messages)
    const signed = signHeader(this.#proved(made.header), this.net.signer, this.net.rules.ordering)
    const block = { signed, envelopes: made.envelopes }
    this.#cursors.push(cursorAfter(this.cursor, made, signed, this.net.rules))
    this.blocks.push(block)
    return block
  }

  /** What the next block over these messages would be with something wrong in it. Nothing is appended. */
  forge(messages: readonly Made[], forgery: Forgery = {}): Block {
    const { header, envelopes } = this.#draft(messages)
    const forged = this.#proved({ ...header, ...forgery.header?.(header) })
    return {
      signed: signHeader(forged, forgery.signer ?? this.net.signer, this.net.rules.ordering),
      envelopes: forgery.envelopes ?? envelopes
    }
  }

  #proved(header: Header): Header {
    return this.net.network.sequencer === undefined ? mined(header) : header
  }

  #draft(messages: readonly Pick<Made, 'envelope'>[]): Draft {
    const envelopes = envelopesOf(messages)
    const time = EPOCH + this.blocks.length * 1000 + this.delay
    const leaves = envelopes.map(leafHash)
    return draft(this.cursor, { envelopes, leaves }, this.net.sequencer, this.net.rules, time)
  }
}
