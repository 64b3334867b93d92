import type { Block, SignedHeader } from '#src/core/block.js'
import { equal, type Hash } from '#src/core/bytes.js'
import { brokenLogEvidence } from '#src/core/evidence.js'
import { leafHash, nodeHash, rootOf } from '#src/core/merkle.js'

/** The list one level up: of each pair of nodes its parent. Its root is that of the list itself. */
export function folded(nodes: readonly Hash[]): Hash[] {
  return nodes.flatMap((node, index) => {
    const right = nodes[index + 1]
    if (index % 2 === 1) return []
    return [right === undefined ? node : nodeHash(node, right)]
  })
}

/**
 * What convicted an honest sequencer once, made of public data alone: nodes of the block's tree in place of its leaves.
 * They give the same root, and another log.
 */
export function foldedLogEvidence(
  parent: SignedHeader | undefined,
  { signed, envelopes }: Block,
  peaks: readonly Uint8Array[],
  levels = 1
): Uint8Array {
  let nodes = envelopes.map(leafHash)
  for (let level = 0; level < levels; level += 1) nodes = folded(nodes)
  if (!equal(rootOf(nodes), signed.header.root)) throw new Error('these nodes give another root')
  return brokenLogEvidence(parent, signed, peaks, nodes)
}
