import type { Chain } from '../chain/chain.js'
import type { Inclusion } from '../chain/chain-reader.js'
import type { Answer } from '../core/answer.js'
import type { CheckpointedHeader } from '../core/block.js'
import { type EnvelopeBytes, type Hash, toHex } from '../core/bytes.js'
import { NO_CHECKPOINT } from '../core/checkpoint.js'
import type { Query } from '../core/query.js'
import { noBlock, noBlockAt } from './chain-handler.js'
import { type Handler, notFound, type Reply, replyWith } from './handler.js'

/** Answers with what can be verified without having followed the chain: blocks with the peaks before them, and proofs. */
export class BlockHandler implements Handler {
  constructor(private readonly chain: Chain) {}

  reply(query: Query): Reply | undefined {
    const { chain } = this
    switch (query.kind) {
      case 'head':
        return replyWith(this.#block(chain.head()))
      case 'height':
        return replyWith(this.#blockOr(chain.headerAt(query.height), () => noBlockAt(chain, query.height)))
      case 'id':
        return replyWith(this.#blockOr(chain.headerById(query.id), () => noBlock(query.id)))
      case 'previous':
        return replyWith(this.#previous(query.id))
      case 'inclusionOfPosition':
        return replyWith(
          inclusionAnswer(chain.inclusion(query.position), `no block holds position ${query.position} yet`)
        )
      case 'inclusionOfLeaf':
        return replyWith(this.#inclusionOfLeaf(query.leaf))
      case 'inclusionInLog':
        return replyWith(this.#inclusionInLog(query.position, query.size))
      case 'consistency':
        return replyWith(this.#consistency(query.from, query.to))
      default:
        return undefined
    }
  }

  async #block(signed: CheckpointedHeader): Promise<Answer> {
    const { peaks } = this.chain.frontierBefore(signed)
    const block = await this.chain.encodedBlock(signed)
    return block === undefined ? noBlock(signed.id) : { kind: 'block', block, peaks }
  }

  async #blockOr(signed: CheckpointedHeader | undefined, otherwise: () => Answer): Promise<Answer> {
    return signed === undefined ? otherwise() : this.#block(signed)
  }

  async #previous(id: Hash): Promise<Answer> {
    const signed = this.chain.headerById(id)
    if (signed === undefined) return noBlock(id)
    const parent = this.chain.headerById(signed.header.parent)
    return this.#blockOr(parent, () => notFound('the genesis has no previous block'))
  }

  async #inclusionOfLeaf(leaf: Hash): Promise<Answer> {
    return inclusionAnswer(await this.chain.inclusionOfLeaf(leaf), `no block holds ${toHex(leaf)}`)
  }

  #inclusionInLog(position: number, size: number): Answer {
    const proven = this.chain.inclusionInLog(position, size)
    if (proven !== undefined)
      return { kind: 'inclusion', position, ...proven, header: NO_HEADER, checkpoint: NO_CHECKPOINT }
    const messages = this.chain.head().header.size
    return notFound(`no proof of ${position} in a log of ${size}; there are ${messages} messages in blocks`)
  }

  #consistency(from: number, to: number): Answer {
    const path = this.chain.consistency(from, to)
    if (path !== undefined) return { kind: 'consistency', from, to, path }
    const messages = this.chain.head().header.size
    return notFound(`no proof from ${from} to ${to}; the log has ${messages} messages in blocks`)
  }
}

const NO_HEADER = new Uint8Array(0) as Uint8Array as EnvelopeBytes

function inclusionAnswer(inclusion: Inclusion | undefined, otherwise: string): Answer {
  if (inclusion === undefined) return notFound(otherwise)
  const { position, leaf, path, signed } = inclusion
  const { envelope: header, checkpoint } = signed
  return { kind: 'inclusion', position, leaf, path, header, checkpoint }
}
