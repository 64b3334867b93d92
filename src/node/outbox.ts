import {
  bindToNetwork,
  type Database,
  expectStored,
  type Write,
  writeDurably,
  writeLazily
} from '../chain/store.js'
import { type EnvelopeBytes, type Hash, toHex } from '../core/bytes.js'
import { decodeEnvelope, signEnvelope } from '../core/envelope.js'
import type { Signer } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import { leafHash } from '../core/merkle.js'
import { type Body, decodeMessage, encodeMessage } from '../core/message.js'
import type { Network } from '../core/network-document.js'
import { type SealingContext, seal } from '../core/sealing.js'

/** A message that is on disk here and has no receipt yet. */
export interface Unreceipted {
  readonly sequence: bigint
  readonly leaf: Hash
  readonly envelope: EnvelopeBytes
  /** The encryption key it is sealed to; empty where it is open. */
  readonly keyId: Uint8Array
}

/** What bodies are sealed with, where they are. */
export type Sealing = SealingContext | 'open'

/** `lowest`: the lowest sequence it names, which names it. `checked`: how many of its messages have been, in its order. */
export interface UncheckedReceipt {
  readonly lowest: bigint
  readonly receipt: EnvelopeBytes
  readonly checked: number
}

interface WithBody {
  readonly message: Unreceipted
  readonly body: Uint8Array
}

/**
 * A client's own messages until they have their receipts, and the receipts after that. Where nobody gives receipts,
 * until a peer says that it has them on its disk.
 *
 * | key            | value                                                   |
 * |----------------|---------------------------------------------------------|
 * | n              | canonical network document                              |
 * | o sequence(8)  | envelope without a receipt                              |
 * | p sequence(8)  | its body before it was sealed, where it is, for as long  |
 * | q sequence(8)  | receipt; the sequence is the lowest one it names         |
 * | u sequence(8)  | count(4): so many messages of the receipt with this key have been checked against the log |
 * | s              | sequence(8) that the next message gets                  |
 *
 * A message is on disk, with the sequence after it, before it is published: after a crash no sequence is
 * used twice, which also keeps nonces from repeating.
 *
 * The bodies are there to be sealed again should the sequencer have a new key. They lie open on the disk of
 * whoever wrote them, who had them open before; the receipt or the refusal takes them away.
 */
export class Outbox {
  readonly #waiting = new Map<string, Unreceipted>()
  #next: bigint
  /** Takes back the writes that failed, as they may be on disk all the same. It goes first in the next write. */
  #undo: Write[] = []

  private constructor(
    private readonly database: Database,
    private readonly network: Network,
    private readonly signer: Signer,
    private readonly now: () => number,
    next: bigint
  ) {
    this.#next = next
  }

  /** Throws StoreError if the folder belongs to another network. */
  static async open(
    database: Database,
    network: Network,
    signer: Signer,
    now: () => number
  ): Promise<Outbox> {
    await bindToNetwork(database, network)
    const next = await database.get(NEXT)
    const outbox = new Outbox(database, network, signer, now, next ? Buffer.from(next).readBigUInt64BE() : 1n)
    for await (const value of database.values({ gte: numbered('o', 0n), lte: numbered('o', LAST) })) {
      const envelope = value as EnvelopeBytes
      outbox.#hold(expectStored('a message in the outbox', () => readUnreceipted(envelope)))
    }
    return outbox
  }

  /** Messages without a receipt, in the order of their sequences. */
  waiting(): Unreceipted[] {
    return [...this.#waiting.values()]
  }

  get size(): number {
    return this.#waiting.size
  }

  find(leaf: Hash): Unreceipted | undefined {
    return this.#waiting.get(toHex(leaf))
  }

  /**
   * Signs and stores messages, sealed or open, in order. They are on disk when this resolves. Where the write fails,
   * their sequences are used up: what may be on disk, and is sealed under them, must not meet another message
   * there. One call at a time, of this and `reseal`.
   */
  async add(bodies: readonly Uint8Array[], sealing: Sealing): Promise<Unreceipted[]> {
    if (this.#waiting.size + bodies.length > LIMITS.outboxMessages)
      throw new Error(`the outbox holds ${this.#waiting.size} messages without a receipt and takes no more`)
    return this.#replace([], bodies, sealing)
  }

  /**
   * Says messages that were refused for their key once more, sealed to another one, under new sequences. One
   * synced batch: after a crash either the old or the new message is there, never both, never none. Undefined
   * stands for a message that has been settled meanwhile, or whose body is not here.
   */
  async reseal(
    messages: readonly Unreceipted[],
    context: SealingContext
  ): Promise<(Unreceipted | undefined)[]> {
    if (this.#undo.length > 0) await this.#write([], [])
    const bodies = await this.database.getMany(messages.map(({ sequence }) => numbered('p', sequence)))
    const known = messages.flatMap((message, index) => {
      const body = bodies[index]
      return body !== undefined && this.find(message.leaf) !== undefined ? [{ message, body }] : []
    })
    const again = await this.#replace(
      known,
      known.map(({ body }) => body),
      context
    )
    const replaced = new Map(known.map(({ message }, index) => [message, again[index]]))
    return messages.map(message => replaced.get(message))
  }

  /** Drops some messages and adds others, at once and durably. */
  async #replace(
    old: readonly WithBody[],
    bodies: readonly Uint8Array[],
    sealing: Sealing
  ): Promise<Unreceipted[]> {
    const first = this.#next
    this.#next += BigInt(bodies.length)
    const added = bodies.map((body, index) => ({
      message: this.#make(first + BigInt(index), body, sealing),
      body
    }))
    await this.#write(old, added)
    for (const { message } of old) this.#waiting.delete(toHex(message.leaf))
    for (const { message } of added) this.#hold(message)
    return added.map(({ message }) => message)
  }

  async #write(old: readonly WithBody[], added: readonly WithBody[]): Promise<void> {
    const deletions = old.flatMap(({ message }) => deletionsOf(message))
    const next: Write = { type: 'put', key: NEXT, value: bigEndian(this.#next) }
    const writes: Write[] = [...this.#undo, ...deletions, ...added.flatMap(putsOf), next]
    try {
      await writeDurably(this.database, writes)
      this.#undo = []
    } catch (error) {
      this.#undo.push(...added.flatMap(({ message }) => deletionsOf(message)), ...old.flatMap(putsOf))
      throw new Error(
        'the outbox could not be written; if it was all the same, a restart of this client sends the message',
        { cause: error }
      )
    }
  }

  /** Keeps a verified receipt in place of the messages it names. */
  async settle(messages: readonly Unreceipted[], receipt: EnvelopeBytes): Promise<void> {
    const [first] = messages
    if (first === undefined) return
    const lowest = messages.reduce(
      (least, { sequence }) => (sequence < least ? sequence : least),
      first.sequence
    )
    await this.#drop(messages, [
      { type: 'put', key: numbered('q', lowest), value: receipt },
      { type: 'put', key: numbered('u', lowest), value: counted(0) }
    ])
  }

  /** Forgets messages that were refused for good, or that a peer has on its disk. */
  async discard(...messages: readonly Unreceipted[]): Promise<void> {
    await this.#drop(messages, [])
  }

  /** Receipts on disk, in the order of the sequences they begin with. */
  async receipts(): Promise<EnvelopeBytes[]> {
    const range = { gte: numbered('q', 0n), lte: numbered('q', LAST) }
    return (await this.database.values(range).all()) as EnvelopeBytes[]
  }

  /** Receipts that have not been checked against the log, in the same order, with how many of each have been. */
  async *unchecked(): AsyncIterable<UncheckedReceipt> {
    const range = { gte: numbered('u', 0n), lte: numbered('u', LAST) }
    for await (const [key, value] of this.database.iterator(range)) {
      const lowest = Buffer.from(key).readBigUInt64BE(1)
      const receipt = await this.database.get(numbered('q', lowest))
      const checked = Buffer.from(value).readUInt32BE()
      if (receipt !== undefined) yield { lowest, receipt: receipt as EnvelopeBytes, checked }
    }
  }

  /** `checked` of the receipt's messages now have been; all of them where `isDone`. Not synced: a crash costs a second look. */
  async noteChecked(lowest: bigint, checked: number, isDone: boolean): Promise<void> {
    const key = numbered('u', lowest)
    await writeLazily(this.database, [
      isDone ? { type: 'del', key } : { type: 'put', key, value: counted(checked) }
    ])
  }

  async #drop(messages: readonly Unreceipted[], writes: Write[]): Promise<void> {
    for (const { leaf } of messages) this.#waiting.delete(toHex(leaf))
    // Not synced: after a crash the message is sent again and the same receipt comes back.
    await writeLazily(this.database, [...writes, ...messages.flatMap(deletionsOf)])
  }

  #make(sequence: bigint, bytes: Uint8Array, sealing: Sealing): Unreceipted {
    const claim = { network: this.network.id, author: this.signer.peerId, sequence, time: this.now() }
    const body: Body =
      sealing === 'open' ? { kind: 'open', bytes } : { kind: 'sealed', sealed: seal(sealing, claim, bytes) }
    const envelope = signEnvelope('message', encodeMessage({ ...claim, body }), this.signer)
    return { sequence, leaf: leafHash(envelope), envelope, keyId: keyIdOf(body) }
  }

  #hold(message: Unreceipted): void {
    this.#waiting.set(toHex(message.leaf), message)
  }
}

/** Whether a folder is a client's, and holds no log. */
export async function isOutbox(database: Database): Promise<boolean> {
  return (await database.get(NEXT)) !== undefined
}

const NEXT = Uint8Array.of(0x73)
const LAST = 2n ** 64n - 1n
const EMPTY = new Uint8Array(0)

/** Throws DecodeError. */
function readUnreceipted(envelope: EnvelopeBytes): Unreceipted {
  const { sequence, body } = decodeMessage(decodeEnvelope(envelope).payload)
  return { sequence, leaf: leafHash(envelope), envelope, keyId: keyIdOf(body) }
}

function keyIdOf(body: Body): Uint8Array {
  return body.kind === 'sealed' ? body.sealed.keyId : EMPTY
}

/** An open message holds its body itself. */
function putsOf({ message, body }: WithBody): Write[] {
  const put: Write = { type: 'put', key: numbered('o', message.sequence), value: message.envelope }
  if (message.keyId.length === 0) return [put]
  return [put, { type: 'put', key: numbered('p', message.sequence), value: body }]
}

function deletionsOf({ sequence }: Unreceipted): Write[] {
  return [
    { type: 'del', key: numbered('o', sequence) },
    { type: 'del', key: numbered('p', sequence) }
  ]
}

function counted(count: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(count)
  return bytes
}

function bigEndian(number: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigUInt64BE(number)
  return bytes
}

function numbered(prefix: string, number: bigint): Buffer {
  return Buffer.concat([Buffer.from(prefix), bigEndian(number)])
}
