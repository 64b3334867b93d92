import type { EnvelopeBytes, Hash } from './bytes.js'
import { DecodeError, decodeCanonical, decodeHash } from './codec.js'
import { decodeRefusal, encodeRefusal } from './refusal.js'
import { SubmissionAnswer as WireAnswer, Submission as WireSubmission } from './wire/tallystick.js'

/** What is said on /tallystick/submit/1: messages for a peer's pool, and what became of each. */
export interface Submission {
  readonly network: Hash
  readonly envelopes: readonly EnvelopeBytes[]
}

export type SubmissionResult =
  /** It is on disk there, and waits for a block. */
  | { readonly kind: 'accepted' }
  /** It was there before, in a block or waiting for one. */
  | { readonly kind: 'known' }
  /** One of the reasons of a refusal, or one not known here. */
  | { readonly kind: 'refused'; readonly reason: string; readonly detail: string }

export type SubmissionAnswer =
  | { readonly kind: 'fates'; readonly fates: readonly SubmissionResult[] }
  /** None of them was looked at. */
  | { readonly kind: 'refused'; readonly reason: string; readonly detail: string }

export function encodeSubmission({ network, envelopes }: Submission): Uint8Array {
  return WireSubmission.encode({ network, envelopes: [...envelopes] })
}

/** Throws DecodeError. */
export function decodeSubmission(bytes: Uint8Array): Submission {
  const { network, envelopes } = decodeCanonical('submission', WireSubmission, bytes)
  if (envelopes.length === 0) throw new DecodeError('submission: empty')
  return {
    network: decodeHash('submission network', network),
    envelopes: envelopes as EnvelopeBytes[]
  }
}

export function encodeSubmissionAnswer(answer: SubmissionAnswer): Uint8Array {
  if (answer.kind === 'refused') {
    return WireAnswer.encode({ refused: encodeRefusal(answer) })
  }
  return WireAnswer.encode({ fates: { fates: answer.fates.map(encodableFate) } })
}

/** Throws DecodeError. */
export function decodeSubmissionAnswer(bytes: Uint8Array): SubmissionAnswer {
  const { refused, fates } = decodeCanonical('submission answer', WireAnswer, bytes)
  if (refused) return { kind: 'refused', ...decodeRefusal('submission answer', refused) }
  if (fates) return { kind: 'fates', fates: fates.fates.map(decodeFate) }
  throw new DecodeError('submission answer: says nothing that is known here')
}

type WireFate = NonNullable<ReturnType<typeof WireAnswer.decode>['fates']>['fates'][number]

function encodableFate(fate: SubmissionResult): WireFate {
  switch (fate.kind) {
    case 'accepted':
      return { accepted: {} }
    case 'known':
      return { known: {} }
    case 'refused':
      return { refused: encodeRefusal(fate) }
  }
}

function decodeFate(fate: WireFate): SubmissionResult {
  if (fate.accepted) return { kind: 'accepted' }
  if (fate.known) return { kind: 'known' }
  if (fate.refused) return { kind: 'refused', ...decodeRefusal('submission answer', fate.refused) }
  throw new DecodeError('submission answer: a fate that is not known here')
}
