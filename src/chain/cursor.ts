import { applyBlock } from '../applications/application.js'
import { type Block, type CheckpointedHeader, genesisOf, type Header } from '../core/block.js'
import { type EnvelopeBytes, equal, type Hash, type PeerIdBytes } from '../core/bytes.js'
import { decodeEnvelope } from '../core/envelope.js'
import type { Fault, FaultKind } from '../core/fault.js'
import { Frontier, leafHash, rootOf } from '../core/merkle.js'
import { decodeMessage, type Message } from '../core/message.js'
import type { StakeView } from '../core/stakes.js'
import type { Ancestors, Ordering } from '../orderings/ordering.js'
import type { Rules } from '../rules/rules.js'

/** What can be known of a place without having followed the chain to it: enough to judge all of a block but its state. */
export interface Place {
  readonly signed: CheckpointedHeader
  /** Of the next block: this place's own header first. */
  readonly ancestors: Ancestors
  readonly frontier: Frontier
}

/** A verified place in a chain: all that is needed to judge or draft the next block. An immutable value. */
export interface Cursor extends Place {
  /** Of all blocks up to here. */
  readonly weight: bigint
  readonly state: unknown
}

export function genesisCursor({ network, ordering, application }: Rules): Cursor {
  const state = application.genesis()
  const signed = genesisOf(network.id, application.digest(state), ordering.genesisTime)
  return { signed, ancestors: [signed.header], frontier: Frontier.empty, weight: 0n, state }
}

export type Linked<Else = never> =
  | Else
  | { readonly ok: true; readonly place: Place; readonly leaves: readonly Hash[] }
  | { readonly ok: false; readonly fault: Fault }

/**
 * Judges a block as the child of a verified place by all but the state, recomputing both trees. The header's
 * signature was checked when it was read; the messages' are the caller's to check.
 */
export function link(place: Place, block: Block, rules: Rules, now: number): Linked<'needs state'> {
  const wrong = checkHeader(place, block.signed, rules, now)
  return wrong === 'needs state' ? wrong : linkMessages(place, block, rules, wrong)
}

/** The rest of it. `wrong`: what is wrong with the header. */
function linkMessages(place: Place, block: Block, rules: Rules, wrong: Fault | undefined): Linked {
  const { header } = block.signed
  const fault = (kind: FaultKind, detail: string): Linked => ({
    ok: false,
    fault: { kind, height: header.height, detail }
  })
  if (header.count !== block.envelopes.length)
    return fault('count', `${header.count} announced, ${block.envelopes.length} there`)
  if (wrong !== undefined) return { ok: false, fault: wrong }
  const leaves = block.envelopes.map(leafHash)
  if (!equal(header.root, rootOf(leaves))) return fault('root', 'it is not the root of the messages')
  const frontier = place.frontier.appendAll(leaves)
  if (!equal(header.log, frontier.root())) return fault('log', 'it is not the root of all messages so far')
  const ancestors = ancestorsAfter(place.ancestors, header, rules.ordering)
  return { ok: true, place: { signed: block.signed, ancestors, frontier }, leaves }
}

/** What is wrong with a header as the next one of a place, whatever its messages are, as far as headers tell. */
export function checkHeader(
  place: Pick<Place, 'signed' | 'ancestors'>,
  signed: CheckpointedHeader,
  rules: Rules,
  now: number
): Fault | 'needs state' | undefined {
  return misplaced(place, signed, rules) ?? rules.ordering.checkHeader(signed.header, place.ancestors, now)
}

/** All that is wrong with it. `stakes`: as the state at that place has them. */
export function verifyHeader(
  place: Pick<Place, 'signed' | 'ancestors'>,
  signed: CheckpointedHeader,
  rules: Rules,
  stakes: () => StakeView,
  now: number
): Fault | undefined {
  return misplaced(place, signed, rules) ?? rules.ordering.verify(signed.header, place.ancestors, stakes, now)
}

/** Whether it is not the next one by its number and its parent, or wrong wherever it stands. */
function misplaced(
  { signed: parent }: Pick<Place, 'signed'>,
  { header, id }: CheckpointedHeader,
  rules: Rules
): Fault | undefined {
  const fault = (kind: FaultKind, detail: string): Fault => ({ kind, height: header.height, detail })
  if (!equal(header.network, rules.network.id)) return fault('network', 'it belongs to another network')
  if (header.height !== parent.header.height + 1)
    return fault('height', `expected ${parent.header.height + 1}, found ${header.height}`)
  if (!equal(header.parent, parent.id))
    return fault('parent', `its parent is not block ${parent.header.height}`)
  if (header.size !== parent.header.size + header.count)
    return fault('size', `${parent.header.size} + ${header.count} is not ${header.size}`)
  return rules.ordering.screen(header, id)
}

export function ancestorsAfter(before: Ancestors, header: Header, { lookback }: Ordering): Ancestors {
  return [header, ...before.slice(0, lookback - 1)]
}

export type Advanced =
  | { readonly ok: true; readonly cursor: Cursor; readonly leaves: readonly Hash[] }
  | { readonly ok: false; readonly fault: Fault }

/** Judges a block as the child of a place that was followed from the genesis: as `link`, and by its state. */
export function advance(cursor: Cursor, block: Block, rules: Rules, now: number): Advanced {
  const { header } = block.signed
  const { application, ordering } = rules
  const stakes = (): StakeView => application.stakes(cursor.state)
  const linked = linkMessages(cursor, block, rules, verifyHeader(cursor, block.signed, rules, stakes, now))
  if (!linked.ok) return linked
  const applied = applyBlock(application, cursor.state, header, messagesOf(block.envelopes))
  if (!applied.ok)
    return {
      ok: false,
      fault: {
        kind: 'message',
        height: header.height,
        position: cursor.signed.header.size + applied.index,
        detail: `${applied.refusal.reason}: ${applied.refusal.detail}`
      }
    }
  if (!equal(header.state, application.digest(applied.state)))
    return {
      ok: false,
      fault: {
        kind: 'state',
        height: header.height,
        detail: 'it is not the digest of the state after this block'
      }
    }
  const weight = cursor.weight + ordering.weight(header)
  return { ok: true, cursor: { ...linked.place, weight, state: applied.state }, leaves: linked.leaves }
}

/** What is to stand in a block. `read`: what the envelopes say, where it has been read already. */
export interface DraftMessages {
  readonly envelopes: readonly EnvelopeBytes[]
  readonly leaves: readonly Hash[]
  readonly read?: Iterable<Message>
}

/** A block without its proof and its signature. */
export interface Draft {
  readonly header: Header
  readonly envelopes: readonly EnvelopeBytes[]
  readonly leaves: readonly Hash[]
  readonly frontier: Frontier
  readonly state: unknown
}

/** The next block over messages that were validated on their way in. Throws if one is not valid at its place. */
export function draft(
  cursor: Cursor,
  { envelopes, leaves, read = messagesOf(envelopes) }: DraftMessages,
  producer: PeerIdBytes,
  rules: Rules,
  now: number
): Draft {
  const { header: parent, id } = cursor.signed
  const frontier = cursor.frontier.appendAll(leaves)
  const header: Header = rules.ordering.prepare(
    {
      network: rules.network.id,
      height: parent.height + 1,
      parent: id,
      time: now,
      count: leaves.length,
      root: rootOf(leaves),
      size: parent.size + leaves.length,
      log: frontier.root(),
      state: parent.state,
      producer,
      proof: new Uint8Array(0)
    },
    cursor.ancestors
  )
  const applied = applyBlock(rules.application, cursor.state, header, read)
  if (!applied.ok) throw new Error(`message ${applied.index} of a draft: ${applied.refusal.detail}`)
  const state = rules.application.digest(applied.state)
  return { header: { ...header, state }, envelopes, leaves, frontier, state: applied.state }
}

/** The place after a draft, once it is signed. */
export function cursorAfter(cursor: Cursor, draft: Draft, signed: CheckpointedHeader, rules: Rules): Cursor {
  const { header } = signed
  return {
    signed,
    ancestors: ancestorsAfter(cursor.ancestors, header, rules.ordering),
    frontier: draft.frontier,
    weight: cursor.weight + rules.ordering.weight(header),
    state: draft.state
  }
}

/** Decoded on demand: an application that looks at none pays for none. */
function* messagesOf(envelopes: readonly EnvelopeBytes[]): Iterable<Message> {
  for (const envelope of envelopes) yield decodeMessage(decodeEnvelope(envelope).payload)
}
