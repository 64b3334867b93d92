import type { Candidate } from '#src/chain/candidate.js'
import { type EnvelopeBytes, equal, toHex } from '#src/core/bytes.js'
import { VerifierCache } from '#src/core/keys.js'
import { readReceipt } from '#src/core/receipt.js'
import type { Links } from './links.js'
import type { Peer } from './peer.js'
import type { Sequencing } from './sequencing.js'

const verifiers = new VerifierCache()

/** Messages of a client of the sequencer, which are sent again until there is a receipt. It outlives stops, as on disk. */
export class Outbox {
  /** By leaf in hex. */
  readonly #waiting = new Map<string, Candidate>()
  /** By leaf in hex: what the receipt says. */
  readonly positions = new Map<string, number>()

  constructor(
    private readonly peer: Peer,
    private readonly sequencer: { readonly peer: Peer; readonly sequencing: Sequencing },
    private readonly links: Links,
    /** How long it waits for a receipt before it sends a message again, ms. */
    private readonly maxPendingAge: number
  ) {}

  get size(): number {
    return this.#waiting.size
  }

  submit(message: Candidate): void {
    this.#waiting.set(toHex(message.leaf), message)
    this.#send(message)
  }

  #send(message: Candidate): void {
    const leaf = toHex(message.leaf)
    if (!this.#waiting.has(leaf)) return
    const { peer, sequencer, links } = this
    peer.surroundings.time.after(this.maxPendingAge, () => this.#send(message))
    if (!peer.isOnline) return
    links.send(peer.index, sequencer.peer.index, async () => {
      const receipt = await sequencer.sequencing.submit(message)
      if (receipt === undefined) return
      links.send(sequencer.peer.index, peer.index, () => this.#heard(message, leaf, receipt))
    })
  }

  #heard(message: Candidate, leaf: string, receipt: EnvelopeBytes): void {
    const { peer, sequencer } = this
    const { rules, violations } = peer.surroundings
    if (!peer.isOnline) return
    const { entries } = readReceipt(receipt, rules.network.id, sequencer.peer.signer.peerId, verifiers)
    const entry = entries.find(each => equal(each.leaf, message.leaf))
    const before = this.positions.get(leaf)
    if (entry === undefined || (before !== undefined && before !== entry.position))
      violations.add('receipts', peer.name, `a message has another receipt than it had`)
    else this.positions.set(leaf, entry.position)
    this.#waiting.delete(leaf)
  }
}
