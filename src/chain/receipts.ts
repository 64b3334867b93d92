import type { EnvelopeBytes, Hash, PeerIdBytes } from '../core/bytes.js'
import type { Signer } from '../core/keys.js'
import { provenSigner } from '../core/proven-signer.js'
import { signReceipt } from '../core/receipt.js'
import type { Positioned } from './candidate.js'
import { keys, messageWrites, type Write } from './store.js'

export interface IssuedReceipt {
  readonly author: PeerIdBytes
  readonly receipt: EnvelopeBytes
}

export interface ReceiptIssuerOptions {
  readonly network: Hash
  readonly signer: Signer
  /** ms since 1970. */
  readonly now: () => number
}

/** Signs receipts for messages at their positions. They are shown to others once their messages are durable. */
export class ReceiptIssuer {
  readonly #proven: Signer

  constructor(private readonly options: ReceiptIssuerOptions) {
    this.#proven = provenSigner(options.signer)
  }

  /**
   * One receipt for each author, and all that is written with them. The first one is verified: a key that has gone wrong
   * signs all of them wrong, and none is written.
   */
  issue(messages: readonly Positioned[]): { readonly writes: Write[]; readonly receipts: IssuedReceipt[] } {
    const { network, signer, now } = this.options
    const time = now()
    const writes: Write[] = []
    const receipts: IssuedReceipt[] = []
    for (const group of byAuthor(messages)) {
      const [first] = group
      if (first === undefined) continue
      const { author } = first
      const entries = group.map(({ sequence, position, leaf }) => ({ sequence, position, leaf }))
      const by = receipts.length === 0 ? this.#proven : signer
      const receipt = signReceipt({ network, author, time, entries }, by)
      receipts.push({ author, receipt })
      writes.push({ type: 'put', key: keys.receipt(first.position), value: receipt })
      for (const message of group) writes.push(...messageWrites(message, message.position, first.position))
    }
    return { writes, receipts }
  }
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
