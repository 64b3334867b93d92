import { decodeText } from './codec.js'
import { LIMITS } from './limits.js'
import { shortened } from './text.js'

/** Why a message was not taken. The same words on the wire, in events and in the docs. */
export const REASONS = [
  'bad encoding',
  'wrong network',
  'bad signature',
  'wrong author',
  'unknown key',
  'does not open',
  'not sealed',
  'not open',
  'bad schema',
  'sequence taken',
  'sequence gap',
  'bad amount',
  'bad account',
  'fee too low',
  'overdraft',
  'not a member',
  'too large',
  'rate limited',
  'busy'
] as const

export type Reason = (typeof REASONS)[number]

/** A refusal is a value. `detail` is a sentence for people. */
export interface Refusal {
  readonly reason: Reason
  readonly detail: string
}

export function refusal(reason: Reason, detail: string): Refusal {
  return { reason, detail }
}

/** True where no honest peer sends or relays such a message, whatever it knows: gossip rejects these. */
export function isMalicious(reason: Reason): boolean {
  return ['bad encoding', 'wrong network', 'bad signature', 'wrong author', 'too large'].includes(reason)
}

/** True where time mends it: the same message, or the same query, may be taken later. Of any version's reasons. */
export function isPassing(reason: string): boolean {
  return reason === 'busy' || reason === 'rate limited' || reason === 'sequence gap'
}

/** A refusal as it is told: the reason may be one that is not known here. */
export interface ToldRefusal {
  readonly reason: string
  readonly detail: string
}

/** The parts that are told, the detail cut to what a peer reads. */
export function encodeRefusal({ reason, detail }: ToldRefusal): ToldRefusal {
  return { reason, detail: encodeDetail(detail) }
}

/** Throws DecodeError where a text is longer than any may be. */
export function decodeRefusal(what: string, { reason, detail }: ToldRefusal): ToldRefusal {
  return {
    reason: decodeText(`${what} reason`, reason, LIMITS.reasonCharacters),
    detail: decodeDetail(what, detail)
  }
}

export function encodeDetail(detail: string): string {
  // Half a surrogate pair has no UTF-8: a reader would refuse the whole answer.
  return shortened(detail, LIMITS.detailCharacters).replaceAll(/\p{Surrogate}/gu, '\ufffd')
}

export function decodeDetail(what: string, detail: string): string {
  return decodeText(`${what} detail`, detail, LIMITS.detailCharacters)
}
