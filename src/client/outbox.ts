import {
  bindToNetwork,
  type Database,
  expectStored,
  type Write,
  writeDurably,
  writeLazily
} from '../chain/store.js'
import { type EnvelopeBytes, type Hash, toHex } from '../core/bytes.js'
import { signEnvelope } from '../core/envelope.js'
import type { Signer } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import { leafHash } from '../core/merkle.js'
import { type Body, encodeMessage } from '../core/message.js'
import type { Network } from '../core/network.js'
import { type SealingContext, seal } from '../core/sealing.js'
import { StoredBodies } from './outbox-bodies.js'
import {
  bigEndian,
  counted,
  type Draft,
  deletionsOf,
  idIn,
  keyIdOf,
  LAST_SEQUENCE,
  NEXT,
  numbered,
  paymentKey,
  readUnreceipted,
  type Stored,
  type Unreceipted,
  writesOf
} from './outbox-entries.js'
import { FIRST_NUMBERS, type Numbers, type SequenceMark } from './sequence-mark.js'
import { StoredDrafts } from './stored-drafts.js'

/** What bodies are sealed with, where they are. */
export type Sealing = SealingContext | 'open'

/** `lowest`: the lowest sequence it names, which names it. `checked`: how many of its messages have been, in its order. */
export interface UncheckedReceipt {
  readonly lowest: bigint
  readonly receipt: EnvelopeBytes
  readonly checked: number
}

/**
 * A client's own messages until they have their receipts, and the receipts after that. Where nobody gives receipts,
 * until a peer says that it has them on its disk.
 *
 * | key            | value                                                   |
 * |----------------|---------------------------------------------------------|
 * | n              | canonical network document                              |
 * | o sequence(8)  | envelope without a receipt                              |
 * | p sequence(8)  | its body before it was sealed, where it is, for as long, encrypted |
 * | c              | nothing: no body lies in the folder that is not encrypted |
 * | q sequence(8)  | receipt; the sequence is the lowest one it names         |
 * | u sequence(8)  | count(4): so many messages of the receipt with this key have been checked against the log |
 * | s              | sequence(8) that the next message gets                  |
 * | x              | number(8) after the highest of a transfer that was signed here |
 * | h number(8)    | what waits for a key, encrypted, in the order in which it was handed in |
 * | w sequence(8)  | units(8) that a transfer takes from its account, until it is known to stand in a block or was refused |
 *
 * A message is on disk, with the sequence after it, and then the mark beside the key is, before it is published: after
 * a crash, and with an older copy of the folder, no sequence is used twice, which also keeps nonces from repeating. The
 * numbers of transfers are the wallet's to give.
 *
 * The bodies are there to be sealed again should the sequencer have a new key. The receipt or the refusal takes them
 * away; until the database drops them from its files they are encrypted there, as they were before.
 */
export class Outbox {
  readonly #waiting = new Map<string, Unreceipted>()
  #next: bigint
  #nextPayment: bigint
  #isOld = false
  #unknownPayments = 0n
  /** Takes back the writes that failed, as they may be on disk all the same. It goes first in the next write. */
  #undo: Write[] = []
  readonly #bodies: StoredBodies

  private constructor(
    private readonly database: Database,
    private readonly network: Network,
    private readonly signer: Signer,
    private readonly now: () => number,
    /** Beside the key. */
    private readonly mark: SequenceMark | undefined,
    /** What the folder says. */
    known: Numbers
  ) {
    this.#next = known.next
    this.#nextPayment = known.nextPayment
    if (mark !== undefined && mark.last.next > known.next) this.#next = mark.last.next
    this.#bodies = new StoredBodies(signer, network.id)
  }

  /** Throws StoreError if the folder belongs to another network. */
  static async open(
    database: Database,
    network: Network,
    signer: Signer,
    now: () => number,
    mark?: SequenceMark
  ): Promise<Outbox> {
    await bindToNetwork(database, network)
    const known = await numbersIn(database)
    const outbox = new Outbox(database, network, signer, now, mark, known)
    outbox.#isOld = mark !== undefined && isBelow(known, mark.last)
    outbox.#unknownPayments = mark !== undefined && outbox.#isOld ? mark.last.nextPayment : 0n
    // What a crash has left above the mark was not sent. It is, from now on.
    await mark?.raise(known)
    await outbox.#bodies.encryptAll(database)
    for await (const value of database.values({
      gte: numbered('o', 0n),
      lte: numbered('o', LAST_SEQUENCE)
    })) {
      const envelope = value as EnvelopeBytes
      const message = expectStored('a message in the outbox', () => readUnreceipted(envelope))
      outbox.#hold(await outbox.#named(message))
    }
    return outbox
  }

  /** With the id that stands in its body, which an earlier run has stored. */
  async #named(message: Unreceipted): Promise<Unreceipted> {
    if (message.keyId.length === 0) return message
    const [body] = await this.#storedBodies([message])
    return { ...message, id: body && idIn(body) }
  }

  /** Undefined where it is not here. */
  async #storedBodies(messages: readonly Unreceipted[]): Promise<(Uint8Array | undefined)[]> {
    const stored = await this.database.getMany(messages.map(({ sequence }) => numbered('p', sequence)))
    return stored.map((body, index) => {
      const message = messages[index]
      return body && message && this.#bodies.decrypt(bigEndian(message.sequence), body)
    })
  }

  /** What waits for a key. */
  drafts(): Promise<StoredDrafts> {
    return StoredDrafts.open(this.database, this.#bodies)
  }

  /** Whether the key has signed what this folder does not know of: it is an older copy, or another one. */
  get isOld(): boolean {
    return this.#isOld
  }

  /** Transfers below this number may have been signed with another folder. */
  get unknownPayments(): bigint {
    return this.#unknownPayments
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

  /** Gives out no number below this from now on, also after a restart. Those between stay unused here. */
  async skipTo(next: bigint): Promise<void> {
    if (next <= this.#next) return
    this.#next = next
    const numbers = { next, nextPayment: this.#nextPayment }
    await writeDurably(this.database, numbersWrites(numbers))
    await this.mark?.raise(numbers)
  }

  /**
   * Signs and stores messages, sealed or open, in order. They are on disk when this resolves. Where the write fails,
   * their sequences are used up: what may be on disk, and is sealed under them, must not meet another message
   * there. One call at a time, of this and `reseal`.
   */
  async add(drafts: readonly Draft[], sealing: Sealing): Promise<Unreceipted[]> {
    if (this.#waiting.size + drafts.length > LIMITS.outboxMessages)
      throw new Error(`the outbox holds ${this.#waiting.size} messages without a receipt and takes no more`)
    return this.#replace([], drafts, sealing)
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
    const bodies = await this.#storedBodies(messages)
    const known = messages.flatMap((message, index) => {
      const body = bodies[index]
      if (body === undefined || this.find(message.leaf) === undefined) return []
      return [{ message, draft: { body, id: message.id } }]
    })
    const again = await this.#replace(
      known,
      known.map(({ draft }) => draft),
      context
    )
    const replaced = new Map(known.map(({ message }, index) => [message, again[index]]))
    return messages.map(message => replaced.get(message))
  }

  /** Drops some messages and adds others, at once and durably. */
  async #replace(old: readonly Stored[], drafts: readonly Draft[], sealing: Sealing): Promise<Unreceipted[]> {
    const added = drafts.map((draft): Stored => {
      const sequence = draft.payment?.sequence ?? this.#next++
      return { message: this.#make(sequence, draft, sealing), draft }
    })
    await this.#write(old, added)
    for (const { message } of old) this.#waiting.delete(toHex(message.leaf))
    for (const { message } of added) this.#hold(message)
    return added.map(({ message }) => message)
  }

  async #write(old: readonly Stored[], added: readonly Stored[]): Promise<void> {
    const deletions = old.flatMap(({ message }) => deletionsOf(message))
    for (const { draft } of added) this.#nextPayment = after(draft.payment?.sequence, this.#nextPayment)
    const numbers = { next: this.#next, nextPayment: this.#nextPayment }
    const writes: Write[] = [...this.#undo, ...deletions, ...this.#writesOf(added), ...numbersWrites(numbers)]
    try {
      await writeDurably(this.database, writes)
      // After a crash here the folder is above the mark, and the message is sent at the next start.
      await this.mark?.raise(numbers)
      this.#undo = []
    } catch (error) {
      this.#undo.push(...takingBack(this.#writesOf(added)), ...this.#writesOf(old))
      throw new Error(
        'the outbox could not be written; if it was all the same, a restart of this client sends the message',
        { cause: error }
      )
    }
  }

  #writesOf(stored: readonly Stored[]): Write[] {
    return stored.flatMap(each => writesOf(each, (place, body) => this.#bodies.encrypt(place, body)))
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

  /** Leaves messages to a peer that has them on its disk. */
  async handOver(...messages: readonly Unreceipted[]): Promise<void> {
    await this.#drop(messages, [])
  }

  /** Forgets messages that were refused for good. */
  async discard(...messages: readonly Unreceipted[]): Promise<void> {
    await this.#drop(
      messages,
      messages.map(({ sequence }): Write => ({ type: 'del', key: paymentKey(sequence) }))
    )
  }

  /** Receipts on disk, in the order of the sequences they begin with. */
  async receipts(): Promise<EnvelopeBytes[]> {
    const range = { gte: numbered('q', 0n), lte: numbered('q', LAST_SEQUENCE) }
    return (await this.database.values(range).all()) as EnvelopeBytes[]
  }

  /** Receipts that have not been checked against the log, in the same order, with how many of each have been. */
  async *unchecked(): AsyncIterable<UncheckedReceipt> {
    const range = { gte: numbered('u', 0n), lte: numbered('u', LAST_SEQUENCE) }
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

  #make(sequence: bigint, { body: bytes, id }: Draft, sealing: Sealing): Unreceipted {
    const claim = { network: this.network.id, author: this.signer.peerId, sequence, time: this.now() }
    const body: Body =
      sealing === 'open' ? { kind: 'open', bytes } : { kind: 'sealed', sealed: seal(sealing, claim, bytes) }
    const envelope = signEnvelope('message', encodeMessage({ ...claim, body }), this.signer)
    return { sequence, leaf: leafHash(envelope), envelope, keyId: keyIdOf(body), id }
  }

  #hold(message: Unreceipted): void {
    this.#waiting.set(toHex(message.leaf), message)
  }
}

function takingBack(puts: readonly Write[]): Write[] {
  return puts.map(({ key }): Write => ({ type: 'del', key }))
}

const NEXT_PAYMENT = Uint8Array.of(0x78)

async function numbersIn(database: Database): Promise<Numbers> {
  const next = await database.get(NEXT)
  const stored = await database.get(NEXT_PAYMENT)
  const range = { gte: paymentKey(0n), lte: paymentKey(LAST_SEQUENCE), reverse: true, limit: 1 }
  const [highest] = await database.keys(range).all()
  const nextPayment = stored ? Buffer.from(stored).readBigUInt64BE() : FIRST_NUMBERS.nextPayment
  return {
    next: next ? Buffer.from(next).readBigUInt64BE() : FIRST_NUMBERS.next,
    nextPayment: after(highest && Buffer.from(highest).readBigUInt64BE(1), nextPayment)
  }
}

function numbersWrites({ next, nextPayment }: Numbers): Write[] {
  const writes: Write[] = [{ type: 'put', key: NEXT, value: bigEndian(next) }]
  if (nextPayment > FIRST_NUMBERS.nextPayment)
    writes.push({ type: 'put', key: NEXT_PAYMENT, value: bigEndian(nextPayment) })
  return writes
}

function isBelow(one: Numbers, other: Numbers): boolean {
  return one.next < other.next || one.nextPayment < other.nextPayment
}

function after(number: bigint | undefined, known: bigint): bigint {
  return number !== undefined && number >= known ? number + 1n : known
}
