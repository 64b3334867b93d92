import type { HistoryEntry, Movement } from '../../applications/ledger/history.js'
import type { Header } from '../../core/block.js'
import { type Hash, toHex } from '../../core/bytes.js'
import { peerIdToString } from '../../core/keys.js'
import { sequenceToJson } from '../terminal/output.js'
import type { Told } from './source.js'

/** What changed an account, as it is shown. */

export function entryTold(entry: HistoryEntry, { height, time }: Header): Told {
  const what =
    entry.kind === 'produced'
      ? { kind: entry.kind, amount: String(entry.amount) }
      : { position: entry.position, ...movementToJson(entry) }
  return {
    facts: { height, time, ...what },
    sentence: `block ${String(height).padStart(6)}  ${sentenceOf(entry)}`
  }
}

export function transferTold(id: Hash, movement: Movement): Told {
  const name = toHex(id)
  return {
    facts: { id: name, ...movementToJson(movement) },
    sentence: `${name.slice(0, 16)}…  ${sentenceOf(movement)}`
  }
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

function sentenceOf(entry: HistoryEntry | Movement): string {
  const amount = String(entry.amount).padStart(20)
  if (entry.kind === 'produced') return `+${amount}  for having made the block`
  const other = peerIdToString(entry.other)
  if (entry.kind === 'received') return `+${amount}  from ${other}, its transfer ${entry.sequence}`
  const sign = entry.kind === 'sent' ? '-' : '='
  return `${sign}${amount}  to ${other}, transfer ${entry.sequence}, fee ${entry.fee}`
}
