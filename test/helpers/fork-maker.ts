import { type Cursor, cursorAfter, draft, genesisCursor } from '#src/chain/cursor.js'
import { type Block, type Header, signHeader } from '#src/core/block.js'
import { type Hash, toHex } from '#src/core/bytes.js'
import type { Signer } from '#src/core/keys.js'
import { leafHash } from '#src/core/merkle.js'
import { envelopesOf, type Made } from './authors.js'
import type { Forgery } from './blocks.js'
import { present } from './changes.js'
import { signerNamed } from './core.js'
import type { RuledNetwork } from './networks.js'
import { workSectionOf } from './networks.js'
import { mined } from './work.js'

export const GENESIS = 'genesis'

export interface BlockWishes {
  /** Its parent; the genesis unless told otherwise. */
  readonly on?: string | undefined
  readonly messages?: readonly Made[] | undefined
  /**
   * ms after its parent; an interval unless told otherwise. What follows a block that came early weighs more, and
   * what follows a late one less.
   */
  readonly after?: number | undefined
  /** Blocks whose ids its own is below or above. */
  readonly below?: string | undefined
  readonly above?: string | undefined
  /** What is made otherwise than an honest miner would. The work covers it, but for the envelopes. */
  readonly forgery?: Forgery | undefined
  /** Changes of a header whose work has been done. */
  readonly afterwards?: ((mined: Header) => Partial<Header>) | undefined
}

interface Placed {
  readonly block: Block
  readonly cursor: Cursor
}

/** Mines blocks with names on blocks with names, all of them branches of one tree. The same ones at each run. */
export class ForkMaker {
  readonly #blocks = new Map<string, Placed>()
  /** By id, in hex. */
  readonly #names = new Map<string, string>()

  private constructor(
    readonly net: RuledNetwork,
    readonly miner: Signer,
    readonly interval: number
  ) {
    const cursor = genesisCursor(net.rules)
    this.name(GENESIS, { signed: cursor.signed, envelopes: [] }, cursor)
  }

  static async create(net: RuledNetwork): Promise<ForkMaker> {
    return new ForkMaker(net, await signerNamed('miner'), workSectionOf(net.network).interval)
  }

  block(name: string): Block {
    return this.#placed(name).block
  }

  /** Of all blocks up to this one. */
  weightOf(name: string): bigint {
    return this.#placed(name).cursor.weight
  }

  idOf(name: string): Hash {
    return this.block(name).signed.id
  }

  /** The place after it, as if it were valid. */
  cursorOf(name: string): Cursor {
    return this.#placed(name).cursor
  }

  /** Of a block that was made here. */
  nameOf(id: Hash): string {
    return present(this.#names.get(toHex(id)), 'the name of a block')
  }

  /** The blocks from the first one up to this one, the genesis left out. */
  branch(name: string): readonly string[] {
    if (name === GENESIS) return []
    return [...this.branch(this.nameOf(this.block(name).signed.header.parent)), name]
  }

  /** The leaves of all messages up to a block, in hex. */
  leavesOf(name: string): readonly string[] {
    return this.branch(name).flatMap(each => this.block(each).envelopes.map(leaf => toHex(leafHash(leaf))))
  }

  /** Keeps a block that was made elsewhere, under a name. */
  name(name: string, block: Block, cursor: Cursor): void {
    if (this.#blocks.has(name)) throw new Error(`there is a block ${name} already`)
    const id = toHex(block.signed.id)
    if (this.#names.has(id)) throw new Error(`${name} is the same block as ${this.#names.get(id)}`)
    this.#names.set(id, name)
    this.#blocks.set(name, { block, cursor })
  }

  /** `count` blocks on one another, each called as the first one with a number: `a1`, `a2`, … */
  makeAll(name: string, count: number, wishes: BlockWishes = {}): Block[] {
    return Array.from({ length: count }, (_, index) =>
      this.make(`${name}${index + 1}`, index === 0 ? wishes : { ...wishes, on: `${name}${index}` })
    )
  }

  make(name: string, wishes: BlockWishes = {}): Block {
    const { on = GENESIS, messages = [], after = this.interval, forgery = {} } = wishes
    const { rules } = this.net
    const parent = this.#placed(on).cursor
    const envelopes = envelopesOf(messages)
    const leaves = envelopes.map(leafHash)
    const time = parent.signed.header.time + after
    const honest = draft(parent, { envelopes, leaves }, this.miner.peerId, rules, time)
    const header = mined(
      { ...honest.header, ...forgery.header?.(honest.header) },
      {
        below: wishes.below === undefined ? undefined : this.idOf(wishes.below),
        above: wishes.above === undefined ? undefined : this.idOf(wishes.above)
      }
    )
    const signed = signHeader(
      { ...header, ...wishes.afterwards?.(header) },
      forgery.signer ?? this.miner,
      rules.ordering
    )
    const block = { signed, envelopes: forgery.envelopes ?? envelopes }
    this.name(name, block, cursorAfter(parent, honest, signed, rules))
    return block
  }

  #placed(name: string): Placed {
    return present(this.#blocks.get(name), `the block ${name}`)
  }
}
