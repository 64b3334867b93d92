import { randomBytes } from 'node:crypto'
import type { SignedHeader } from '../core/block.js'
import { type EnvelopeBytes, equal, type Hash, toHex } from '../core/bytes.js'
import type { Network } from '../core/network.js'
import {
  bindToNetwork,
  type Database,
  envelopeAt,
  keys,
  StoreError,
  type Write,
  writeDurably
} from './store.js'

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
 * | key           | value                                                 |
 * |---------------|-------------------------------------------------------|
 * | n             | canonical network document                            |
 * | w             | name(16): random; the data folder keeps it as well    |
 * | p             | positions(6): below it each has a receipt             |
 * | b             | height(6) id(32): of the highest block                |
 * | c             | serial(8): of the last certificate                    |
 * | m position(6) | envelope that was in no block yet                     |
 *
 * Receipts and blocks are signed side by side, each in an order of their own: `p` and `b` are apart, so that no write of
 * one takes back what another one has said of the other.
 *
 * The order of writes, each synced: first the data folder, then the mark, and only then a receipt or a block leaves. So
 * after a crash between any two of them the folder holds what the mark says, or more; what it holds above the mark
 * was shown to nobody. A folder below the mark is therefore never what a crash leaves.
 */
export class SequencerMark {
  /** Why nothing more may be signed. */
  #behind: string | undefined
  #written: Promise<unknown> = Promise.resolve()

  private constructor(
    private readonly database: Database,
    private readonly known: Known,
    private readonly expectHeld: () => Promise<void>
  ) {}

  /**
   * Throws StoreError where it is of another network or damaged. `expectHeld` throws where another process signs with the
   * key: it is called after each write, and what was signed leaves only after that.
   */
  static async open(
    database: Database,
    network: Network,
    expectHeld: () => Promise<void> = async () => undefined
  ): Promise<SequencerMark> {
    await bindToNetwork(database, network)
    const [name, positions, block] = await database.getMany([KEYS.name, KEYS.positions, KEYS.block])
    const serial = await database.get(KEYS.serial)
    const known = {
      name: name === undefined ? await named(database) : toHex(expectLength(name, NAME_BYTES)),
      positions: positions && numberIn(expectLength(positions, 6)),
      block: block && blockIn(expectLength(block, 6 + 32)),
      serial: serial === undefined ? 0 : Number(Buffer.from(expectLength(serial, 8)).readBigUInt64BE())
    }
    return new SequencerMark(database, known, expectHeld)
  }

  /** Undefined where this key has signed nothing since there are marks. */
  get last(): Signed | undefined {
    const { positions, block } = this.known
    if (positions === undefined && block === undefined) return undefined
    return { positions: positions ?? 0, ...(block ?? NO_BLOCK) }
  }

  /** The data folders that go with it keep it, in hex: without this mark they are not gone on with. */
  get name(): string {
    return this.known.name
  }

  /** Of the last certificate of an encryption key; 0 where none was signed since marks have it. */
  get lastSerial(): number {
    return this.known.serial
  }

  /** A certificate is on disk, and is shown to others after this. Not even a lost folder makes its serial one of the past. */
  async certified(serial: number): Promise<void> {
    const value = Buffer.alloc(8)
    value.writeBigUInt64BE(BigInt(serial))
    await this.#write([{ type: 'put', key: KEYS.serial, value }])
    this.known.serial = serial
  }

  /** Why a folder may not be gone on with; undefined where it may. */
  missingIn(held: Held): string | undefined {
    if (this.last === undefined) return undefined
    const { positions, height, id } = this.last
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

  /** Messages have got positions, and are on disk with their receipts, which leave after this. One call at a time. */
  async taken(messages: readonly Pending[]): Promise<void> {
    const last = messages.at(-1)
    if (last === undefined) return
    const positions = last.position + 1
    await this.#write([...messages.map(copyOf), positionsWrite(positions)])
    this.known.positions = positions
  }

  /** A block is on disk, and is shown to others after this. One call at a time. Its messages were `taken`. */
  async cut({ id, header: { height, size, count } }: SignedHeader): Promise<void> {
    const writes = [blockWrite({ height, id })]
    for (let position = size - count; position < size; position += 1)
      writes.push({ type: 'del', key: keys.message(position) })
    await this.#write(writes)
    this.known.block = { height, id }
  }

  /**
   * Takes what a folder holds for all that was signed, whatever was said before: at each start, and where a folder was
   * made anew. `size`: messages in blocks.
   */
  async adopt({ positions, height, id }: Signed, size: number, pending: readonly Pending[]): Promise<void> {
    const { database, known } = this
    const block = height === 0 ? undefined : { height, id }
    const inBlocks = await database.keys({ gte: keys.message(0), lt: keys.message(size) }).all()
    const copies = pending.filter(
      message => this.pendingAt(message.position) === undefined || this.#hasOther(message)
    )
    await writeDurably(database, [
      ...inBlocks.map((key): Write => ({ type: 'del', key })),
      ...copies.map(copyOf),
      positionsWrite(positions),
      block === undefined ? { type: 'del', key: KEYS.block } : blockWrite(block)
    ])
    known.positions = positions
    known.block = block
  }

  /**
   * Another peer has shown a block that this key has signed and that the folder does not have: nothing more is marked,
   * so that nothing more leaves, and no start takes the folder after this.
   */
  async learn({ id, header: { height, size } }: SignedHeader, why: string): Promise<void> {
    this.#behind = why
    await this.#written
    const positions = Math.max(size, this.known.positions ?? 0)
    await writeDurably(this.database, [positionsWrite(positions), blockWrite({ height, id })])
    this.known.positions = positions
    this.known.block = { height, id }
  }

  /** The message that got this position, where it is in no block. */
  pendingAt(position: number): EnvelopeBytes | undefined {
    return envelopeAt(this.database, position)
  }

  async #write(writes: readonly Write[]): Promise<void> {
    if (this.#behind !== undefined) throw new Error(this.#behind)
    const written = writeDurably(this.database, writes)
    this.#written = Promise.allSettled([this.#written, written])
    await written
    await this.expectHeld()
  }

  #hasOther({ position, envelope }: Pending): boolean {
    const known = this.pendingAt(position)
    return known !== undefined && !equal(known, envelope)
  }
}

type SignedBlock = Pick<Signed, 'height' | 'id'>

/** What stands in the database. */
interface Known {
  readonly name: string
  positions: number | undefined
  block: SignedBlock | undefined
  serial: number
}

const KEYS = {
  name: Uint8Array.of(0x77),
  positions: Uint8Array.of(0x70),
  block: Uint8Array.of(0x62),
  serial: Uint8Array.of(0x63)
}
const NO_BLOCK = { height: 0, id: new Uint8Array(0) }

const NAME_BYTES = 16

/** A new one has a name before any folder can keep it. */
async function named(database: Database): Promise<string> {
  const name = randomBytes(NAME_BYTES)
  await writeDurably(database, [{ type: 'put', key: KEYS.name, value: name }])
  return toHex(name)
}

function copyOf({ position, envelope }: Pending): Write {
  return { type: 'put', key: keys.message(position), value: envelope }
}

function positionsWrite(positions: number): Write {
  return { type: 'put', key: KEYS.positions, value: bytesOf(positions) }
}

function blockWrite({ height, id }: SignedBlock): Write {
  return { type: 'put', key: KEYS.block, value: Buffer.concat([bytesOf(height), id]) }
}

function blockIn(stored: Uint8Array): SignedBlock {
  return { height: numberIn(stored), id: Uint8Array.from(stored.subarray(6)) }
}

function bytesOf(number: number): Buffer {
  const bytes = Buffer.alloc(6)
  bytes.writeUIntBE(number, 0, 6)
  return bytes
}

function numberIn(stored: Uint8Array): number {
  return Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength).readUIntBE(0, 6)
}

function expectLength(stored: Uint8Array, length: number): Uint8Array {
  if (stored.length !== length) throw new StoreError('what this key has signed is damaged')
  return stored
}
