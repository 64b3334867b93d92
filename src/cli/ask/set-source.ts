import type { SetApplication } from '../../applications/application.js'
import { movementOf } from '../../applications/ledger/history.js'
import { type TransferSet, transferId } from '../../applications/ledger/transfer-set.js'
import { type Database, StoreError } from '../../chain/store.js'
import { type EnvelopeBytes, type Hash, type PeerIdBytes, toHex } from '../../core/bytes.js'
import { decodeEnvelope } from '../../core/envelope.js'
import type { Fault, FaultKind } from '../../core/fault.js'
import { peerIdToString } from '../../core/keys.js'
import { decodeMessage, type Message } from '../../core/message.js'
import type { SetNetwork } from '../../core/network.js'
import type { Verdict } from '../../core/validation.js'
import { SetQueries } from '../../replication/set/set-queries.js'
import { groupsOf, type ReadTransfers, transfersOf } from '../../replication/set/set-reading.js'
import { countStored, storedTransfers } from '../../replication/set/transfer-store.js'
import { setRulesOf } from '../../rules/rules.js'
import { checkMessages } from '../../validation/message-checks.js'
import { ValidationPool } from '../../validation/validation-pool.js'
import { Failure, UsageError } from '../failure.js'
import { transfersIn, writeExport } from '../files/export-file.js'
import type { Destination } from '../files/frame-file.js'
import { isMeant, type MessagePrinter } from '../terminal/message-printer.js'
import { type Reading, watched } from '../terminal/progress.js'
import { standardOutput } from '../terminal/terminal.js'
import { oneOf, withConnection } from './asking.js'
import { describeRange, type ReadingWishes } from './message-range.js'
import { transferTold } from './movements.js'
import { holding, type Source, type Told, type Verified } from './source.js'
import type { Place } from './target.js'

/** Transfers as they are found somewhere. To be read once. */
interface Found {
  readonly transfers: AsyncIterable<ReadTransfers>
  readonly progress: Reading
}

/** One that was found valid. */
interface Transfer {
  readonly id: Hash
  readonly message: Message
  readonly envelope: EnvelopeBytes
}

/** The fault: what is wrong with the first that is not valid, or with the set. */
type AuditedTransfer = Transfer | { readonly fault: Fault }

/** A set of transfers: each is verified by itself, and that none is there twice. */
export class SetSource implements Source {
  readonly #ledger: SetApplication

  constructor(
    readonly network: SetNetwork,
    private readonly place: Place
  ) {
    this.#ledger = setRulesOf(network)
  }

  /** Nothing is sealed here. */
  async verify(): Promise<Verified> {
    let fault: Fault | undefined
    await this.#withVerified(false, async verified => {
      for await (const read of verified) if ('fault' in read) fault = read.fault
    })
    const { size, digest } = this.#sum
    const network = toHex(this.network.id)
    return {
      fault,
      height: 0,
      size,
      facts: { digest, network },
      sentence: `${size} transfers`,
      lines: [`digest    ${digest}`, `network   ${network}`]
    }
  }

  async exportTo(destination: Destination): Promise<Told> {
    const bytes = await this.#withVerified(false, verified =>
      writeExport(destination, this.network, envelopesOf(holding(verified, 'export')))
    )
    const { size, digest } = this.#sum
    return {
      facts: { size, digest, bytes },
      sentence: `${size} transfers, digest ${digest}, ${bytes} bytes`
    }
  }

  async read({ range, isFollowing }: ReadingWishes, printer: MessagePrinter): Promise<string> {
    const { name } = this.network.document
    if (range !== undefined && range.kind !== 'leaf')
      throw new UsageError(`"${name}" has no order, and so no positions and no blocks; name none, or a leaf`)
    if (isFollowing) throw new UsageError(`"${name}" has no order, so that nothing follows; read it again`)
    await this.#withVerified(standardOutput.isTTY, async verified => {
      for await (const { envelope } of holding(verified, 'set')) {
        if (range !== undefined && !isMeant(range, 0, undefined, envelope)) continue
        await printer.message(envelope, { position: undefined, height: undefined })
      }
    })
    if (range !== undefined && printer.printed === 0)
      throw new Failure('ERR_NOT_FOUND', `${describeRange(range)} is not there`)
    const { size, digest } = this.#sum
    return `${size} transfers, in no order, with digest ${digest}`
  }

  async history(id: PeerIdBytes, show: (told: Told) => void): Promise<void> {
    let transfers = 0
    await this.#withVerified(standardOutput.isTTY, async verified => {
      for await (const { id: name, message } of holding(verified, 'history')) {
        const movement = movementOf(id, message)
        if (movement === undefined) continue
        transfers += 1
        show(transferTold(name, movement))
      }
    })
    const account = peerIdToString(id)
    const balance = this.#ledger.balance(id) ?? 0n
    const { size, digest } = this.#sum
    show({
      facts: { account, balance: String(balance), transfers, size, digest },
      sentence: `VALID: ${account} has ${balance}, by ${transfers} of ${size} transfers, which have no order; digest ${digest}`
    })
  }

  /** Of those that were verified so far. */
  get #sum(): { readonly size: number; readonly digest: string } {
    const { transfers } = this.#ledger
    return { size: transfers.size, digest: toHex(transfers.digest()) }
  }

  /** All transfers, each once it has been verified, up to the first fault. */
  async #withVerified<T>(
    isSilent: boolean,
    use: (verified: AsyncIterable<AuditedTransfer>) => Promise<T>
  ): Promise<T> {
    return this.#withFound(async ({ transfers, progress }) => {
      const pool = new ValidationPool(this.network)
      try {
        await pool.start()
        return await use(watched(this.#verified(transfers, pool), progress, isSilent))
      } finally {
        await pool.stop()
      }
    })
  }

  async #withFound<T>(use: (found: Found) => Promise<T>): Promise<T> {
    const { network, place } = this
    const have = (): TransferSet => this.#ledger.transfers
    const found = (transfers: Found['transfers'], total: number): Found => ({
      transfers,
      progress: { total, unit: 'transfers', done: () => have().size }
    })
    switch (place.kind) {
      case 'folder':
        return use(found(storedGroups(place.database, network), await countStored(place.database)))
      case 'file':
        return use({ transfers: transfersIn(place.file), progress: place.file.progress })
      case 'peer':
        return withConnection(oneOf(place.asked), network, async ({ host, peer }) => {
          const asker = new SetQueries(host, peer, network)
          return use(found(transfersOf(asker, have), (await asker.status()).count))
        })
    }
  }

  async *#verified(
    transfers: AsyncIterable<ReadTransfers>,
    pool: ValidationPool
  ): AsyncIterable<AuditedTransfer> {
    for await (const read of transfers) {
      if ('fault' in read) {
        yield read
        return
      }
      const verdicts = await checkMessages(read.envelopes, pool)
      for (const [index, envelope] of read.envelopes.entries()) {
        const audited = this.#count(envelope, verdicts[index])
        yield audited
        if ('fault' in audited) return
      }
    }
  }

  #count(envelope: EnvelopeBytes, verdict: Verdict | undefined): AuditedTransfer {
    if (verdict === undefined) throw new RangeError('each transfer has a verdict')
    const wrong = (kind: FaultKind, detail: string): AuditedTransfer => ({ fault: { kind, detail } })
    if (!verdict.ok) {
      const { reason, detail } = verdict.refusal
      return wrong('message', `the one with leaf ${toHex(verdict.leaf)}: ${reason}: ${detail}`)
    }
    const { payload } = decodeEnvelope(envelope)
    const [id, message] = [transferId(payload), decodeMessage(payload)]
    const counted = this.#ledger.count(id, message)
    if (!counted.ok) return wrong('message', `transfer ${toHex(id)}: ${counted.refusal.detail}`)
    if (!counted.isNew) return wrong('duplicate', `transfer ${toHex(id)} is there twice`)
    return { id, message, envelope }
  }
}

async function* storedGroups(database: Database, network: SetNetwork): AsyncIterable<ReadTransfers> {
  async function* envelopes(): AsyncIterable<EnvelopeBytes> {
    for await (const { envelope } of storedTransfers(database, network)) yield envelope
  }
  try {
    for await (const group of groupsOf(envelopes())) yield { envelopes: group }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    yield { fault: { kind: 'index', detail: error.message } }
  }
}

async function* envelopesOf(transfers: AsyncIterable<Transfer>): AsyncIterable<EnvelopeBytes> {
  for await (const { envelope } of transfers) yield envelope
}
