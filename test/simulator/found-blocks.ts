import type { MessageName } from '#src/chain/candidate.js'
import { type Block, encodeBlock } from '#src/core/block.js'
import { type Hash, toHex } from '#src/core/bytes.js'
import { decodeEnvelope } from '#src/core/envelope.js'
import { VerifierCache } from '#src/core/keys.js'
import { decodeMessage } from '#src/core/message.js'
import { BlockReader } from '#src/query/block-reader.js'
import type { Rules } from '#src/rules/rules.js'

/** A block that somebody has found, as everybody gets it: read and verified once for all. */
export interface FoundBlock {
  readonly block: Block
  readonly names: readonly MessageName[]
  /** Of the encoded block. */
  readonly bytes: number
  /** Undefined where it is the genesis. */
  readonly parent: FoundBlock | undefined
  readonly height: number
  /** Of all blocks up to it, summed up here: no peer is asked. */
  readonly weight: bigint
  /** When, ms since the start. */
  readonly at: number
}

/** All blocks that have been found, by whomever, whether others know them yet or not. */
export class FoundBlocks {
  readonly all: FoundBlock[] = []
  readonly #byId = new Map<string, FoundBlock>()
  /** By height: when the first block was found there. */
  readonly #firsts: number[] = []
  readonly #reader: BlockReader

  constructor(private readonly rules: Rules) {
    this.#reader = new BlockReader(rules, new VerifierCache())
  }

  add(made: Block, at: number): FoundBlock {
    const encoded = encodeBlock(made)
    const block = this.#reader.block(encoded)
    const { header, id } = block.signed
    const parent = this.get(header.parent)
    const found: FoundBlock = {
      block,
      names: block.envelopes.map(envelope => decodeMessage(decodeEnvelope(envelope).payload)),
      bytes: encoded.length,
      parent,
      height: header.height,
      weight: (parent?.weight ?? 0n) + this.rules.ordering.weight(header),
      at
    }
    if (this.#byId.has(toHex(id))) throw new Error(`block ${toHex(id)} was found twice`)
    this.#byId.set(toHex(id), found)
    this.all.push(found)
    this.#firsts[found.height] ??= at
    return found
  }

  /** Undefined for the genesis, and for what nobody has found. */
  get(id: Hash): FoundBlock | undefined {
    return this.#byId.get(toHex(id))
  }

  /** When the first block of this height was found; undefined while none is. */
  firstAt(height: number): number | undefined {
    return this.#firsts[height]
  }
}

/** The fork choice as the protocol has it, worked out without the code that is tried: most weight, then the lowest id. */
export function isPreferred(one: FoundBlock, other: FoundBlock | undefined): boolean {
  if (other === undefined) return true
  if (one.weight !== other.weight) return one.weight > other.weight
  return Buffer.compare(one.block.signed.id, other.block.signed.id) < 0
}

/** From a block down to the first one. */
export function* chainDownFrom(head: FoundBlock | undefined): Iterable<FoundBlock> {
  for (let block = head; block !== undefined; block = block.parent) yield block
}
