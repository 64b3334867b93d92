import { type PeerIdBytes, toHex } from '../core/bytes.js'
import { peerIdToString } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import { unlessAborted, within } from '../lifecycle/waiting.js'
import type { Host } from '../network/host.js'
import type { ShownAccount } from '../query/account-queries.js'
import { InvalidAnswer, QueryFailed } from '../query/query-errors.js'
import type { VerifiedChain } from '../query/verified-chain.js'
import type { Rules } from '../rules/rules.js'
import { heaviest, WeighedPeer } from './heaviest.js'

export interface RootedAccountsOptions {
  readonly host: Host
  readonly rules: Rules
  /** ms since 1970. */
  readonly now: () => number
  /** Those that are connected now: of others nothing is kept but the heaviest chain. */
  readonly peers: () => readonly PeerIdBytes[]
}

/**
 * What accounts have, among equals, where a header alone costs next to nothing to make, and a chain of few blocks not much:
 * the state that its headers name is anything. It must stand on the chain that its peer shows from the genesis on, and of
 * all chains that were shown the one with most work counts. Each is verified once, and followed from there.
 */
export class RootedAccounts {
  readonly #peers = new Map<string, WeighedPeer>()
  /** That of a peer that has gone counts, too: others reach it again, or go past it. */
  #heaviest: VerifiedChain | undefined

  constructor(private readonly options: RootedAccountsOptions) {}

  /**
   * Undefined where no peer is connected. Rejects with Untrue where what is shown does not hold, with QueryFailed where
   * no peer shows enough, and when `signal` fires.
   */
  ask(account: PeerIdBytes, signal: AbortSignal): Promise<ShownAccount> | undefined {
    const peers = this.#connected()
    return peers.length === 0 ? undefined : this.#askHeaviest(peers, account, signal)
  }

  /**
   * The peer with the heaviest chain first. One that keeps the account back keeps no other one on this chain from showing
   * it; the answer for an earlier block counts only where no peer answers for the head.
   */
  async #askHeaviest(
    peers: readonly WeighedPeer[],
    account: PeerIdBytes,
    signal: AbortSignal
  ): Promise<ShownAccount> {
    const found = await heaviest(peers, LIMITS.accountMs / 2, signal)
    signal.throwIfAborted()
    // Those that are still being verified as well: they weigh what was verified.
    for (const { chain } of peers)
      if (this.#heaviest === undefined || chain.weight > this.#heaviest.weight) this.#heaviest = chain
    if (found === undefined) throw notShown(peers)
    const { best, compared } = found
    const { height } = best.chain.head.header
    let newest: ShownAccount | undefined
    let problem: unknown = new QueryFailed(
      'the peers that answer show chains with less work than was shown before; ask again'
    )
    for (const peer of [best, ...compared.filter(other => other !== best)]) {
      if (!this.#counts(peer)) continue
      const share = within(LIMITS.accountMs / (peers.length + 1), signal)
      try {
        const shown = await unlessAborted(peer.asker.account(account), share)
        if (!this.#counts(peer))
          problem = new QueryFailed(
            'the peer has moved to a chain with less work than it had shown; ask again'
          )
        else if (shown.signed.header.height >= height) return shown
        else if (newest === undefined || shown.signed.header.height > newest.signed.header.height)
          newest = shown
      } catch (error) {
        if (signal.aborted) break
        problem = error
      }
    }
    if (newest !== undefined) return newest
    signal.throwIfAborted()
    throw problem
  }

  /** Whether its chain weighs as much as the heaviest one, or is a part of it. */
  #counts({ chain: { head, weight } }: WeighedPeer): boolean {
    const heaviest = this.#heaviest
    return heaviest === undefined || weight >= heaviest.weight || heaviest.has(head.header.height, head.id)
  }

  #connected(): WeighedPeer[] {
    const { host, rules, now } = this.options
    const peers = new Map(this.options.peers().map(peer => [toHex(peer), peer]))
    for (const name of this.#peers.keys()) if (!peers.has(name)) this.#peers.delete(name)
    for (const [name, peer] of peers)
      if (!this.#peers.has(name))
        this.#peers.set(name, new WeighedPeer(host, peer, rules, now, peerIdToString(peer)))
    return [...this.#peers.values()]
  }
}

/** Why none of them shows its chain. */
function notShown(peers: readonly WeighedPeer[]): Error {
  const problems = peers.flatMap(({ problem }) => problem ?? [])
  const final = problems.find(({ isFinal }) => isFinal)
  if (final !== undefined) return new InvalidAnswer(final.why)
  return new QueryFailed(problems[0]?.why ?? 'no peer shows its chain now; ask again')
}
