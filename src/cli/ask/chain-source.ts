import { AccountHistory } from '../../applications/ledger/history.js'
import { ranges } from '../../chain/store.js'
import { type ReadBlock, storedBlocks } from '../../chain/stored-blocks.js'
import { encodeBlock, type Header } from '../../core/block.js'
import { type PeerIdBytes, toHex } from '../../core/bytes.js'
import { decodeEnvelope } from '../../core/envelope.js'
import { peerIdToString } from '../../core/keys.js'
import { decodeMessage } from '../../core/message.js'
import type { ChainNetwork } from '../../core/network.js'
import { rulesOf } from '../../rules/rules.js'
import { Failure } from '../failure.js'
import { blocksIn, writeExport } from '../files/export-file.js'
import { expectBlocks } from '../files/files.js'
import type { Destination } from '../files/frame-file.js'
import { readEncryptionKeys } from '../files/key-files.js'
import { isMeant, type MessagePrinter } from '../terminal/message-printer.js'
import { sequenceToJson } from '../terminal/output.js'
import { standardOutput } from '../terminal/terminal.js'
import { askedBlocks } from './asked-blocks.js'
import { asking } from './asking.js'
import { ChainAudit, type Log } from './chain-audit.js'
import { describeRange, type MessageRange, type ReadingWishes, WHOLE_LOG } from './message-range.js'
import { entryTold } from './movements.js'
import { readPeer } from './read-peer.js'
import { holding, type Source, type Told, type Verified } from './source.js'
import { type Place, type SourceOptions, type Target, withPlace } from './target.js'

/** Opens a log for as long as `use` takes. Throws UsageError where there is no order. */
export function withLog<T>(
  target: Target,
  options: SourceOptions,
  use: (log: Log) => Promise<T>
): Promise<T> {
  return withPlace(target, options, (place, network) => logIn(place, expectBlocks(network), use))
}

async function logIn<T>(place: Place, network: ChainNetwork, use: (log: Log) => Promise<T>): Promise<T> {
  const rules = rulesOf(network)
  switch (place.kind) {
    case 'folder': {
      const { database } = place
      const [last] = await database.keys({ ...ranges.headers, reverse: true, limit: 1 }).all()
      const total = last ? Buffer.from(last).readUIntBE(1, 6) : 0
      return use({ rules, database, ...counted(storedBlocks(database, rules.ordering), total) })
    }
    case 'file': {
      const { file } = place
      return use({ rules, blocks: blocksIn(file, rules.ordering), progress: file.progress })
    }
    case 'peer':
      return asking(place.asked, (asker, head) =>
        use({ rules: asker.rules, ...counted(askedBlocks(asker, head), head.header.height) })
      )
  }
}

function counted(blocks: AsyncIterable<ReadBlock>, total: number): Pick<Log, 'blocks' | 'progress'> {
  let done = 0
  async function* counting(): AsyncIterable<ReadBlock> {
    for await (const read of blocks) {
      done += 1
      yield read
    }
  }
  return { blocks: counting(), progress: { total, unit: 'blocks', done: () => done } }
}

/** A log. */
export class ChainSource implements Source {
  constructor(
    readonly network: ChainNetwork,
    private readonly place: Place
  ) {}

  async verify(keyFile?: string): Promise<Verified> {
    const keys = keyFile === undefined ? [] : await readEncryptionKeys(keyFile)
    return this.#withLog(async log => {
      const audit = new ChainAudit(log, keys)
      let broken: Pick<Verified, 'fault'> | undefined
      for await (const read of audit.verified()) if ('fault' in read) broken = read
      const { fault, pending } = { pending: undefined, ...(broken ?? (await audit.rest())) }
      const { head, weight, unopened } = audit.auditor
      const { height, size } = head.header
      const network = toHex(this.network.id)
      const isByWeight = log.rules.ordering.sequencer === undefined
      const opened = keys.length === 0 ? '' : `, ${size - unopened} of them opened`
      const waiting = pending === undefined ? '' : `; ${pending} more in no block yet`
      return {
        fault,
        height,
        size,
        facts: {
          network,
          ...(isByWeight && { weight: weight.toString() }),
          ...(pending !== undefined && { pending }),
          ...(keys.length > 0 && { unopened })
        },
        sentence: `${height} blocks, ${size} messages${opened}${waiting}`,
        lines: [
          `head      ${toHex(head.id)}`,
          ...(isByWeight ? [`weight    ${weight}`] : []),
          `network   ${network}`
        ]
      }
    })
  }

  exportTo(destination: Destination): Promise<Told> {
    return this.#withLog(async log => {
      const audit = new ChainAudit(log)
      async function* encoded(): AsyncIterable<Uint8Array> {
        for await (const { block } of holding(audit.verified(), 'export')) yield encodeBlock(block)
      }
      const bytes = await writeExport(destination, this.network, encoded())
      const { height, size } = audit.auditor.head.header
      return {
        facts: { height, size, bytes },
        sentence: `${height} blocks, ${size} messages, ${bytes} bytes`
      }
    })
  }

  /** Of a peer no more than what is meant is asked for. */
  async read(wishes: ReadingWishes, printer: MessagePrinter): Promise<string> {
    if (this.place.kind !== 'peer')
      return this.#withLog(log => readLog(log, wishes.range ?? WHOLE_LOG, printer))
    const { height, size, pending } = await readPeer(this.place.asked, wishes, printer)
    const waiting =
      pending === undefined ? '' : `; messages waiting for a block, as the peer says: ${pending}`
    return `the log has ${size} messages in ${height} blocks${waiting}`
  }

  history(id: PeerIdBytes, show: (told: Told) => void): Promise<void> {
    return this.#withLog(async log => {
      const { application } = log.rules
      const { accounts } = application
      if (accounts === undefined)
        throw new Failure(
          'ERR_NOT_IN_NETWORK',
          `"${this.network.document.name}" keeps no ledger, so that there are no accounts`
        )
      let last = accounts.account(application.genesis(), id)
      const history = new AccountHistory(id, last)
      const audit = new ChainAudit(log)
      // At a terminal its lines show how far it is, and a bar would stand among them.
      for await (const { block } of holding(audit.verified(standardOutput.isTTY), 'history')) {
        const { signed, envelopes } = block
        const messages = envelopes.map(envelope => decodeMessage(decodeEnvelope(envelope).payload))
        last = accounts.account(audit.auditor.state, id)
        for (const entry of history.entriesOf(signed.header, messages, last))
          show(entryTold(entry, signed.header))
      }
      const { height } = audit.auditor.head.header
      const { balance, sequence } = last ?? { balance: 0n, sequence: 0n }
      const account = peerIdToString(id)
      show({
        facts: { account, height, balance: String(balance), sequence: sequenceToJson(sequence) },
        sentence: `VALID: ${account} has ${balance} after block ${height}, and has sent ${sequence}`
      })
    })
  }

  #withLog<T>(use: (log: Log) => Promise<T>): Promise<T> {
    return logIn(this.place, this.network, use)
  }
}

/** Of a folder or a file, which is verified from its beginning. */
async function readLog(log: Log, range: MessageRange, printer: MessagePrinter): Promise<string> {
  const audit = new ChainAudit(log)
  let meant = 0
  const isSilent = standardOutput.isTTY || range !== WHOLE_LOG
  for await (const { block } of holding(audit.verified(isSilent), 'log')) {
    meant += await printer.block(block, range)
    if (isOver(range, block.signed.header, meant)) break
  }
  const { header } = audit.auditor.head
  const { height, size } = header
  if (!isOver(range, header, meant))
    for await (const { envelope, position } of audit.pending()) {
      if (!isMeant(range, position, undefined, envelope)) continue
      meant += 1
      await printer.message(envelope, { position, height: undefined })
    }
  const isOne = range.kind !== 'positions' || range.first === range.last
  if (isOne && meant === 0 && !(range.kind === 'block' && range.height <= height))
    throw new Failure(
      'ERR_NOT_FOUND',
      `${describeRange(range)} is not there: the log has ${height} blocks with ${size} messages`
    )
  return `verified up to block ${height}, with ${size} messages up to there`
}

function isOver(range: MessageRange, { size, height }: Header, meant: number): boolean {
  switch (range.kind) {
    case 'positions':
      return range.last !== undefined && range.last < size
    case 'block':
      return range.height <= height
    case 'leaf':
      return meant > 0
  }
}
