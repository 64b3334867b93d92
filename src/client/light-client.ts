import { genesisCursor } from '../chain/cursor.js'
import { type Database, expectStored, StoreError, writeDurably } from '../chain/store.js'
import { type CheckpointedHeader, encodeStoredHeader, readStoredHeader } from '../core/block.js'
import { type EnvelopeBytes, equal, type PeerIdBytes } from '../core/bytes.js'
import { describeError, type Report } from '../core/events.js'
import { brokenReceiptEvidence } from '../core/evidence.js'
import { VerifierCache } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import { sequencerOf } from '../core/network.js'
import { type ReceiptEntry, readReceipt } from '../core/receipt.js'
import type { Service } from '../lifecycle/service.js'
import { unlessAborted, Wakeup } from '../lifecycle/waiting.js'
import type { BlockQueries } from '../query/block-queries.js'
import { BlockReader } from '../query/block-reader.js'
import { compareHeads } from '../query/head-comparison.js'
import { Contradiction, isFalseAnswer, NotFound } from '../query/query-errors.js'
import type { Rules } from '../rules/rules.js'
import type { Outbox } from './outbox.js'
import { VERIFIED_HEAD_KEY } from './outbox-entries.js'

export interface LightClientOptions {
  readonly rules: Rules
  /** Keeps the head under the key `d`, beside the outbox. */
  readonly database: Database
  readonly outbox: Outbox
  /** While it is, fewer messages are checked. */
  readonly isBusy: () => boolean
  /** Hears of the head, from disk and whenever it has moved. */
  readonly moved?: (head: CheckpointedHeader) => void
  /** Takes what may be evidence; false where it proves nothing. */
  readonly suspect: (evidence: Uint8Array) => Promise<boolean>
  /** The peer that is asked shows what does not hold: another one should be asked. */
  readonly distrust: (why: string) => void
  readonly report: Report
  /** Hears of a sequencer that takes back what it has signed. */
  readonly failed: (error: Error) => void
}

interface AskedPeer {
  readonly asker: BlockQueries
  readonly id: PeerIdBytes
  /** It has shown our head, or a newer one: so it has the proofs of all that is in it. */
  isSynced: boolean
}

/**
 * Holds one verified head, on disk, and moves it by consistency proofs. Checks each receipt against the log
 * under that head, once its position is in a block. Asks whatever peer there is, and believes none.
 */
export class LightClient implements Service {
  readonly #stopping = new AbortController()
  readonly #due = new Wakeup()
  readonly #verifiers = new VerifierCache()
  readonly #sequencer: PeerIdBytes
  #head: CheckpointedHeader
  #peer: AskedPeer | undefined
  /** Looks in a row that got no answer. */
  #failures = 0
  #running: Promise<void> | undefined
  #round: Promise<void> = Promise.resolve()
  #proved = 0
  /** A receipt of many messages is looked at many times. */
  #lastRead: { readonly lowest: bigint; readonly entries: readonly ReceiptEntry[] } | undefined

  constructor(private readonly options: LightClientOptions) {
    const { rules } = options
    this.#sequencer = sequencerOf(rules.network)
    this.#head = genesisCursor(rules).signed
  }

  /** Throws StoreError where the head on disk is not what was written. */
  async start(): Promise<void> {
    const stored = await this.options.database.get(VERIFIED_HEAD_KEY)
    if (stored !== undefined) this.#moveTo(this.#verified(stored))
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the peer is stopping'))
    await this.#running
    await this.#round
  }

  get head(): CheckpointedHeader {
    return this.#head
  }

  /** Messages of this run and earlier ones that were found in the log where their receipts say, since the start. */
  get proved(): number {
    return this.#proved
  }

  ask(asker: BlockQueries, id: PeerIdBytes): void {
    this.#peer = { asker, id, isSynced: false }
    this.#due.wake()
  }

  /**
   * Throws, and tells that this client cannot go on, where the sequencer's log has shrunk. A peer that does not answer
   * is not judged here.
   */
  async expectGrown(asker: BlockQueries, id: PeerIdBytes): Promise<void> {
    if (this.#head.header.height === 0 || !equal(id, this.#sequencer)) return
    const compared = await compareHeads(asker, this.#head).catch(() => undefined)
    if (compared?.kind !== 'older') return
    const error = shrunk(compared.head, this.#head)
    this.options.failed(error)
    throw error
  }

  askNobody(): void {
    this.#peer = undefined
  }

  /** Looks once more, now, and at more messages than usual. What goes wrong is reported, not thrown. */
  look(signal: AbortSignal): Promise<void> {
    return this.#lookOnce(true, LIMITS.lastChecks, signal)
  }

  #lookOnce(atHead: boolean, most: number, signal: AbortSignal): Promise<void> {
    this.#round = this.#round.then(() => this.#look(atHead, most))
    return unlessAborted(this.#round, signal).catch(() => undefined)
  }

  /** One message at a time: many clients that check in bursts would be felt. */
  async #run(): Promise<void> {
    const { signal } = this.#stopping
    for (let sinceHead: number = LIMITS.headMs.busy; !signal.aborted; sinceHead += LIMITS.checkMs) {
      const isBusy = this.options.isBusy()
      const isDue = sinceHead >= (isBusy ? LIMITS.headMs.busy : LIMITS.headMs.idle)
      if (isDue) sinceHead = 0
      if (isDue || !isBusy) await this.#lookOnce(isDue, 1, signal)
      await this.#due.wait(signal, LIMITS.checkMs)
    }
  }

  async #look(atHead: boolean, most: number): Promise<void> {
    const peer = this.#peer
    const { signal } = this.#stopping
    if (peer === undefined || signal.aborted) return
    try {
      // A peer that does not answer does not delay a stop.
      if (atHead) await unlessAborted(this.#moveHead(peer), signal)
      // Who is behind has no proofs in our log yet.
      if (peer.isSynced) await unlessAborted(this.#checkReceipts(peer.asker, most), signal)
      this.#failures = 0
    } catch (error) {
      if (!this.#stopping.signal.aborted && this.#peer === peer) await this.#judge(error, peer)
    }
  }

  async #judge(error: unknown, { id }: AskedPeer): Promise<void> {
    const { distrust, failed, suspect, report } = this.options
    const isContradiction = error instanceof Contradiction
    if (isContradiction && error.evidence !== undefined && (await suspect(error.evidence))) return
    if (error instanceof StoreError || (isContradiction && equal(id, this.#sequencer))) failed(error)
    else if (isFalseAnswer(error)) distrust(error.message)
    else {
      this.#failures += 1
      const message = `the log was not checked now: ${describeError(error)}`
      if (this.#failures === 1) report({ event: 'warning', message })
      if (this.#failures % LIMITS.failedLooks === 0) distrust(message)
    }
  }

  async #moveHead(peer: AskedPeer): Promise<void> {
    const held = this.#head
    const compared = await compareHeads(peer.asker, held)
    peer.isSynced = compared.kind !== 'older'
    if (compared.kind === 'same') return
    if (compared.kind === 'older') {
      if (!equal(peer.id, this.#sequencer)) return
      throw shrunk(compared.head, held)
    }
    if (this.#stopping.signal.aborted) return
    await writeDurably(this.options.database, [
      { type: 'put', key: VERIFIED_HEAD_KEY, value: encodeStoredHeader(compared.head) }
    ])
    this.#moveTo(compared.head)
  }

  #moveTo(head: CheckpointedHeader): void {
    this.#head = head
    this.options.moved?.(head)
  }

  async #checkReceipts(asker: BlockQueries, most: number): Promise<void> {
    const { outbox } = this.options
    const { size } = this.#head.header
    let budget = most
    let looked = 0
    for await (const { lowest, receipt, checked } of outbox.unchecked()) {
      if (budget === 0 || looked === most || this.#stopping.signal.aborted) return
      looked += 1
      const entries = this.#read(lowest, receipt)
      const inBlocks = entries.slice(checked, checked + budget).filter(({ position }) => position < size)
      for (const entry of inBlocks) await this.#check(asker, entry, receipt)
      if (inBlocks.length === 0) continue
      budget -= inBlocks.length
      this.#proved += inBlocks.length
      const done = checked + inBlocks.length
      await outbox.noteChecked(lowest, done, done === entries.length)
    }
  }

  #verified(stored: Uint8Array): CheckpointedHeader {
    try {
      const { envelope, checkpoint } = readStoredHeader(stored)
      return new BlockReader(this.options.rules, this.#verifiers).header(envelope, checkpoint)
    } catch (error) {
      throw new StoreError(`the verified head on disk is damaged (${describeError(error)})`)
    }
  }

  /** In the order of their positions: those that are in blocks come first. */
  #read(lowest: bigint, receipt: EnvelopeBytes): readonly ReceiptEntry[] {
    if (this.#lastRead?.lowest === lowest) return this.#lastRead.entries
    const { network } = this.options.rules
    const read = expectStored('a receipt', () =>
      readReceipt(receipt, network.id, this.#sequencer, this.#verifiers)
    )
    const entries = read.entries.toSorted((one, other) => one.position - other.position)
    this.#lastRead = { lowest, entries }
    return entries
  }

  async #check(asker: BlockQueries, { position, leaf }: ReceiptEntry, receipt: EnvelopeBytes): Promise<void> {
    const signed = this.#head
    const found = await asker.inclusionIn(signed.header, position).catch((error: unknown) => {
      if (!(error instanceof NotFound)) throw error
      throw new Contradiction(`it keeps back the proof of what stands at position ${position}`, undefined)
    })
    if (equal(found.leaf, leaf)) return
    throw new Contradiction(
      `position ${position} is not the message that its receipt says`,
      brokenReceiptEvidence(receipt, { position, ...found, signed })
    )
  }
}

function shrunk(shown: CheckpointedHeader, held: CheckpointedHeader): Contradiction {
  return new Contradiction(
    `the log has shrunk: the sequencer shows block ${shown.header.height} as its head, and has shown block ${held.header.height} before; nothing is sent to it. Ask its operator to bring back the newest copy of its folder; messages that wait stay in this client's folder`,
    undefined
  )
}
