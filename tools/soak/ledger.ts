import type { EventOf, Localnet, Peer } from '../localnet/index.js'

/** All that the peers have said over all their runs, as far as the end needs it. */
export class Ledger {
  /** By client: its receipts by sequence. A client that was killed may have told one twice. */
  readonly receipts = new Map<Peer, Map<string, EventOf<'receipt'>>>()
  /** What cannot be: two receipts for one message that differ, a refusal of a message that was on its way. */
  readonly contradictions: string[] = []
  readonly evidence: { readonly peer: Peer; readonly detail: string }[] = []
  /** The highest block that anybody has announced. */
  height = 0
  #accepted = 0

  constructor(net: Localnet) {
    net.onEvent((peer, event) => {
      switch (event.event) {
        case 'receipt':
          return this.#receipt(peer, event)
        case 'refused':
          // Without a sequence the caller has it back, as when a client is stopped before it is connected.
          if (event.sequence !== null)
            this.contradictions.push(`${peer.name}: ${event.sequence} was refused: ${event.reason}`)
          return
        case 'evidence':
          this.evidence.push({ peer, detail: event.detail })
          return
        case 'block':
          this.height = Math.max(this.height, event.height)
          return
      }
    })
  }

  /** Messages that have a receipt. */
  get accepted(): number {
    return this.#accepted
  }

  #receipt(peer: Peer, receipt: EventOf<'receipt'>): void {
    const ofPeer = this.receipts.get(peer) ?? new Map<string, EventOf<'receipt'>>()
    this.receipts.set(peer, ofPeer)
    const sequence = String(receipt.sequence)
    const earlier = ofPeer.get(sequence)
    if (earlier === undefined) {
      ofPeer.set(sequence, receipt)
      this.#accepted += 1
    } else if (earlier.position !== receipt.position || earlier.leaf !== receipt.leaf)
      this.contradictions.push(
        `${peer.name}: ${sequence} has receipts for positions ${earlier.position} and ${receipt.position}`
      )
  }
}
