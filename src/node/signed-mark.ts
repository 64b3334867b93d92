import {
  bindToNetwork,
  type Database,
  envelopeAt,
  keys,
  StoreError,
  type Write,
  writeDurably
} from '../chain/store.js'
import type { SignedHeader } from '../core/block.js'
import { type EnvelopeBytes, equal, type Hash, toHex } from '../core/bytes.js'
import type { Network } from '../core/network-document.js'

/** What a sequencer's key has signed so far in a network. */
export interface Signed {
  /** Positions below it have a receipt or stand in a block. */
  readonly positions: number
  /** Of the highest block. */
  readonly height: number
  /** Its id; empty at height 0. */
  readonly id: Uint8Array
}

interface Pending {
  readonly position: number
  readonly envelope: EnvelopeBytes
}

/** What a data folder holds. */
interface Held {
  readonly positions: number
  readonly height: number
  readonly idAt: (height: number) => Hash | undefined
  /** Messages in no block. */
  readonly pending: readonly Pending[]
}

/**
 * How far a sequencer's key has signed, kept beside the key, apart from the data folder: a folder that holds less was
 * restored, emptied or exchanged, and going on with it would sign positions a second time, which convicts the sequencer.
 * The messages that are in no block yet are kept here as well, since nobody else has them.
 *
 * | key           | value                              |
 * |---------------|------------------------------------|
 * | n             | canonical network document         |
 * | k             | positions(6) height(6) id(0 or 32) |
 * | m position(6) | envelope that was in no block yet  |
 *
 * The order of writes, each synced: first the data folder, then the mark, and only then a receipt or a block leaves. So
 * after a crash between any two of them the folder holds what the mark says, or more; what it holds above the mark
 * was shown to nobody. A folder below the mark is therefore never what a crash leaves.
 */
export class SequencerMark {
  private constructor(
    private readonly database: Database,
    private signed: Signed | undefined
  ) {}

  /** Throws StoreError where it is of another network or damaged. */
  static async open(database: Database, network: Network): Promise<SequencerMark> {
    await bindToNetwork(database, network)
    const stored = await database.get(SIGNED_KEY)
    return new SequencerMark(database, stored && decode(stored))
  }

  /** Undefined where this key has signed nothing since there are marks. */
  get last(): Signed | undefined {
    return this.signed
  }

  /** Why a folder may not be gone on with; undefined where it may. */
  missingIn(held: Held): string | undefined {
    if (this.signed === undefined) return undefined
    const { positions, height, id } = this.signed
    if (held.positions < positions || held.height < height)
      return `it holds ${held.positions} messages and ${held.height} blocks, but this key has signed receipts for ${positions} messages, and ${height} blocks`
    const ours = held.idAt(height)
    if (height > 0 && ours !== undefined && !equal(ours, id))
      return `its block ${height} is ${toHex(ours)}, but this key has signed ${toHex(id)} at that height`
    const other = held.pending.find(message => this.#hasOther(message))
    if (other !== undefined)
      return `its message at position ${other.position} is another one than this key has signed a receipt for`
    return undefined
  }

  /** Messages have got positions, and are on disk with their receipts, which leave after this. */
  async taken(messages: readonly Pending[]): Promise<void> {
    const last = messages.at(-1)
    if (last === undefined) return
    const signed = { ...(this.signed ?? NOTHING), positions: last.position + 1 }
    await this.#write(signed, messages.map(copyOf))
  }

  /** A block is on disk, and is shown to others after this. */
  async cut({ id, header: { height, size, count } }: SignedHeader): Promise<void> {
    const dropped: Write[] = []
    for (let position = size - count; position < size; position += 1)
      dropped.push({ type: 'del', key: keys.message(position) })
    const positions = Math.max(size, this.signed?.positions ?? 0)
    await this.#write({ positions, height, id }, dropped)
  }

  /**
   * Takes what a folder holds for all that was signed, whatever was said before: at each start, and where a folder was
   * made anew. `size`: messages in blocks.
   */
  async adopt(signed: Signed, size: number, pending: readonly Pending[]): Promise<void> {
    const { database } = this
    const inBlocks = await database.keys({ gte: keys.message(0), lt: keys.message(size) }).all()
    const copies = pending.filter(
      message => this.pendingAt(message.position) === undefined || this.#hasOther(message)
    )
    await this.#write(signed, [
      ...inBlocks.map((key): Write => ({ type: 'del', key })),
      ...copies.map(copyOf)
    ])
  }

  /** The message that got this position, where it is in no block. */
  pendingAt(position: number): EnvelopeBytes | undefined {
    return envelopeAt(this.database, position)
  }

  #hasOther({ position, envelope }: Pending): boolean {
    const known = this.pendingAt(position)
    return known !== undefined && !equal(known, envelope)
  }

  async #write(signed: Signed, writes: readonly Write[]): Promise<void> {
    await writeDurably(this.database, [...writes, { type: 'put', key: SIGNED_KEY, value: encode(signed) }])
    this.signed = signed
  }
}

const SIGNED_KEY = Uint8Array.of(0x6b)
const NOTHING: Signed = { positions: 0, height: 0, id: new Uint8Array(0) }

function copyOf({ position, envelope }: Pending): Write {
  return { type: 'put', key: keys.message(position), value: envelope }
}

function encode({ positions, height, id }: Signed): Uint8Array {
  const numbers = Buffer.alloc(12)
  numbers.writeUIntBE(positions, 0, 6)
  numbers.writeUIntBE(height, 6, 6)
  return Buffer.concat([numbers, id])
}

function decode(stored: Uint8Array): Signed {
  const bytes = Buffer.from(stored)
  if (bytes.length !== 12 && bytes.length !== 44) throw new StoreError('what this key has signed is damaged')
  return {
    positions: bytes.readUIntBE(0, 6),
    height: bytes.readUIntBE(6, 6),
    id: Uint8Array.from(bytes.subarray(12))
  }
}
