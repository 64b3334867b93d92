import { setImmediate } from 'node:timers/promises'
import type { AbstractLevel } from 'abstract-level'
import { type CheckpointedHeader, encodeStoredHeader, type SignedHeader } from '../core/block.js'
import { type EnvelopeBytes, equal, type Hash, type PeerIdBytes, toHex } from '../core/bytes.js'
import { DecodeError } from '../core/codec.js'
import { type CodedOptions, TallystickError } from '../core/errors.js'
import type { Network } from '../core/network.js'
import type { Candidate } from './candidate.js'

/**
 * Every key of a peer's database. Numbers are big-endian, so that keys sort as numbers do.
 *
 * | key                                | value                                   | written by |
 * |------------------------------------|-----------------------------------------|------------|
 * | n                                  | canonical network document              | first open |
 * | m position(6)                      | envelope                                | journal or import |
 * | a author sequence(8)               | position(6), and where there is a receipt, first(6) | journal or import |
 * | l leaf[0…8) position(6)            | nothing                                 | journal or import |
 * | r first(6)                         | receipt; `first` is its lowest position | journal    |
 * | h height(6)                        | block without its messages              | import     |
 * | i id(32)                           | height(6)                               | import     |
 * | t level(1) index(6)                | 256 hashes: a full tile of the log tree | import     |
 * | e hash(32)                         | evidence of a lie; SHA-256 of its bytes | witness    |
 * | s height(6) id(32)                 | whole block beside the main chain       | import     |
 * | p author sequence(8)               | envelope that waits for a block         | pool or import |
 * | j                                  | epoch(8) of who opened the journal last | journal    |
 * | k                                  | newest certificate of the encryption key | sequencer: signed last; others: seen |
 * | g keyId(8)                         | how much of its grace a replaced encryption key has had | key ring |
 *
 * A position is either in a block (below the head's `size`) or, in a journal, pending. Each write is one synced
 * batch that leaves the database whole: messages come with their indexes, a header with the tiles it fills. A
 * reorg is one batch too: blocks go beside the main chain, others join it, messages return to the pool.
 */
export type Database = AbstractLevel<Buffer | Uint8Array | string, Uint8Array, Uint8Array>
export type Write =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array }

/** A range of keys, and how many of them at most. */
export interface Range {
  readonly gte: Uint8Array
  readonly lt?: Uint8Array
  readonly lte?: Uint8Array
  readonly limit?: number
}

/** A database, or what it held at one moment. */
export interface Readable {
  getSync(key: Uint8Array): Uint8Array | undefined
  keys(range: Range): { all(): Promise<Uint8Array[]> }
  values(range: Range): { all(): Promise<Uint8Array[]> }
}

const SAFE_INTEGER_BYTES = 6
const LEAF_PREFIX = 8

const NETWORK_KEY = Uint8Array.of(0x6e)

/** The height up to which a follower has not checked all of its blocks. */
export const UNCHECKED_KEY = Uint8Array.of(0x75)

/** The epoch of the last opening of the journal. */
export const EPOCH_KEY = Uint8Array.of(0x6a)

/** The certificate of the sequencer's encryption key: the last one that it signed, or the newest one that others saw. */
export const CERTIFICATE_KEY = Uint8Array.of(0x6b)

export const keys = {
  message: (position: number) => numbered('m', position),
  receipt: (first: number) => numbered('r', first),
  header: (height: number) => numbered('h', height),
  sequence: (author: PeerIdBytes, sequence: bigint) => named('a', author, sequence),
  pooled: (author: PeerIdBytes, sequence: bigint) => named('p', author, sequence),
  side: (height: number, id: Hash) => Buffer.concat([numbered('s', height), id]),
  leaf: (leaf: Hash, position: number) => {
    const key = Buffer.allocUnsafe(1 + LEAF_PREFIX + SAFE_INTEGER_BYTES)
    key.write('l', 0, 'latin1')
    key.set(leaf.subarray(0, LEAF_PREFIX), 1)
    key.writeUIntBE(position, 1 + LEAF_PREFIX, SAFE_INTEGER_BYTES)
    return key
  },
  evidence: (hash: Hash) => Buffer.concat([Buffer.from('e'), hash]),
  grace: (keyId: Uint8Array) => Buffer.concat([Buffer.from('g'), keyId]),
  id: (id: Hash) => Buffer.concat([Buffer.from('i'), id]),
  tile: (level: number, index: number) => {
    const key = Buffer.allocUnsafe(2 + SAFE_INTEGER_BYTES)
    key.write('t', 0, 'latin1')
    key.writeUInt8(level, 1)
    key.writeUIntBE(index, 2, SAFE_INTEGER_BYTES)
    return key
  }
}

/** The inverse of `keys.message`, `keys.receipt` and `keys.header`. Throws StoreError. */
export function numberOfKey(key: Uint8Array): number {
  if (key.length !== 1 + SAFE_INTEGER_BYTES) throw new StoreError(`the key ${toHex(key)} is damaged`)
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).readUIntBE(1, SAFE_INTEGER_BYTES)
}

/** The inverse of `keys.sequence`. Throws StoreError. */
export function sequenceOfKey(key: Uint8Array): {
  readonly author: PeerIdBytes
  readonly sequence: bigint
} {
  if (key.length <= 1 + 8) throw new StoreError(`the key ${toHex(key)} is damaged`)
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.byteLength)
  return {
    author: bytes.subarray(1, -8) as Uint8Array as PeerIdBytes,
    sequence: bytes.readBigUInt64BE(bytes.length - 8)
  }
}

/** All keys of one kind. */
export const ranges = {
  messages: rangeOf('m'),
  sequences: rangeOf('a'),
  leaves: rangeOf('l'),
  receipts: rangeOf('r'),
  headers: rangeOf('h'),
  ids: rangeOf('i'),
  tiles: rangeOf('t'),
  evidence: rangeOf('e'),
  graces: rangeOf('g'),
  sides: rangeOf('s'),
  pooled: rangeOf('p')
}

function rangeOf(prefix: string): { readonly gte: Uint8Array; readonly lt: Uint8Array } {
  const byte = prefix.charCodeAt(0)
  return { gte: Uint8Array.of(byte), lt: Uint8Array.of(byte + 1) }
}

function named(prefix: string, author: PeerIdBytes, sequence: bigint): Buffer {
  const key = Buffer.allocUnsafe(1 + author.length + 8)
  key.write(prefix, 0, 'latin1')
  key.set(author, 1)
  key.writeBigUInt64BE(sequence, 1 + author.length)
  return key
}

function numbered(prefix: string, number: number): Buffer {
  const key = Buffer.allocUnsafe(1 + SAFE_INTEGER_BYTES)
  key.write(prefix, 0, 'latin1')
  key.writeUIntBE(number, 1, SAFE_INTEGER_BYTES)
  return key
}

/**
 * All of it or nothing, and on disk once this resolves. A chained batch, as its operations cost a tenth of
 * an array's.
 */
export async function writeDurably(database: Database, writes: readonly Write[]): Promise<void> {
  await write(database, writes, { sync: true })
}

/** All of it or nothing; a power failure may still take it away. */
export async function writeLazily(database: Database, writes: readonly Write[]): Promise<void> {
  await write(database, writes, { sync: false })
}

async function write(
  database: Database,
  writes: readonly Write[],
  options: { readonly sync: boolean }
): Promise<void> {
  if (writes.length === 0) return
  const batch = database.batch()
  for (const [index, operation] of writes.entries()) {
    if (operation.type === 'put') batch.put(operation.key, operation.value)
    else batch.del(operation.key)
    // A deep reorg has a hundred thousand of them; others are to be served meanwhile.
    if (index % TURN === TURN - 1) await setImmediate()
  }
  await batch.write(options)
}

/** Operations in one turn of the event loop. */
const TURN = 1024

const EMPTY = new Uint8Array(0)

/** What is written with a message, whoever brought it. `first` names its receipt; imported messages have none. */
export function messageWrites(message: Candidate, position: number, first: number | undefined): Write[] {
  const place = Buffer.allocUnsafe((first === undefined ? 1 : 2) * SAFE_INTEGER_BYTES)
  place.writeUIntBE(position, 0, SAFE_INTEGER_BYTES)
  if (first !== undefined) place.writeUIntBE(first, SAFE_INTEGER_BYTES, SAFE_INTEGER_BYTES)
  return [
    { type: 'put', key: keys.message(position), value: message.envelope },
    { type: 'put', key: keys.sequence(message.author, message.sequence), value: place },
    { type: 'put', key: keys.leaf(message.leaf, position), value: EMPTY }
  ]
}

/** What takes back `messageWrites`. */
export function messageDeletions(
  { leaf, author, sequence }: Omit<Candidate, 'envelope'>,
  position: number
): Write[] {
  return [
    { type: 'del', key: keys.message(position) },
    { type: 'del', key: keys.sequence(author, sequence) },
    { type: 'del', key: keys.leaf(leaf, position) }
  ]
}

/** Of a message that waits for a block. */
export function pooledWrite({ author, sequence, envelope }: Candidate): Write {
  return { type: 'put', key: keys.pooled(author, sequence), value: envelope }
}

export function pooledDeletion({ author, sequence }: Candidate): Write {
  return { type: 'del', key: keys.pooled(author, sequence) }
}

export function headerDeletions({ header, id }: SignedHeader): Write[] {
  return [
    { type: 'del', key: keys.header(header.height) },
    { type: 'del', key: keys.id(id) }
  ]
}

export function headerWrites(signed: CheckpointedHeader): Write[] {
  const { header, id } = signed
  const number = Buffer.allocUnsafe(SAFE_INTEGER_BYTES)
  number.writeUIntBE(header.height, 0, SAFE_INTEGER_BYTES)
  return [
    { type: 'put', key: keys.header(header.height), value: encodeStoredHeader(signed) },
    { type: 'put', key: keys.id(id), value: number }
  ]
}

export interface Place {
  readonly position: number
  /** Names the receipt under `keys.receipt`. Undefined where this peer has none. */
  readonly first: number | undefined
}

export function placeOf(database: Database, author: PeerIdBytes, sequence: bigint): Place | undefined {
  const value = database.getSync(keys.sequence(author, sequence))
  return value && placeOfValue(value)
}

export function placeOfValue(value: Uint8Array): Place {
  if (value.length !== SAFE_INTEGER_BYTES && value.length !== 2 * SAFE_INTEGER_BYTES)
    throw new StoreError('the index of a message is damaged')
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  return {
    position: bytes.readUIntBE(0, SAFE_INTEGER_BYTES),
    first:
      value.length === SAFE_INTEGER_BYTES
        ? undefined
        : bytes.readUIntBE(SAFE_INTEGER_BYTES, SAFE_INTEGER_BYTES)
  }
}

export function envelopeAt(database: Database, position: number): EnvelopeBytes | undefined {
  return database.getSync(keys.message(position)) as EnvelopeBytes | undefined
}

export function receiptOf(database: Database, { first }: Place): EnvelopeBytes | undefined {
  if (first === undefined) return undefined
  return database.getSync(keys.receipt(first)) as EnvelopeBytes | undefined
}

/** As `readStoredHeader` reads it. */
export function headerAt(database: Readable, height: number): Uint8Array | undefined {
  return database.getSync(keys.header(height))
}

export function heightOfId(database: Readable, id: Hash): number | undefined {
  const value = database.getSync(keys.id(id))
  if (value === undefined) return undefined
  if (value.length !== SAFE_INTEGER_BYTES) throw new StoreError('the index of a block is damaged')
  return Buffer.from(value).readUIntBE(0, SAFE_INTEGER_BYTES)
}

/** Whether the index of leaves leads from this one to `position`. */
export function hasLeaf(database: Database, leaf: Hash, position: number): boolean {
  return database.getSync(keys.leaf(leaf, position)) !== undefined
}

/** Positions whose leaf may be this one: those that share its first bytes. */
export async function positionsOfLeaf(database: Readable, leaf: Hash): Promise<number[]> {
  const range = { gte: keys.leaf(leaf, 0), lte: keys.leaf(leaf, 2 ** 48 - 1) }
  const found = await database.keys({ ...range, limit: 16 }).all()
  return found.map(key => Buffer.from(key).readUIntBE(1 + LEAF_PREFIX, SAFE_INTEGER_BYTES))
}

/** The envelopes at `from` ≤ position < `to`, in order; fewer where some are missing. */
export async function envelopesBetween(
  database: Readable,
  from: number,
  to: number
): Promise<EnvelopeBytes[]> {
  const range = { gte: keys.message(from), lt: keys.message(to) }
  return (await database.values(range).all()) as EnvelopeBytes[]
}

/** Thrown where a data folder holds another network, or something that was never written there. */
export class StoreError extends TallystickError {
  override name = 'StoreError'
  /** What to do about it, where that is the same for all. Else it depends on whose folder it is. */
  readonly remedy: string | undefined

  constructor(
    message: string,
    { code = 'ERR_DAMAGED', remedy, ...options }: CodedOptions & { readonly remedy?: string } = {}
  ) {
    super(code, message, options)
    this.remedy = remedy
  }
}

/** The canonical network document of a database; undefined where it was never used. */
export function networkIn(database: Database): Promise<Uint8Array | undefined> {
  return database.get(NETWORK_KEY)
}

/** Binds a new database to its network, and refuses one that belongs to another. Throws StoreError. */
export async function bindToNetwork(database: Database, network: Network): Promise<void> {
  const stored = await database.get(NETWORK_KEY)
  if (stored === undefined) {
    const [other] = await database.keys({ limit: 1 }).all()
    if (other !== undefined) throw new StoreError('it has lost its network document')
    await writeDurably(database, [{ type: 'put', key: NETWORK_KEY, value: network.canonical }])
  } else if (!equal(stored, network.canonical)) {
    throw new StoreError(
      `it holds another network than ${toHex(network.id).slice(0, 16)}… (${network.document.name})`,
      { code: 'ERR_OTHER_NETWORK' }
    )
  }
}

/** Runs `read`, naming the place where stored bytes turn out not to be what was written. */
export function expectStored<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof DecodeError)
      throw new StoreError(`${what} is damaged (${error.message})`, { cause: error })
    throw error
  }
}
