import type { Chain } from '../../chain/chain.js'
import type { StoreError } from '../../chain/store.js'
import type { SignedHeader } from '../../core/block.js'
import { equal, type PeerIdBytes, toHex } from '../../core/bytes.js'
import { TallystickError } from '../../core/errors.js'
import { describeError, type Report } from '../../core/events.js'
import { LIMITS } from '../../core/limits.js'
import type { Service } from '../../lifecycle/service.js'
import { dialProblem } from '../../network/connection-errors.js'
import type { Host } from '../../network/host.js'
import { HeaderQueries } from '../../query/header-queries.js'

export interface OwnHeadCheckOptions {
  readonly host: Host
  readonly chain: Chain
  /** Addresses of followers that are asked before anything is signed. */
  readonly followers: readonly string[]
  /**
   * A block above the head, which this key has signed all the same. Resolves when that is written down, with why this
   * sequencer cannot go on; undefined where it may.
   */
  readonly ahead: (signed: SignedHeader) => Promise<StoreError | undefined>
  readonly report: Report
  readonly failed: (error: Error) => void
}

/**
 * The last line of a sequencer against an older folder: where the mark beside the key is as old as the folder, as after
 * a restored backup of both, nothing on this machine tells. Followers know better: those that are named, before anything is
 * signed, and each that comes. They are asked for their head, which a stranger cannot make up, as this key has signed it.
 */
export class OwnHeadCheck implements Service {
  readonly #asked = new Set<string>()
  #hasToldOfTwo = false

  constructor(private readonly options: OwnHeadCheckOptions) {}

  /** Throws StoreError where the folder is an older one. */
  async start(): Promise<void> {
    const { followers, host, report } = this.options
    for (const address of followers) {
      let shown: SignedHeader
      try {
        shown = await this.#headOf(await host.connect(address, AbortSignal.timeout(LIMITS.dialMs)))
      } catch (error) {
        const why = dialProblem(address, error)
        report({
          event: 'warning',
          message: `${address} was to be asked for newer blocks before anything is signed, and was not: ${why}`
        })
        continue
      }
      const problem = await this.#compare(shown)
      if (problem !== undefined) throw problem
    }
  }

  async stop(): Promise<void> {}

  /** A peer says that it follows. One question to each is on its way. */
  ask(peer: PeerIdBytes): void {
    const name = toHex(peer)
    if (this.#asked.has(name)) return
    this.#asked.add(name)
    const { failed } = this.options
    this.#headOf(peer)
      .then(
        signed => this.#compare(signed),
        // It has none to show, or none that this key has signed.
        () => undefined
      )
      .then(problem => {
        if (problem !== undefined)
          failed(
            new TallystickError(problem.code, `${problem.message}; ${problem.remedy}`, { cause: problem })
          )
      })
      .catch((error: unknown) => failed(new Error(describeError(error), { cause: error })))
      .finally(() => this.#asked.delete(name))
  }

  #headOf(peer: PeerIdBytes): Promise<SignedHeader> {
    const { host, chain } = this.options
    return new HeaderQueries(host, peer, chain.rules).header()
  }

  async #compare(shown: SignedHeader): Promise<StoreError | undefined> {
    const { chain, ahead, report } = this.options
    const { height } = shown.header
    const ours = chain.headerAt(height)
    if (ours === undefined) return ahead(shown)
    if (equal(ours.id, shown.id) || this.#hasToldOfTwo) return undefined
    this.#hasToldOfTwo = true
    report({
      event: 'warning',
      message: `THIS KEY HAS SIGNED TWO BLOCKS AT HEIGHT ${height}: ${toHex(ours.id)}, which is here, and ${toHex(shown.id)}, which a follower has. Whoever has both can prove it, and follows this sequencer no more`
    })
    return undefined
  }
}
