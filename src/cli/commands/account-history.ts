import {
  AccountHistory,
  type HistoryEntry,
  type Movement,
  movementOf
} from '../../applications/ledger/history.js'
import type { Header } from '../../core/block.js'
import { type PeerIdBytes, toHex } from '../../core/bytes.js'
import { decodeEnvelope } from '../../core/envelope.js'
import { describeFault } from '../../core/fault.js'
import { peerIdToString } from '../../core/keys.js'
import { decodeMessage } from '../../core/message.js'
import type { AskingOptions } from '../ask/asking.js'
import { peersTarget, targetOf, withLog } from '../ask/log-source.js'
import { type SetSource, withSet } from '../ask/set-source.js'
import { auditedBlocks } from '../ask/verify-log.js'
import { SetAudit } from '../ask/verify-set.js'
import { Failure } from '../failure.js'
import { sequenceToJson } from '../terminal/output.js'
import { printJson, printResult, standardOutput } from '../terminal/terminal.js'

interface HistoryOptions extends AskingOptions {
  readonly from?: string
}

/** All of it is verified, whoever shows it: blocks from the first one on, or the whole set where there are none. */
export async function showHistory(id: PeerIdBytes, options: HistoryOptions): Promise<void> {
  const { connect, from, network, data, key, swarmKey, json } = options
  const target = from === undefined ? peersTarget(connect) : await targetOf(from)
  const opening = { network, data, ...(key && { askWith: key }), ...(swarmKey && { swarmKey }) }
  if (await withSet(target, opening, source => showTransfers(id, source, json === true))) return
  await withLog(target, opening, async source => {
    const { application, network } = source.rules
    const { accounts } = application
    if (accounts === undefined)
      throw new Failure(
        'ERR_NOT_IN_NETWORK',
        `"${network.document.name}" keeps no ledger, so that there are no accounts`
      )
    let last = accounts.account(application.genesis(), id)
    const history = new AccountHistory(id, last)
    let height = 0
    // At a terminal its lines show how far it is, and a bar would stand among them.
    for await (const read of auditedBlocks(source, standardOutput.isTTY)) {
      if ('fault' in read)
        throw new Failure('ERR_NOT_VALID', `the history ends here: ${describeFault(read.fault)}`)
      const { signed, envelopes } = read.block
      const messages = envelopes.map(envelope => decodeMessage(decodeEnvelope(envelope).payload))
      last = accounts.account(read.state, id)
      height = signed.header.height
      for (const entry of history.entriesOf(signed.header, messages, last))
        showEntry(entry, signed.header, json === true)
    }
    const { balance, sequence } = last ?? { balance: 0n, sequence: 0n }
    const text = peerIdToString(id)
    if (json)
      printJson({ account: text, height, balance: String(balance), sequence: sequenceToJson(sequence) })
    else printResult(`VALID: ${text} has ${balance} after block ${height}, and has sent ${sequence}`)
  })
}

async function showTransfers(id: PeerIdBytes, source: SetSource, json: boolean): Promise<void> {
  const audit = new SetAudit(source)
  let transfers = 0
  for await (const read of audit.verified(standardOutput.isTTY)) {
    if ('fault' in read)
      throw new Failure('ERR_NOT_VALID', `the history ends here: ${describeFault(read.fault)}`)
    const movement = movementOf(id, read.message)
    if (movement === undefined) continue
    transfers += 1
    const name = toHex(read.id)
    if (json) printJson({ id: name, ...movementToJson(movement) })
    else printResult(`${name.slice(0, 16)}…  ${sentence(movement)}`)
  }
  const [text, balance] = [peerIdToString(id), audit.balance(id)]
  const { size } = audit.transfers
  const digest = toHex(audit.transfers.digest())
  if (json) printJson({ account: text, balance: String(balance), transfers, size, digest })
  else
    printResult(
      `VALID: ${text} has ${balance}, by ${transfers} of ${size} transfers, which have no order; digest ${digest}`
    )
}

function showEntry(entry: HistoryEntry, { height, time }: Header, json: boolean): void {
  if (json) printJson({ height, time, ...entryToJson(entry) })
  else printResult(`block ${String(height).padStart(6)}  ${sentence(entry)}`)
}

function entryToJson(entry: HistoryEntry): object {
  if (entry.kind === 'produced') return { kind: entry.kind, amount: String(entry.amount) }
  return { position: entry.position, ...movementToJson(entry) }
}

function movementToJson({ kind, other, sequence, amount, fee }: Movement): object {
  return {
    kind,
    other: peerIdToString(other),
    sequence: sequenceToJson(sequence),
    amount: String(amount),
    fee: String(fee)
  }
}

function sentence(entry: HistoryEntry | Movement): string {
  const amount = String(entry.amount).padStart(20)
  if (entry.kind === 'produced') return `+${amount}  for having made the block`
  const other = peerIdToString(entry.other)
  if (entry.kind === 'received') return `+${amount}  from ${other}, its transfer ${entry.sequence}`
  const sign = entry.kind === 'sent' ? '-' : '='
  return `${sign}${amount}  to ${other}, transfer ${entry.sequence}, fee ${entry.fee}`
}
