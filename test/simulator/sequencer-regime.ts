import type { Random } from '#tools/localnet/random.js'
import { Author } from './author.js'
import type { Links } from './links.js'
import { Outbox } from './outbox.js'
import type { Regime, VirtualNode } from './regime.js'
import { Sequencing } from './sequencing.js'
import type { Writer } from './writing.js'

/** The first node orders, and writers send it their messages until they have receipts. */
export class SequencerRegime implements Regime {
  readonly #sequencing: Sequencing
  readonly #outboxes: Outbox[] = []

  constructor(
    private readonly sequencer: VirtualNode,
    private readonly links: Links,
    private readonly random: Random,
    /** How long a writer waits for a receipt before it sends a message again, ms. */
    private readonly maxPendingAge: number
  ) {
    this.#sequencing = new Sequencing(sequencer.blocks)
  }

  isMiner(): boolean {
    return false
  }

  employ(node: VirtualNode): void {
    if (node === this.sequencer) node.peer.duties.push(this.#sequencing)
  }

  writerAt({ peer }: VirtualNode): Writer {
    const sequencer = { peer: this.sequencer.peer, sequencing: this.#sequencing }
    const outbox = new Outbox(peer, sequencer, this.links, this.maxPendingAge)
    this.#outboxes.push(outbox)
    return {
      author: new Author(peer, this.random),
      submit: message => outbox.submit(message),
      apart: () => undefined
    }
  }

  hasWaiting(): boolean {
    return this.#sequencing.pending > 0 || this.#outboxes.some(({ size }) => size > 0)
  }

  settle(): void {
    // The sequencer makes none that are not needed.
  }

  *receipts(): Iterable<readonly [leaf: string, position: number]> {
    for (const { positions } of this.#outboxes) yield* positions
  }
}
