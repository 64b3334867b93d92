import type { Network } from '../../core/network-document.js'
import type { Peer } from '../../localnet/index.js'
import type { Holder } from './holder.js'
import { PublishingStranger } from './publishing-stranger.js'
import { type Stranger, SubmittingStranger } from './stranger.js'

/** All strangers of a run. */
export class Strangers {
  readonly #all: Stranger[] = []

  constructor(
    private readonly network: Network,
    private readonly signal: AbortSignal
  ) {}

  /** One that is connected to a peer, and hears what becomes of what this holder has signed. */
  async connect(holder: Holder, { addresses: [address = ''] }: Peer): Promise<Stranger> {
    const { network, signal } = this
    const stranger =
      network.document.ordering.type === 'sequencer'
        ? await PublishingStranger.connect(holder, network, address, signal)
        : await SubmittingStranger.connect(holder, network.id, address, signal)
    this.#all.push(stranger)
    return stranger
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all.splice(0).map(stranger => stranger.stop()))
  }
}
