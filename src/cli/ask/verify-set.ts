import type { SetApplication } from '../../applications/application.js'
import { type TransferSet, transferId } from '../../applications/ledger/transfer-set.js'
import type { EnvelopeBytes, Hash, PeerIdBytes } from '../../core/bytes.js'
import { toHex } from '../../core/bytes.js'
import { decodeEnvelope } from '../../core/envelope.js'
import type { Fault, FaultKind } from '../../core/fault.js'
import { decodeMessage, type Message } from '../../core/message.js'
import type { Verdict } from '../../core/validation.js'
import { setRulesOf } from '../../rules/rules.js'
import { checkMessages } from '../../validation/message-checks.js'
import { ValidationPool } from '../../validation/validation-pool.js'
import { barsOn, quiet } from '../terminal/progress.js'
import { standardError } from '../terminal/terminal.js'
import type { SetSource } from './set-source.js'

/** A transfer of a set that was found valid; or what is wrong with the first that is not, or with the set. */
export type AuditedTransfer =
  | { readonly id: Hash; readonly message: Message; readonly envelope: EnvelopeBytes }
  | { readonly fault: Fault }

export interface SetVerdict {
  /** Those that hold. */
  readonly transfers: TransferSet
  /** The first thing that is wrong. */
  readonly fault: Fault | undefined
}

/** Verifies each transfer of a set by itself, and that none is there twice. */
export async function verifySet(source: SetSource): Promise<SetVerdict> {
  const audit = new SetAudit(source)
  let fault: Fault | undefined
  for await (const read of audit.verified()) if ('fault' in read) fault = read.fault
  return { transfers: audit.transfers, fault }
}

export class SetAudit {
  readonly #ledger: SetApplication

  constructor(private readonly source: SetSource) {
    this.#ledger = setRulesOf(source.network)
  }

  /** Those that were verified so far. */
  get transfers(): TransferSet {
    return this.#ledger.transfers
  }

  /** What they come to. */
  balance(id: PeerIdBytes): bigint {
    return this.#ledger.balance(id) ?? 0n
  }

  /**
   * All transfers, each once it has been verified, up to the first fault. A bar shows people how far it is, unless
   * `isSilent`.
   */
  async *verified(isSilent = false): AsyncIterable<AuditedTransfer> {
    const { network, progress, transfers } = this.source
    const pool = new ValidationPool(network)
    const shown = isSilent ? quiet : barsOn(standardError)
    const phase = shown.phase('verified', progress.total, progress.unit)
    let before = 0
    try {
      await pool.start()
      for await (const read of transfers(() => this.transfers)) {
        if ('fault' in read) {
          yield read
          return
        }
        const verdicts = await checkMessages(read.envelopes, pool)
        for (const [index, envelope] of read.envelopes.entries()) {
          const audited = this.#count(envelope, verdicts[index])
          yield audited
          if ('fault' in audited) return
        }
        const now = progress.done()
        phase.advance(now - before)
        before = now
      }
    } finally {
      shown.stop()
      await pool.stop()
    }
  }

  #count(envelope: EnvelopeBytes, verdict: Verdict | undefined): AuditedTransfer {
    if (verdict === undefined) throw new RangeError('each transfer has a verdict')
    const wrong = (kind: FaultKind, detail: string): AuditedTransfer => ({ fault: { kind, detail } })
    if (!verdict.ok) {
      const { reason, detail } = verdict.refusal
      return wrong('message', `the one with leaf ${toHex(verdict.leaf)}: ${reason}: ${detail}`)
    }
    const { payload } = decodeEnvelope(envelope)
    const [id, message] = [transferId(payload), decodeMessage(payload)]
    const counted = this.#ledger.count(id, message)
    if (!counted.ok) return wrong('message', `transfer ${toHex(id)}: ${counted.refusal.detail}`)
    if (!counted.isNew) return wrong('duplicate', `transfer ${toHex(id)} is there twice`)
    return { id, message, envelope }
  }
}
