import type { Chain } from '../../chain/chain.js'
import type { HeaderChain } from '../../chain/header-chain.js'
import { equal, type Hash, type PeerIdBytes, toHex } from '../../core/bytes.js'
import { describeError, type Report } from '../../core/events.js'
import { peerIdToString } from '../../core/keys.js'
import { LIMITS } from '../../core/limits.js'
import type { HeadClaim } from '../../core/query.js'
import { within } from '../../lifecycle/waiting.js'
import { type ChainSource, type Found, findBetter } from './header-search.js'

/** What a peer says its head is. Cheap to say: it only decides whom to ask. */
export interface Claim {
  readonly peer: PeerIdBytes
  readonly head: HeadClaim
}

/** Headers whose work is better than our head's, and who has shown them. */
export interface FoundChain {
  readonly peer: PeerIdBytes
  readonly headers: HeaderChain
}

/** A head whose blocks no peer of these hosts gave: how long it was left there the last time, and until when. */
interface Withheld {
  readonly ms: number
  readonly until: number
  readonly hosts: ReadonlySet<string>
}

export interface ChainSearchOptions {
  readonly chain: Chain
  readonly sourceOf: (peer: PeerIdBytes) => ChainSource
  /** As limits count hosts. */
  readonly hostOf: (peer: PeerIdBytes) => string
  /** ms since 1970. */
  readonly now: () => number
  /** A monotonic clock, ms. */
  readonly clock: () => number
  readonly report: Report
}

/**
 * Looks for the best chain among those that peers claim to have, by its headers. No peer keeps it from looking at
 * what others have: all are asked side by side and for a limited time, and who does not show what it has claimed
 * is left alone for a while.
 */
export class ChainSearch {
  /** Heads, in hex, of chains that are not better than ours, which only grows heavier. */
  readonly #lost = new Set<string>()
  /** Those of chains that fork off too deep. */
  readonly #tooDeep = new Set<string>()
  /** When peers that have let us down, in hex, are asked again. */
  readonly #letDown = new Map<string, number>()
  /** By the head, in hex. */
  readonly #withheld = new Map<string, Withheld>()

  constructor(private readonly options: ChainSearchOptions) {}

  /** The best of these chains; undefined where none is better than ours. `isDue`: whether there are others to be asked. */
  async best(
    claims: readonly Claim[],
    signal: AbortSignal,
    isDue: () => boolean
  ): Promise<FoundChain | undefined> {
    const byHead = new Map<string, Claim[]>()
    for (const claim of claims) {
      if (!this.#mayBeBetter(claim)) continue
      const name = toHex(claim.head.id)
      byHead.set(name, [...(byHead.get(name) ?? []), claim])
    }
    const found = await Promise.all([...byHead.values()].map(same => this.#findOne(same, signal, isDue)))
    return found.reduce((one, other) => this.#better(one, other), undefined)
  }

  /** Looks at the chain of one peer. Throws where the peer fails, or shows what does not hold. */
  async find({ peer, head }: Claim, signal: AbortSignal): Promise<Found> {
    const { chain, now, sourceOf } = this.options
    const found = await findBetter(sourceOf(peer), head, chain, now, within(LIMITS.searchMs, signal))
    if (found.kind === 'too deep' && head.weight > chain.weight()) this.#tellOfDepth(peer, head)
    if (found.kind === 'not better' && found.isWhole) remember(this.#lost, toHex(head.id))
    return found
  }

  /** Of peers that claim the same head, one after the other, the first that shows better headers as fast as it should. */
  async #findOne(
    claims: readonly Claim[],
    signal: AbortSignal,
    isDue: () => boolean
  ): Promise<FoundChain | undefined> {
    let best: FoundChain | undefined
    for (const [index, claim] of claims.entries()) {
      // Who came meanwhile is not to wait until each of these had its time.
      if (signal.aborted || (index > 0 && isDue())) break
      const { peer } = claim
      try {
        const found = await this.find(claim, signal)
        if (found.kind === 'not better' && found.isWhole) break
        if (found.kind === 'better') {
          best = this.#better(best, { peer, headers: found.headers })
          const { ids, head } = found.headers
          if (equal(head.id, claim.head.id) || ids.length >= LIMITS.rangeHeaders) break
        }
        this.#leave(peer)
      } catch (error) {
        if (signal.aborted) break
        this.#leave(peer)
        const message = `the chain of ${peerIdToString(peer)} is not taken: ${describeError(error)}`
        this.options.report({ event: 'warning', message })
      }
    }
    return best
  }

  #better(one: FoundChain | undefined, other: FoundChain | undefined): FoundChain | undefined {
    if (one === undefined || other === undefined) return one ?? other
    const { weight, head } = one.headers
    if (weight !== other.headers.weight) return weight > other.headers.weight ? one : other
    return this.options.chain.rules.ordering.compare(head, other.headers.head) <= 0 ? one : other
  }

  #mayBeBetter({ peer, head: { height, id, weight } }: Claim): boolean {
    const { chain } = this.options
    if (chain.place(id) !== undefined || chain.isKnownInvalid(id) || this.#lost.has(toHex(id))) return false
    const withheld = this.#withheldNow(id)
    if (this.isLeft(peer) || withheld?.hosts.has(this.options.hostOf(peer))) return false
    return weight >= chain.weight() && height > chain.root.header.height
  }

  isLeft(peer: PeerIdBytes): boolean {
    return (this.#letDown.get(toHex(peer)) ?? 0) > this.options.clock()
  }

  #leave(peer: PeerIdBytes): void {
    const now = this.options.clock()
    for (const [name, until] of this.#letDown) if (until <= now) this.#letDown.delete(name)
    this.#letDown.set(toHex(peer), now + LIMITS.letDownMs)
  }

  /**
   * None of these gave a block of the chain up to here: they are left alone, and so is this head on their hosts, each time
   * for longer. On another host may be who gives them.
   */
  withheld(head: Hash, peers: readonly PeerIdBytes[]): void {
    for (const peer of peers) this.#leave(peer)
    const { clock, hostOf } = this.options
    const name = toHex(head)
    const before = this.#withheld.get(name)
    const hosts = new Set([...(this.#withheldNow(head)?.hosts ?? []), ...peers.map(hostOf)])
    if (this.#withheld.size >= LIMITS.rememberedInvalid) this.#withheld.clear()
    const { first, longest } = LIMITS.withheldMs
    const ms = before === undefined ? first : Math.min(2 * before.ms, longest)
    this.#withheld.set(name, { ms, until: clock() + ms, hosts })
  }

  #withheldNow(head: Hash): Withheld | undefined {
    const withheld = this.#withheld.get(toHex(head))
    return withheld !== undefined && withheld.until > this.options.clock() ? withheld : undefined
  }

  #tellOfDepth(peer: PeerIdBytes, { height, id, weight }: HeadClaim): void {
    if (!remember(this.#tooDeep, toHex(id))) return
    const { chain, report } = this.options
    report({
      event: 'reorgRefused',
      peerId: peerIdToString(peer),
      height,
      id,
      weight,
      allowed: chain.rules.ordering.maxReorg
    })
  }
}

/** False where it is there already. */
function remember(names: Set<string>, name: string): boolean {
  if (names.has(name)) return false
  if (names.size >= LIMITS.rememberedInvalid) names.clear()
  names.add(name)
  return true
}
