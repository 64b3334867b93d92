import type { Candidate } from '../../chain/candidate.js'
import type { Stored, TransferStore } from '../../chain/transfer-store.js'
import { encodeBundle } from '../../core/bundle.js'
import type { EnvelopeBytes } from '../../core/bytes.js'
import { refusal } from '../../core/refusal.js'
import type { Fate } from '../../core/submission.js'
import type { Verdict } from '../../core/validation.js'
import type { GossipVerdict, Host } from '../../network/host.js'
import { describeError, type Report } from '../events.js'
import { checkMessages } from '../message-checks.js'
import type { Service } from '../service.js'
import type { ValidationPool } from '../validation-pool.js'

export interface TransferIntakeOptions {
  readonly host: Host
  readonly topic: string
  readonly store: TransferStore
  readonly validation: ValidationPool
  readonly report: Report
}

/** The way of transfers into a set: from gossip, or handed over by a client, which are published then. */
export class TransferIntake implements Service {
  constructor(private readonly options: TransferIntakeOptions) {}

  async start(): Promise<void> {}

  /** Resolves when all that was taken is on disk. */
  async stop(): Promise<void> {
    // Whoever is to know of a failure has heard of it.
    await this.options.store.stored().catch(() => undefined)
  }

  /** A valid transfer from gossip. What is known is not passed on again. */
  readonly take = (message: Candidate): GossipVerdict =>
    this.options.store.add(message).kind === 'accepted' ? 'accept' : 'ignore'

  /** One outcome for each. Those that are accepted, or known, are on disk when this resolves. */
  readonly submit = async (envelopes: readonly EnvelopeBytes[]): Promise<readonly Fate[]> => {
    const { store, validation } = this.options
    const verdicts = await checkMessages(envelopes, validation)
    const fates = envelopes.map((envelope, index) => this.#submitOne(envelope, verdicts[index]))
    await store.stored()
    await this.#publish(envelopes.filter((_, index) => fates[index]?.kind === 'accepted'))
    return fates
  }

  #submitOne(envelope: EnvelopeBytes, verdict: Verdict | undefined): Fate {
    if (verdict === undefined) throw new RangeError('each transfer has a verdict')
    return verdict.ok ? fateOf(this.options.store.add({ envelope })) : { kind: 'refused', ...verdict.refusal }
  }

  /** What gossip loses, others fetch. */
  async #publish(envelopes: readonly EnvelopeBytes[]): Promise<void> {
    const { host, topic, report } = this.options
    if (envelopes.length === 0) return
    await host.publish(topic, encodeBundle(envelopes)).catch((error: unknown) => {
      report({ event: 'warning', message: `transfers were not published: ${describeError(error)}` })
    })
  }
}

function fateOf({ kind }: Stored): Fate {
  if (kind !== 'full') return { kind }
  return {
    kind: 'refused',
    ...refusal('busy', 'too many transfers are on their way to disk; send again later')
  }
}
