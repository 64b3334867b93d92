import type { SetApplication } from '../../applications/application.js'
import { type TransferSet, transferId } from '../../applications/ledger/transfer-set.js'
import type { Candidate } from '../../chain/candidate.js'
import {
  bindToNetwork,
  type Database,
  expectStored,
  StoreError,
  type Write,
  writeDurably
} from '../../chain/store.js'
import { type EnvelopeBytes, equal, type Hash, type PeerIdBytes, toHex } from '../../core/bytes.js'
import { decodeEnvelope } from '../../core/envelope.js'
import { LIMITS } from '../../core/limits.js'
import { leafHash } from '../../core/merkle.js'
import { decodeMessage, type Message } from '../../core/message.js'
import type { SetNetwork } from '../../core/network.js'
import { setRulesOf } from '../../rules/rules.js'

export interface TransferStoreOptions {
  readonly database: Database
  readonly network: SetNetwork
  /** Hears of each group that counts from now on. */
  readonly changed: () => void
  /** Hears of a write that failed, once. The store takes nothing more: a restart tells what is on disk. */
  readonly failed: (error: Error) => void
}

export type Stored =
  /** It is on its way to disk. `TransferStore.stored` tells when it is there. */
  | { readonly kind: 'accepted' }
  /** It counts already, or is on its way. */
  | { readonly kind: 'known' }
  /** Too many are on their way. */
  | { readonly kind: 'full' }
  /** Not now, says whoever brings it. */
  | { readonly kind: 'limited' }

/** Under its id. */
export interface StoredTransfer {
  readonly id: Hash
  readonly message: Message
  readonly envelope: EnvelopeBytes
}

/**
 * All transfers that a peer of a network with no order has heard of, each once, and their sums.
 *
 * | key      | value                      | written by   |
 * |----------|----------------------------|--------------|
 * | n        | canonical network document | first open   |
 * | d id(32) | leaf[0…8) envelope         | group commit |
 *
 * A transfer counts once it is on disk, in the sums and in all that others are told. So a crash takes nothing back
 * that anybody was told of.
 */
export class TransferStore {
  readonly #ledger: SetApplication
  /** Those that do not count yet, by their ids. */
  readonly #arriving = new Map<string, StoredTransfer>()
  #unwritten: StoredTransfer[] = []
  /** The group that is being written. */
  #group: Promise<void> = Promise.resolve()
  #isWriting = false
  #failure: Error | undefined
  /** How many of those that were ever accepted, and how many of them count. */
  #accepted = 0
  #counted = 0

  private constructor(private readonly options: TransferStoreOptions) {
    this.#ledger = setRulesOf(options.network)
  }

  /**
   * Hashes all that is on disk again and sums it up anew. Its signatures were verified before it was written, and are
   * not a second time: it would take as long as all else together many times over. Throws StoreError.
   */
  static async open(options: TransferStoreOptions): Promise<TransferStore> {
    const { database, network } = options
    await bindToNetwork(database, network)
    const store = new TransferStore(options)
    for await (const transfer of storedTransfers(database, network)) store.#count(transfer)
    return store
  }

  get transfers(): TransferSet {
    return this.#ledger.transfers
  }

  /** What the transfers come to. */
  get sums(): Pick<SetApplication, 'balance' | 'page'> {
    return this.#ledger
  }

  has(id: Hash): boolean {
    return this.#arriving.has(toHex(id)) || this.transfers.has(id)
  }

  /** Takes a transfer that was found valid. `mayAdd` is asked about one that is new. */
  add(
    { envelope }: Pick<Candidate, 'envelope'>,
    mayAdd: (author: PeerIdBytes) => boolean = () => true
  ): Stored {
    const { payload } = decodeEnvelope(envelope)
    const id = transferId(payload)
    if (this.has(id)) return { kind: 'known' }
    if (this.#arriving.size >= LIMITS.unwrittenTransfers || this.#failure !== undefined)
      return { kind: 'full' }
    const message = decodeMessage(payload)
    if (!mayAdd(message.author)) return { kind: 'limited' }
    const transfer = { id, message, envelope }
    this.#arriving.set(toHex(id), transfer)
    this.#unwritten.push(transfer)
    this.#accepted += 1
    if (!this.#isWriting) this.#writeAll()
    return { kind: 'accepted' }
  }

  /** Resolves when all that was accepted up to now is on disk and counts. Throws where it cannot be written. */
  async stored(): Promise<void> {
    const due = this.#accepted
    while (this.#counted < due) {
      if (this.#failure !== undefined) throw this.#failure
      await this.#group
    }
  }

  /** Those of these ids that are there, in their order. */
  async envelopes(ids: readonly Hash[]): Promise<EnvelopeBytes[]> {
    const values = await this.options.database.getMany(ids.map(keyOf))
    return values.flatMap(value => (value === undefined ? [] : envelopeIn(value)))
  }

  /** Group commits: all that comes while one of them is written goes into the next. */
  async #writeAll(): Promise<void> {
    this.#isWriting = true
    await Promise.resolve()
    try {
      while (this.#unwritten.length > 0) {
        this.#group = this.#write(this.#unwritten.splice(0, LIMITS.journalBatch))
        await this.#group
      }
      this.#isWriting = false
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error))
      this.options.failed(this.#failure)
    }
  }

  async #write(group: readonly StoredTransfer[]): Promise<void> {
    await writeDurably(this.options.database, group.map(putOf))
    // From here on a crash loses none of the group.
    for (const transfer of group) {
      this.#count(transfer)
      this.#arriving.delete(toHex(transfer.id))
    }
    this.#counted += group.length
    this.options.changed()
  }

  #count({ id, message }: StoredTransfer): void {
    const counted = this.#ledger.count(id, message)
    if (!counted.ok) throw new StoreError(`transfer ${toHex(id)} is not valid: ${counted.refusal.detail}`)
  }
}

/** All that a peer has on disk, in the order of their ids. Throws StoreError where it is not what was written. */
export async function* storedTransfers(
  database: Database,
  network: SetNetwork
): AsyncIterable<StoredTransfer> {
  await expectOnlyTransfers(database)
  for await (const [key, value] of database.iterator(TRANSFERS)) yield readStored(key, value, network)
}

export async function countStored(database: Database): Promise<number> {
  let count = 0
  for await (const _ of database.keys(TRANSFERS)) count += 1
  return count
}

const TRANSFERS = { gte: Buffer.from('d'), lt: Buffer.from('e') }
const LEAF_PREFIX = 8

function keyOf(id: Hash): Uint8Array {
  return Buffer.concat([TRANSFERS.gte, id])
}

function putOf({ id, envelope }: StoredTransfer): Write {
  const value = Buffer.concat([leafHash(envelope).subarray(0, LEAF_PREFIX), envelope])
  return { type: 'put', key: keyOf(id), value }
}

function envelopeIn(value: Uint8Array): EnvelopeBytes {
  return value.subarray(LEAF_PREFIX) as EnvelopeBytes
}

/** The leaf covers the signature, which the id does not. Throws StoreError. */
function readStored(key: Uint8Array, value: Uint8Array, network: SetNetwork): StoredTransfer {
  const envelope = envelopeIn(value)
  const name = `transfer ${toHex(key.subarray(1))}`
  const { payload } = expectStored(name, () => decodeEnvelope(envelope))
  const message = expectStored(name, () => decodeMessage(payload))
  const id = transferId(payload)
  const isWhole =
    equal(key, keyOf(id)) &&
    equal(value.subarray(0, LEAF_PREFIX), leafHash(envelope).subarray(0, LEAF_PREFIX)) &&
    equal(message.network, network.id)
  if (!isWhole) throw new StoreError(`${name} is damaged`)
  return { id, message, envelope }
}

/** Beside the network document. Throws StoreError. */
async function expectOnlyTransfers(database: Database): Promise<void> {
  const before = await database.keys({ lt: TRANSFERS.gte, limit: 1 }).all()
  const after = await database.keys({ gte: TRANSFERS.lt, limit: 2 }).all()
  if (before.length + after.length > 1)
    throw new StoreError(
      'it holds more than a set of transfers; it is not the folder of a peer of this network'
    )
}
