import type { Application } from '../applications/application.js'
import { type Block, type CheckpointedHeader, genesisOf, type Header } from '../core/block.js'
import { type EnvelopeBytes, equal, type Hash, type PeerIdBytes } from '../core/bytes.js'
import { decodeEnvelope } from '../core/envelope.js'
import type { Fault, FaultKind } from '../core/fault.js'
import { Frontier, leafHash, rootOf } from '../core/merkle.js'
import { decodeMessage, type Message } from '../core/message.js'
import type { Network } from '../core/network-document.js'
import type { Ordering } from '../orderings/ordering.js'

/** The rules that every peer of a network applies to a block. */
export interface Rules {
  readonly network: Network
  readonly ordering: Ordering
  readonly application: Application<unknown>
}

/** A verified place in a chain: all that is needed to judge or draft the next block. An immutable value. */
export interface Cursor {
  readonly signed: CheckpointedHeader
  readonly frontier: Frontier
  readonly state: unknown
}

export function genesisCursor({ network, application }: Rules): Cursor {
  const state = application.genesis()
  return { signed: genesisOf(network.id, application.digest(state)), frontier: Frontier.empty, state }
}

export type Advanced =
  | { readonly ok: true; readonly cursor: Cursor; readonly leaves: readonly Hash[] }
  | { readonly ok: false; readonly fault: Fault }

/**
 * Judges a block as the child of a verified place, by recomputing both trees and the state. The header's
 * signature was checked when it was read; the messages' are the caller's to check.
 */
export function advance(cursor: Cursor, block: Block, rules: Rules, now: number): Advanced {
  const { header, id } = block.signed
  const parent = cursor.signed
  const fault = (kind: FaultKind, detail: string): Advanced => ({
    ok: false,
    fault: { kind, height: header.height, detail }
  })
  if (!equal(header.network, rules.network.id)) return fault('network', 'it belongs to another network')
  if (header.height !== parent.header.height + 1)
    return fault('height', `expected ${parent.header.height + 1}, found ${header.height}`)
  if (!equal(header.parent, parent.id))
    return fault('parent', `its parent is not block ${parent.header.height}`)
  if (header.count !== block.envelopes.length)
    return fault('count', `${header.count} announced, ${block.envelopes.length} there`)
  if (header.size !== parent.header.size + header.count)
    return fault('size', `${parent.header.size} + ${header.count} is not ${header.size}`)
  const stakes = rules.application.stakes(cursor.state)
  const unordered = rules.ordering.verify(header, parent.header, stakes, now)
  if (unordered !== undefined) return { ok: false, fault: unordered }

  const leaves = block.envelopes.map(leafHash)
  if (!equal(header.root, rootOf(leaves))) return fault('root', 'it is not the root of the messages')
  const frontier = cursor.frontier.appendAll(leaves)
  if (!equal(header.log, frontier.root())) return fault('log', 'it is not the root of all messages so far')
  const applied = rules.application.apply(cursor.state, header, messagesOf(block.envelopes))
  if (!applied.ok)
    return {
      ok: false,
      fault: {
        kind: 'message',
        height: header.height,
        position: parent.header.size + applied.index,
        detail: `${applied.refusal.reason}: ${applied.refusal.detail}`
      }
    }
  if (!equal(header.state, rules.application.digest(applied.state)))
    return fault('state', 'it is not the digest of the state after this block')
  return { ok: true, cursor: { signed: { ...block.signed, id }, frontier, state: applied.state }, leaves }
}

export interface Draft {
  readonly header: Header
  readonly cursor: Omit<Cursor, 'signed'>
}

/** The next block over messages that were validated on their way in. Throws if one is not valid at its place. */
export function draft(
  cursor: Cursor,
  messages: { readonly envelopes: readonly EnvelopeBytes[]; readonly leaves: readonly Hash[] },
  producer: PeerIdBytes,
  rules: Rules,
  now: number
): Draft {
  const { header: parent, id } = cursor.signed
  const { leaves } = messages
  const frontier = cursor.frontier.appendAll(leaves)
  const header: Header = {
    network: rules.network.id,
    height: parent.height + 1,
    parent: id,
    // Clocks may be set back; a chain's time never goes back.
    time: Math.max(now, parent.time),
    count: leaves.length,
    root: rootOf(leaves),
    size: parent.size + leaves.length,
    log: frontier.root(),
    state: parent.state,
    producer,
    proof: new Uint8Array(0)
  }
  const applied = rules.application.apply(cursor.state, header, messagesOf(messages.envelopes))
  if (!applied.ok) throw new Error(`message ${applied.index} of a draft: ${applied.refusal.detail}`)
  const state = rules.application.digest(applied.state)
  return { header: { ...header, state }, cursor: { frontier, state: applied.state } }
}

/** Decoded on demand: an application that looks at none pays for none. */
function* messagesOf(envelopes: readonly EnvelopeBytes[]): Iterable<Message> {
  for (const envelope of envelopes) yield decodeMessage(decodeEnvelope(envelope).payload)
}
