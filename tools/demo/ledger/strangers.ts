import { describeError } from '#src/core/events.js'
import type { Network } from '#src/core/network.js'
import type { Peer } from '../../localnet/index.js'
import type { Holder } from './holder.js'
import { PublishingStranger } from './publishing-stranger.js'
import { type Stranger, SubmittingStranger } from './stranger.js'

/** All strangers of a run. */
export class Strangers {
  readonly #all: Promise<Stranger>[] = []

  constructor(
    private readonly network: Network,
    private readonly signal: AbortSignal
  ) {}

  /** One that is connected to a peer, and hears what becomes of what this holder has signed; nothing where nobody answers. */
  connect(holder: Holder, peer: Peer): Promise<Stranger> {
    const connected = this.#connect(holder, peer).catch(error => unheard(describeError(error)))
    this.#all.push(connected)
    return connected
  }

  async stop(): Promise<void> {
    for (const stranger of await Promise.all(this.#all.splice(0))) await stranger.stop()
  }

  async #connect(holder: Holder, { addresses: [address = ''] }: Peer): Promise<Stranger> {
    const { network, signal } = this
    signal.throwIfAborted()
    return network.document.ordering.type === 'sequencer'
      ? PublishingStranger.connect(holder, network, address, signal)
      : SubmittingStranger.connect(holder, network.id, address, signal)
  }
}

function unheard(why: string): Stranger {
  return { hand: async () => ({ kind: 'silent', why }), stop: async () => undefined }
}
