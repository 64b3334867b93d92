import type { Rules } from '../chain/cursor.js'
import { rulesOf } from '../chain/rules.js'
import { type Hash, toHex } from '../core/bytes.js'
import { DecodeError } from '../core/codec.js'
import { LIMITS } from '../core/limits.js'
import type { OrderedNetwork } from '../core/network-document.js'
import { Asker } from '../node/asker.js'
import { NotFound, QueryFailed, Untrue } from '../node/query-errors.js'
import { VerifiedChain } from '../node/verified-chain.js'
import { elapsed, within } from '../node/waiting.js'
import { type ConnectingOptions, type Connection, withConnections } from './asking.js'
import { Failure } from './failure.js'
import { printLine } from './terminal.js'

/** Where a message stands, by the heaviest of the chains that were verified. */
export interface Depth {
  readonly position: number
  readonly height: number
  readonly id: Hash
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
      await Promise.all(sources.map(source => source.follow()))
      const found = await heaviest(
        sources.filter(({ problem }) => problem === undefined),
        rules
      )?.depthOf(leaf)
      if (found !== undefined && found.depth >= wanted) return found
      const problems = sources.flatMap(({ problem }) => problem?.why ?? [])
      if (problems.length === sources.length)
        throw new Failure(`nobody is left to ask: ${problems.join('; ')}`)
      sources = sources.filter(({ problem }) => problem?.isFinal !== true)
    }
    throw new Failure(
      `the message is not ${wanted} blocks deep yet; it waits at that peer: look for it with: tallystick proof ${toHex(leaf)}`
    )
  })
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

  /** Undefined where its chain does not hold the message. */
  depthOf(leaf: Hash): Promise<Depth | undefined> {
    return this.#tried(async () => {
      const { position, signed } = await this.#asker.inclusion({ leaf })
      const { height } = signed.header
      return { position, height, id: signed.id, depth: this.chain.head.header.height - height + 1 }
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
