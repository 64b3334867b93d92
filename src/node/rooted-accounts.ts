import type { Rules } from '../chain/cursor.js'
import { type PeerIdBytes, toHex } from '../core/bytes.js'
import { LIMITS } from '../core/limits.js'
import type { Host } from '../network/host.js'
import { AccountAsker, type ShownAccount } from './account-asker.js'
import { QueryFailed } from './query-errors.js'
import { VerifiedChain } from './verified-chain.js'
import { unlessAborted, within } from './waiting.js'

export interface RootedAccountsOptions {
  readonly host: Host
  readonly rules: Rules
  /** ms since 1970. */
  readonly now: () => number
  /** Those that are connected now: of others nothing is kept but the heaviest chain. */
  readonly peers: () => readonly PeerIdBytes[]
}

/** A peer, and its chain as far as that was verified. */
interface Source {
  readonly asker: AccountAsker
  readonly chain: VerifiedChain
}

/**
 * What accounts have, among equals, where a header alone costs next to nothing to make, and a chain of few blocks not much:
 * the state that its headers name is anything. It must stand on the chain that its peer shows from the genesis on, and of
 * all chains that were shown the one with most work counts. Each is verified once, and followed from there.
 */
export class RootedAccounts {
  readonly #sources = new Map<string, Source>()
  /** That of a peer that has gone counts, too: others reach it again, or go past it. */
  #heaviest: VerifiedChain | undefined

  constructor(private readonly options: RootedAccountsOptions) {}

  /**
   * Undefined where no peer is connected. Rejects with Untrue where what is shown does not hold, with QueryFailed where
   * no peer shows enough, and when `signal` fires.
   */
  ask(account: PeerIdBytes, signal: AbortSignal): Promise<ShownAccount> | undefined {
    const sources = this.#connected()
    return sources.length === 0 ? undefined : this.#askHeaviest(sources, account, signal)
  }

  /** The peer with the heaviest chain first. One that keeps the account back keeps no other one on this chain from showing it. */
  async #askHeaviest(
    sources: readonly Source[],
    account: PeerIdBytes,
    signal: AbortSignal
  ): Promise<ShownAccount> {
    const shown = await this.#followed(sources, signal)
    // Those that are still being verified as well: they weigh what was verified.
    for (const { chain } of sources) if (this.#isHeavier(chain)) this.#heaviest = chain
    let problem: unknown = new QueryFailed(
      'the peers that answer show chains with less work than was shown before; ask again'
    )
    for (const { asker, chain } of shown.filter(source => this.#counts(source)).sort(byWeight)) {
      const { weight } = chain
      try {
        const found = await unlessAborted(
          asker.account(account),
          within(LIMITS.accountMs / (sources.length + 1), signal)
        )
        if (chain.weight >= weight) return found
        problem = new QueryFailed('the peer has moved to a chain with less work than it had shown; ask again')
      } catch (error) {
        signal.throwIfAborted()
        problem = error
      }
    }
    throw problem
  }

  /** Those that show their chains in time: once one has, the others have a moment more. */
  async #followed(sources: readonly Source[], signal: AbortSignal): Promise<Source[]> {
    const followed = sources.map(source => source.chain.follow().then(() => source))
    const first = Promise.any(followed).catch(async () => followed[0])
    await unlessAborted(first, within(LIMITS.accountMs / 2, signal))
    const late = within(LIMITS.otherChainsMs, signal)
    const settled = await Promise.allSettled(followed.map(each => unlessAborted(each, late)))
    return settled.flatMap(each => (each.status === 'fulfilled' ? [each.value] : []))
  }

  #isHeavier({ weight }: VerifiedChain): boolean {
    return this.#heaviest === undefined || weight > this.#heaviest.weight
  }

  /** Whether it is as heavy as any, or a part of the heaviest one. */
  #counts({ chain: { head, weight } }: Source): boolean {
    const heaviest = this.#heaviest
    return heaviest === undefined || weight >= heaviest.weight || heaviest.has(head.header.height, head.id)
  }

  #connected(): Source[] {
    const peers = new Map(this.options.peers().map(peer => [toHex(peer), peer]))
    for (const name of this.#sources.keys()) if (!peers.has(name)) this.#sources.delete(name)
    for (const [name, peer] of peers)
      if (!this.#sources.has(name)) this.#sources.set(name, this.#sourceOf(peer))
    return [...this.#sources.values()]
  }

  #sourceOf(peer: PeerIdBytes): Source {
    const { host, rules, now } = this.options
    const asker = new AccountAsker(host, peer, rules, now)
    const chain = new VerifiedChain(asker, rules, now)
    asker.tieToChain(chain)
    return { asker, chain }
  }
}

/** The heaviest first. */
function byWeight({ chain: one }: Source, { chain: other }: Source): number {
  if (one.weight === other.weight) return 0
  return one.weight > other.weight ? -1 : 1
}
