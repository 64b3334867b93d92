import type { EnvelopeBytes, Hash, PeerIdBytes } from '../core/bytes.js'
import type { Signer } from '../core/keys.js'
import { signReceipt } from '../core/receipt.js'
import type { Candidate } from './candidate.js'
import { keys, messageWrites, type Write } from './store.js'

export interface Positioned extends Candidate {
  readonly position: number
}

export interface IssuedReceipt {
  readonly author: PeerIdBytes
  readonly receipt: EnvelopeBytes
}

export interface Signers {
  readonly signer: Signer
  /** The same key; verifies what it has signed. */
  readonly proven: Signer
}

/**
 * Signs receipts for messages at their positions, one for each author. Gives them, and all that is written with them. The
 * first one is verified: a key that has gone wrong signs all of them wrong, and none is written.
 */
export function receiptedWrites(
  messages: readonly Positioned[],
  network: Hash,
  time: number,
  { signer, proven }: Signers
): { readonly writes: Write[]; readonly receipts: IssuedReceipt[] } {
  const writes: Write[] = []
  const receipts: IssuedReceipt[] = []
  for (const group of byAuthor(messages)) {
    const [first] = group
    if (first === undefined) continue
    const { author } = first
    const entries = group.map(({ sequence, position, leaf }) => ({ sequence, position, leaf }))
    const receipt = signReceipt({ network, author, time, entries }, receipts.length === 0 ? proven : signer)
    receipts.push({ author, receipt })
    writes.push({ type: 'put', key: keys.receipt(first.position), value: receipt })
    for (const message of group) writes.push(...messageWrites(message, message.position, first.position))
  }
  return { writes, receipts }
}

function byAuthor(messages: readonly Positioned[]): Iterable<Positioned[]> {
  const groups = new Map<string, Positioned[]>()
  for (const message of messages) {
    const name = Buffer.from(message.author).toString('latin1')
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [message])
    else group.push(message)
  }
  return groups.values()
}
