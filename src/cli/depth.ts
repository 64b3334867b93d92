import type { Rules } from '../chain/cursor.js'
import { rulesOf } from '../chain/rules.js'
import { type Hash, toHex } from '../core/bytes.js'
import { DecodeError } from '../core/codec.js'
import { LIMITS } from '../core/limits.js'
import type { OrderedNetwork } from '../core/network-document.js'
import { Asker } from '../node/asker.js'
import { NotFound, QueryFailed, Untrue } from '../node/query-errors.js'
import { VerifiedChain } from '../node/verified-chain.js'
import { elapsed, unlessAborted, within } from '../node/waiting.js'
import { type ConnectingOptions, type Connection, withConnections } from './asking.js'
import { Failure } from './failure.js'
import { printLine } from './terminal.js'

/** Where a message stands. */
interface Place {
  readonly position: number
  readonly height: number
  readonly id: Hash
}

/** The same by the heaviest of the chains that were verified. */
export interface Depth extends Place {
  /** Blocks from there on, that one included. */
  readonly depth: number
}

export interface DepthOptions extends Omit<ConnectingOptions, 'connect'> {
  readonly connect: readonly string[]
}

/**
 * Resolves when a message is so many blocks deep. No word of a peer counts: its headers are verified from the genesis
 * on, and of several peers the one whose chain has most work decides. All is looked at anew each time, as a message may
 * leave the chain with its block, and come back with another one. Throws Failure where `stopping` fires first.
 */
export async function waitForDepth(
  leaf: Hash,
  wanted: number,
  network: OrderedNetwork,
  options: DepthOptions,
  stopping: AbortSignal
): Promise<Depth> {
  const signal = within(LIMITS.depthMs, stopping)
  const rules = rulesOf(network)
  return withConnections(options, network, async connections => {
    let sources = connections.map(connection => new Source(connection, rules))
    for (; !signal.aborted; await elapsed(LIMITS.depthAgainMs, signal)) {
      const found = await unlessAborted(look(sources, leaf, rules), signal).catch((error: unknown) => {
        if (!signal.aborted) throw error
      })
      if (signal.aborted) break
      if (found !== undefined && found.depth >= wanted) return found
      const problems = sources.flatMap(({ problem }) => problem?.why ?? [])
      if (problems.length === sources.length)
        throw new Failure(`no peer is left to ask: ${problems.join('; ')}`)
      sources = sources.filter(({ problem }) => problem?.isFinal !== true)
    }
    throw new Failure(
      `the message is not ${wanted} blocks deep yet; it waits at that peer: look for it with: tallystick proof ${toHex(leaf)}`
    )
  })
}

/** Several peers may have the heaviest chain: one that keeps back the proof does not keep the others from showing it. */
async function look(sources: readonly Source[], leaf: Hash, rules: Rules): Promise<Depth | undefined> {
  await Promise.all(sources.map(source => source.follow()))
  const usable = sources.filter(({ problem }) => problem === undefined)
  const best = heaviest(usable, rules)
  if (best === undefined) return undefined
  const { chain } = best
  for (const source of [best, ...usable.filter(other => other !== best)]) {
    const place = await source.placeOf(leaf)
    if (place !== undefined && chain.has(place.height, place.id))
      return { ...place, depth: chain.head.header.height - place.height + 1 }
  }
  return undefined
}

/** One peer, and its chain as far as that was verified. */
class Source {
  readonly chain: VerifiedChain
  readonly #asker: Asker
  readonly #address: string
  /** Why it does not count now. `isFinal`: it has shown what does not hold. */
  problem: { readonly why: string; readonly isFinal: boolean } | undefined

  constructor({ host, peer, address }: Connection, rules: Rules) {
    const now = (): number => Date.now()
    this.#asker = new Asker(host, peer, rules, now)
    this.chain = new VerifiedChain(this.#asker, rules, now)
    this.#asker.tieToChain(this.chain)
    this.#address = address
  }

  async follow(): Promise<void> {
    this.problem = undefined
    await this.#tried(() => this.chain.follow())
  }

  /** Undefined where it does not show that its chain holds the message. */
  placeOf(leaf: Hash): Promise<Place | undefined> {
    return this.#tried(async () => {
      const { position, signed } = await this.#asker.inclusion({ leaf })
      return { position, height: signed.header.height, id: signed.id }
    })
  }

  async #tried<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask()
    } catch (error) {
      if (error instanceof NotFound) return undefined
      const isFinal = error instanceof Untrue || error instanceof DecodeError
      if (!isFinal && !(error instanceof QueryFailed)) throw error
      this.problem = { why: `${this.#address}: ${error.message}`, isFinal }
      if (isFinal) printLine(`what this peer shows does not hold, and does not count: ${this.problem.why}`)
      return undefined
    }
  }
}

function heaviest(sources: readonly Source[], { ordering }: Rules): Source | undefined {
  return [...sources].sort(({ chain: one }, { chain: other }) => {
    if (one.weight !== other.weight) return one.weight > other.weight ? -1 : 1
    return ordering.compare(one.head, other.head)
  })[0]
}
