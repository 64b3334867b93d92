import type { PeerIdBytes } from '../core/bytes.js'
import { hasCode } from '../core/errors.js'
import { LIMITS } from '../core/limits.js'
import type { HeadClaim } from '../core/query.js'
import { unlessAborted, within } from '../lifecycle/waiting.js'
import type { Host } from '../network/host.js'
import { AccountQueries } from '../query/account-queries.js'
import { isFalseAnswer, NotFound, QueryFailed } from '../query/query-errors.js'
import { VerifiedChain } from '../query/verified-chain.js'
import type { Rules } from '../rules/rules.js'

/** Why a peer does not count now. `isFinal`: it has shown what does not hold, or more than is looked at. */
export interface Problem {
  readonly why: string
  readonly isFinal: boolean
}

/** A peer that is left alone is asked again after twice as long as the last time, so many times. */
const DOUBLINGS = 5

/** One peer of a network of equals, and its chain as far as that was verified. */
export class WeighedPeer {
  readonly asker: AccountQueries
  readonly chain: VerifiedChain
  problem: Problem | undefined
  /** In a row. */
  #failures = 0
  #aloneUntil = 0

  /** `name`: for people. */
  constructor(
    host: Host,
    readonly peer: PeerIdBytes,
    rules: Rules,
    now: () => number,
    private readonly name: string
  ) {
    this.asker = new AccountQueries(host, peer, rules, now)
    this.chain = new VerifiedChain(this.asker, rules, now)
    this.asker.tieToChain(this.chain)
  }

  /** What it says its head is: it decides in which order chains are looked at, and which need not be. Undefined where it does not count. */
  async claim(signal: AbortSignal): Promise<HeadClaim | undefined> {
    if (this.problem?.isFinal === true || this.#aloneUntil > performance.now()) return undefined
    return this.ask(() => this.asker.claimedHead().catch(asFailed), signal)
  }

  /** Whether its chain is verified up to its head now. */
  async follow(signal: AbortSignal, known?: VerifiedChain): Promise<boolean> {
    const { looked } = this.chain
    const whole = async (): Promise<true> => {
      await this.chain.follow(signal, known).catch(asFailed)
      return true
    }
    const isWhole = (await this.ask(whole, signal)) === true
    // A long chain may take several times: that is no failure where it goes on.
    if (!isWhole && this.chain.looked - looked >= LIMITS.rangeHeaders) this.#aloneUntil = 0
    return isWhole
  }

  /** Undefined where it does not give what it is asked; `problem` then says why, unless the answer is no. */
  async ask<T>(question: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    try {
      const answer = await unlessAborted(question(), signal)
      this.problem = undefined
      this.#failures = 0
      return answer
    } catch (error) {
      this.problem = undefined
      if (error instanceof NotFound) return undefined
      this.#fail(error, signal)
      return undefined
    }
  }

  #fail(error: unknown, signal: AbortSignal): void {
    const isFinal = isFalseAnswer(error) || hasCode(error, 'ERR_CHAIN_TOO_LONG')
    if (!isFinal && !hasCode(error, 'ERR_NO_ANSWER', 'ERR_QUERY_REFUSED') && !signal.aborted) throw error
    const why = error instanceof Error && !signal.aborted ? error.message : 'the peer does not answer in time'
    this.problem = { why: `${this.name}: ${why}`, isFinal }
    this.#aloneUntil = performance.now() + LIMITS.letDownMs * 2 ** Math.min(this.#failures, DOUBLINGS)
    this.#failures += 1
  }
}

/** Every peer has a head and the headers up to it: one that says that it finds none does not count, and that is why. */
function asFailed(error: unknown): never {
  throw error instanceof NotFound ? new QueryFailed(error.message) : error
}

/** The peer whose chain has most work. `compared`: the peers that it was compared with, itself included. */
export interface Heaviest {
  readonly best: WeighedPeer
  readonly compared: readonly WeighedPeer[]
}

/**
 * Whose chain counts: the one with most work of those that are verified, as among peers that follow one another. The one
 * that is said to weigh most is verified first; of the others only what it does not share, and only where they are said
 * to weigh more. A peer that does not show what it claims has its share of the time, and does not delay the others.
 * Undefined where none shows its chain.
 */
export async function heaviest(
  peers: readonly WeighedPeer[],
  ms: number,
  signal: AbortSignal
): Promise<Heaviest | undefined> {
  const ends = performance.now() + ms
  const asked = within(LIMITS.claimMs, signal)
  const claims = await Promise.all(peers.map(async peer => ({ peer, claim: await peer.claim(asked) })))
  const claimed = claims
    .flatMap(({ peer, claim }) => (claim === undefined ? [] : [{ peer, claim }]))
    .sort((one, other) => (one.claim.weight > other.claim.weight ? -1 : 1))
  const compared: WeighedPeer[] = []
  let best: WeighedPeer | undefined
  for (const [index, { peer, claim }] of claimed.entries()) {
    if (signal.aborted) break
    if (best !== undefined && isCovered(claim, best.chain)) {
      compared.push(peer)
      continue
    }
    const left = Math.max(0, ends - performance.now())
    const share = within(left / (claimed.length - index + 1), signal)
    if (!(await peer.follow(share, best?.chain))) continue
    compared.push(peer)
    if (best === undefined || isHeavier(peer, best)) best = peer
  }
  return best && { best, compared }
}

/** By the weights that were verified; of two equal ones as the ordering says. */
function isHeavier({ chain, asker }: WeighedPeer, { chain: other }: WeighedPeer): boolean {
  if (chain.weight !== other.weight) return chain.weight > other.weight
  return asker.rules.ordering.compare(chain.head, other.head) < 0
}

/** No peer understates its chain: one that is no heavier by its own claim need not be verified. */
function isCovered({ height, id, weight }: HeadClaim, chain: VerifiedChain): boolean {
  return weight < chain.weight || chain.has(height, id)
}
