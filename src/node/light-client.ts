import { genesisCursor, type Rules } from '../chain/cursor.js'
import { type Database, expectStored, writeDurably } from '../chain/store.js'
import { type CheckpointedHeader, encodeStoredHeader, readStoredHeader } from '../core/block.js'
import { type EnvelopeBytes, equal, type PeerIdBytes } from '../core/bytes.js'
import { brokenReceiptEvidence } from '../core/evidence.js'
import { peerIdFromText, VerifierCache } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import { type ReceiptEntry, readReceipt } from '../core/receipt.js'
import type { Asker } from './asker.js'
import { describeError, type Report } from './events.js'
import { Contradiction, compareHeads } from './head-comparison.js'
import type { Outbox } from './outbox.js'
import { NotFound, Untrue } from './query-errors.js'
import type { Service } from './service.js'
import { unlessAborted, Wakeup } from './waiting.js'

export interface LightClientOptions {
  readonly rules: Rules
  /** Keeps the head under the key `d`, beside the outbox. */
  readonly database: Database
  readonly outbox: Outbox
  /** While it is, receipts are checked at a slower pace. */
  readonly isBusy: () => boolean
  /** Takes what may be evidence; false where it proves nothing. */
  readonly suspect: (evidence: Uint8Array) => boolean
  /** The peer that is asked shows what does not hold: another one should be asked. */
  readonly distrust: (why: string) => void
  readonly report: Report
  /** Hears of a sequencer that takes back what it has signed. */
  readonly failed: (error: Error) => void
}

const HEAD = Uint8Array.of(0x64)

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
  #peer: { readonly asker: Asker; readonly id: PeerIdBytes } | undefined
  #running: Promise<void> | undefined
  #round: Promise<unknown> = Promise.resolve()
  #proved = 0

  constructor(private readonly options: LightClientOptions) {
    const { rules } = options
    this.#sequencer = peerIdFromText(rules.network.document.ordering.sequencer)
    this.#head = genesisCursor(rules).signed
  }

  /** Throws StoreError where the head on disk cannot be read. */
  async start(): Promise<void> {
    const stored = await this.options.database.get(HEAD)
    if (stored !== undefined) this.#head = expectStored('the head', () => readStoredHeader(stored))
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

  ask(asker: Asker, id: PeerIdBytes): void {
    this.#peer = { asker, id }
    this.#due.wake()
  }

  askNobody(): void {
    this.#peer = undefined
  }

  /** Looks now, until there is nothing more to check. What goes wrong is reported, not thrown. */
  async look(signal: AbortSignal): Promise<void> {
    while ((await this.#lookOnce(signal)) && !signal.aborted);
  }

  /** Resolves to whether there is more to check. */
  #lookOnce(signal: AbortSignal): Promise<boolean> {
    const looked = this.#round.then(() => this.#look())
    this.#round = looked
    return unlessAborted(looked, signal).catch(() => false)
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#lookOnce(signal)
      await this.#due.wait(signal, LIMITS.headMs)
    }
  }

  async #look(): Promise<boolean> {
    const peer = this.#peer
    if (peer === undefined || this.#stopping.signal.aborted) return false
    const { distrust, failed, suspect, report } = this.options
    const isSequencer = equal(peer.id, this.#sequencer)
    try {
      await this.#moveHead(peer.asker, isSequencer)
      return await this.#checkReceipts(peer.asker)
    } catch (error) {
      if (this.#stopping.signal.aborted || this.#peer !== peer) return false
      if (error instanceof Contradiction && error.evidence !== undefined && suspect(error.evidence))
        return false
      if (error instanceof Contradiction && isSequencer) failed(error)
      else if (error instanceof Untrue) distrust(error.message)
      // A follower that is behind has no proof yet; whoever does not answer is asked again.
      else if (!(error instanceof NotFound))
        report({ event: 'warning', message: `the log was not checked now: ${describeError(error)}` })
      return false
    }
  }

  async #moveHead(asker: Asker, isSequencer: boolean): Promise<void> {
    const held = this.#head
    const compared = await compareHeads(asker, held)
    if (compared.kind === 'same') return
    if (compared.kind === 'older') {
      if (!isSequencer) return
      throw new Contradiction(
        `the log has shrunk: the sequencer shows block ${compared.head.header.height} as its head, and has shown block ${held.header.height} before`,
        undefined
      )
    }
    await writeDurably(this.options.database, [
      { type: 'put', key: HEAD, value: encodeStoredHeader(compared.head) }
    ])
    this.#head = compared.head
  }

  /** Whether it ended before it had seen all receipts. */
  async #checkReceipts(asker: Asker): Promise<boolean> {
    const { outbox, isBusy } = this.options
    const { size } = this.#head.header
    let budget: number = isBusy() ? LIMITS.checks.busy : LIMITS.checks.idle
    let looked = 0
    for await (const { lowest, receipt, checked } of outbox.unchecked()) {
      if (budget === 0) return true
      if (looked === LIMITS.checks.idle || this.#stopping.signal.aborted) return false
      looked += 1
      const entries = this.#read(receipt)
      const inBlocks = entries.slice(checked, checked + budget).filter(({ position }) => position < size)
      for (const entry of inBlocks) await this.#check(asker, entry, receipt)
      if (inBlocks.length === 0) continue
      budget -= inBlocks.length
      this.#proved += inBlocks.length
      const done = checked + inBlocks.length
      await outbox.noteChecked(lowest, done, done === entries.length)
    }
    return false
  }

  /** In the order of their positions: those that are in blocks come first. */
  #read(receipt: EnvelopeBytes): readonly ReceiptEntry[] {
    const { network } = this.options.rules
    const { entries } = expectStored('a receipt', () =>
      readReceipt(receipt, network.id, this.#sequencer, this.#verifiers)
    )
    return entries.toSorted((one, other) => one.position - other.position)
  }

  async #check(asker: Asker, { position, leaf }: ReceiptEntry, receipt: EnvelopeBytes): Promise<void> {
    const signed = this.#head
    const found = await asker.inclusionIn(signed.header, position)
    if (equal(found.leaf, leaf)) return
    throw new Contradiction(
      `position ${position} is not the message that its receipt says`,
      brokenReceiptEvidence(receipt, { position, ...found, signed })
    )
  }
}
