import { heaviest, type WeighedPeer } from '../../client/heaviest.js'
import { type Hash, toHex } from '../../core/bytes.js'
import { LIMITS } from '../../core/limits.js'
import type { ChainNetwork } from '../../core/network.js'
import { elapsed, unlessAborted, within } from '../../lifecycle/waiting.js'
import { rulesOf } from '../../rules/rules.js'
import { Failure } from '../failure.js'
import { printLine } from '../terminal/terminal.js'
import { type ManyConnections, weighedPeers, withConnections } from './asking.js'

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
  /** How many peers' chains were compared. */
  readonly compared: number
}

/**
 * Resolves when a message is so many blocks deep. No word of a peer counts: its headers are verified from the genesis
 * on, and of several peers the one whose chain has most work decides. All is looked at anew each time, as a message may
 * leave the chain with its block, and come back with another one. Throws Failure where `stopping` fires first.
 */
export async function waitForDepth(
  leaf: Hash,
  wanted: number,
  network: ChainNetwork,
  options: ManyConnections,
  stopping: AbortSignal
): Promise<Depth> {
  const signal = within(LIMITS.depthMs, stopping)
  const rules = rulesOf(network)
  return withConnections(options, network, async connections => {
    let peers: readonly WeighedPeer[] = weighedPeers(connections, rules)
    for (; !signal.aborted; await elapsed(LIMITS.depthAgainMs, signal)) {
      const found = await unlessAborted(look(peers, leaf, signal), signal).catch((error: unknown) => {
        if (!signal.aborted) throw error
      })
      if (signal.aborted) break
      if (found !== undefined && found.depth >= wanted) return found
      const problems = peers.flatMap(({ problem }) => problem?.why ?? [])
      if (problems.length === peers.length)
        throw new Failure('ERR_NO_CHAIN', `no peer is left to ask: ${problems.join('; ')}`)
      for (const { problem } of peers)
        if (problem?.isFinal === true)
          printLine(`what this peer shows does not hold, and does not count: ${problem.why}`)
      peers = peers.filter(({ problem }) => problem?.isFinal !== true)
    }
    throw new Failure(
      'ERR_NOT_SETTLED',
      `the message is not ${wanted} blocks deep yet; it waits at that peer: look for it with: tallystick proof ${toHex(leaf)}`
    )
  })
}

/** Several peers may have the heaviest chain: one that keeps back the proof does not keep the others from showing it. */
async function look(
  peers: readonly WeighedPeer[],
  leaf: Hash,
  signal: AbortSignal
): Promise<Depth | undefined> {
  const found = await heaviest(peers, LIMITS.chainMs, signal)
  if (found === undefined) return undefined
  const { best, compared } = found
  const { chain } = best
  for (const peer of [best, ...compared.filter(other => other !== best)]) {
    if (peer !== best && !(await peer.follow(signal, chain))) continue
    const shown = await peer.ask(() => peer.asker.inclusion({ leaf }), signal)
    if (shown === undefined) continue
    const { position, signed } = shown
    const { height } = signed.header
    if (chain.has(height, signed.id))
      return {
        position,
        height,
        id: signed.id,
        depth: chain.head.header.height - height + 1,
        compared: compared.length
      }
  }
  return undefined
}
