import type { Chain, ImportResult } from '../../chain/chain.js'
import type { Block } from '../../core/block.js'
import type { Hash, PeerIdBytes } from '../../core/bytes.js'
import { type BlockImporter, type CheckedMessages, isWhole } from './block-importer.js'
import { Orphans } from './orphans.js'

/** A move of the head. */
export type Moved = Extract<ImportResult, { kind: 'extended' | 'reorganized' }>

/** Takes blocks in whatever order they come: those whose parents are not there yet wait for them. */
export class BlockArrivals {
  readonly #orphans = new Orphans()

  constructor(
    private readonly chain: Chain,
    private readonly importer: BlockImporter,
    /** A monotonic clock, ms. */
    private readonly clock: () => number,
    /** Hears of each move of the head. */
    private readonly moved: (moved: Moved) => void,
    /** ms since 1970. */
    private readonly now: () => number
  ) {}

  /** How many blocks wait for their parents. */
  get waiting(): number {
    return this.#orphans.size
  }

  /**
   * Takes a block as gossip brings it. `bytes`: of the encoded block. Its messages are looked at only where its
   * header stands at its place. Where it does not name them the block is invalid, wherever it stands: else one find would do
   * for any number of bodies, and other messages would keep those away, while it waits for its parent, that are its own.
   */
  async hear(block: Block, from: PeerIdBytes, bytes: number): Promise<ImportResult> {
    const { height } = block.signed.header
    if (!isWhole(block))
      return { kind: 'invalid', fault: { kind: 'root', height, detail: 'these are not its messages' } }
    const foreseen = this.chain.foresee(block.signed, this.now())
    if (foreseen === undefined) return this.take(block)
    if (foreseen.kind === 'orphan') this.#orphans.add(block, from, bytes, this.clock())
    return foreseen
  }

  /** Imports a block, and then those that waited for it. */
  async take(
    block: Block,
    checked: Promise<CheckedMessages> = this.importer.check(block)
  ): Promise<ImportResult> {
    const { id } = block.signed
    const imported = await this.importer.import(block, checked)
    if (imported.kind === 'extended' || imported.kind === 'reorganized') this.moved(imported)
    if (this.chain.place(id) !== undefined)
      for (const child of this.#orphans.takeChildren(id)) await this.take(child)
    else if (this.chain.isKnownInvalid(id)) this.#condemnChildren(id)
    return imported
  }

  #condemnChildren(parent: Hash): void {
    for (const { signed } of this.#orphans.takeChildren(parent)) {
      this.chain.markInvalid(signed.id)
      this.#condemnChildren(signed.id)
    }
  }
}
