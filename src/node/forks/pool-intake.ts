import type { Candidate } from '../../chain/candidate.js'
import type { Pool, Pooled } from '../../chain/pool.js'
import { encodeBundle } from '../../core/bundle.js'
import type { EnvelopeBytes } from '../../core/bytes.js'
import { type Refusal, refusal } from '../../core/refusal.js'
import type { Verdict } from '../../core/validation.js'
import type { GossipVerdict } from '../../network/host.js'
import type { ValidationPool } from '../validation-pool.js'

/** What became of a message that a client handed over. */
export type Submitted =
  /** It is on disk here, and goes out to the other peers. */
  | { readonly kind: 'accepted' }
  | { readonly kind: 'known' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** The way of messages into the pool of a peer among equals: from gossip, or handed over by a client. */
export class PoolIntake {
  constructor(
    private readonly pool: Pool,
    private readonly validation: ValidationPool,
    /** Hears of messages that have come. */
    private readonly arrived: () => void
  ) {}

  /** A valid message from gossip. */
  readonly take = (message: Candidate): GossipVerdict => {
    if (this.pool.add(message).kind !== 'accepted') return 'ignore'
    this.arrived()
    return 'accept'
  }

  /** One outcome for each message. Those that are accepted are on disk when this resolves. */
  async submit(envelopes: readonly EnvelopeBytes[]): Promise<readonly Submitted[]> {
    const verdicts = await this.validation.validate(encodeBundle(envelopes), envelopes.length)
    const submitted = envelopes.map((envelope, index) => this.#submitOne(envelope, verdicts[index]))
    if (!submitted.some(({ kind }) => kind === 'accepted')) return submitted
    await this.pool.stored()
    this.arrived()
    return submitted
  }

  #submitOne(envelope: EnvelopeBytes, verdict: Verdict | undefined): Submitted {
    if (verdict === undefined) throw new RangeError('each message has a verdict')
    if (!verdict.ok) return { kind: 'refused', refusal: verdict.refusal }
    const { leaf, author, sequence } = verdict
    const pooled = this.pool.add({ envelope, leaf, author, sequence })
    const why = refusalOf(pooled, sequence)
    return why === undefined
      ? { kind: pooled.kind === 'known' ? 'known' : 'accepted' }
      : { kind: 'refused', refusal: why }
  }
}

function refusalOf(pooled: Pooled, sequence: bigint): Refusal | undefined {
  switch (pooled.kind) {
    case 'accepted':
    case 'known':
      return undefined
    case 'taken':
      return refusal('sequence taken', `another message of this author has sequence ${sequence}`)
    case 'full':
      return refusal('busy', 'too many messages wait for a block; send again later')
  }
}
