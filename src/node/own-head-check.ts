import type { Chain } from '../chain/chain.js'
import type { SignedHeader } from '../core/block.js'
import { equal, type PeerIdBytes, toHex } from '../core/bytes.js'
import type { Host } from '../network/host.js'
import { ClaimAsker } from './claim-asker.js'
import { describeError, type Report } from './events.js'

export interface OwnHeadCheckOptions {
  readonly host: Host
  readonly chain: Chain
  /** A block above the head, which this key has signed all the same. Resolves when that is written down. */
  readonly ahead: (signed: SignedHeader) => Promise<void>
  readonly report: Report
  readonly failed: (error: Error) => void
}

/**
 * The last line of a sequencer against an older folder: where the mark beside the key is as old as the folder, as after
 * a restored backup of both, nothing on this machine tells. Followers know better. Each that comes is asked for its
 * head once, which a stranger cannot make up, as this sequencer's key has signed it.
 */
export class OwnHeadCheck {
  readonly #asked = new Set<string>()
  #hasToldOfTwo = false

  constructor(private readonly options: OwnHeadCheckOptions) {}

  /** A peer says that it follows. One question to each is on its way. */
  ask(peer: PeerIdBytes): void {
    const name = toHex(peer)
    if (this.#asked.has(name)) return
    this.#asked.add(name)
    const { host, chain, failed } = this.options
    const asker = new ClaimAsker(host, peer, chain.rules)
    asker
      .header()
      .then(
        signed => this.#compare(signed),
        // It has none to show, or none that this key has signed.
        () => undefined
      )
      .catch((error: unknown) => failed(new Error(describeError(error))))
      .finally(() => this.#asked.delete(name))
  }

  async #compare(shown: SignedHeader): Promise<void> {
    const { chain, ahead, report } = this.options
    const { height } = shown.header
    const ours = chain.headerAt(height)
    if (ours === undefined) return ahead(shown)
    if (equal(ours.id, shown.id) || this.#hasToldOfTwo) return
    this.#hasToldOfTwo = true
    report({
      event: 'warning',
      message: `THIS KEY HAS SIGNED TWO BLOCKS AT HEIGHT ${height}: ${toHex(ours.id)}, which is here, and ${toHex(shown.id)}, which a follower has. Whoever has both can prove it, and follows this sequencer no more`
    })
  }
}
