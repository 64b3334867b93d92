import type { Answer } from '../core/answer.js'
import type { EnvelopeBytes } from '../core/bytes.js'
import type { Evidence } from '../core/evidence.js'
import type { Query } from '../core/query.js'
import { type Handler, notFound, type Reply, replyWith } from './handler.js'

export interface SequencerSource {
  /** Certificate of the current encryption key, where this peer has one. */
  readonly certificate: () => Promise<EnvelopeBytes | undefined>
  /** What this peer knows of the sequencer's lies. */
  readonly evidence: () => readonly Evidence[]
}

/** Answers with what a sequencer has signed beside its blocks, and with what shows that it lied. */
export class SequencerHandler implements Handler {
  constructor(private readonly source: SequencerSource) {}

  reply(query: Query): Reply | undefined {
    switch (query.kind) {
      case 'key':
        return replyWith(this.#key())
      case 'evidence':
        return { answers: this.#evidence() }
      default:
        return undefined
    }
  }

  async #key(): Promise<Answer> {
    const certificate = await this.source.certificate()
    return certificate ? { kind: 'key', certificate } : notFound('this peer knows no encryption key')
  }

  *#evidence(): Iterable<Answer> {
    const all = this.source.evidence()
    for (const { bytes } of all) yield { kind: 'evidence', evidence: bytes }
    yield all.length === 0 ? notFound('no evidence is known here') : { kind: 'done', next: all.length }
  }
}
