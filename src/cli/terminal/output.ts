import type { Block, SignedHeader } from '../../core/block.js'
import { toHex } from '../../core/bytes.js'
import { decodeEnvelope } from '../../core/envelope.js'
import type { PeerEvent, Report } from '../../core/events.js'
import { peerIdToString } from '../../core/keys.js'
import { leafHash } from '../../core/merkle.js'
import { decodeMessage } from '../../core/message.js'
import { bad, good, type Line } from './styled.js'
import { printJson, printLine } from './terminal.js'

/** `print` is for people. */
export function reporter(json: boolean, print: Print = printLine, say = sentence): Report {
  return event => {
    const shown = json ? eventToJson(event) : undefined
    if (shown === undefined) print(...sentences(event, say))
    else printJson(shown)
  }
}

type Print = (...lines: readonly Line[]) => void

/** Where one message was sent, who sent it wants to know its position, which other commands take. */
export function sentenceOfOne(event: Told): Line {
  if (event.event === 'receipt') {
    const { position, sequence, ms } = event
    return [
      `position ${position}: `,
      good('accepted'),
      ` after ${ms.toFixed(1)} ms, as message ${sequence} of its author`
    ]
  }
  return sentence(event)
}

/** All but the one that takes several lines. */
type Told = Exclude<PeerEvent, { readonly event: 'started' }>

/** A u64 as a JSON number while that is exact, else as a string of digits. */
export function sequenceToJson(sequence: bigint): number | string {
  return sequence <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(sequence) : sequence.toString()
}

/** From ms since 1970. An author may claim a time that no date can show. */
export function dateOf(time: number): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString()
}

/** The events of the contract; the others are for people alone. */
function eventToJson(event: PeerEvent): object | undefined {
  switch (event.event) {
    case 'started':
      return { ...event, network: toHex(event.network), http: null }
    case 'block':
      return { event: event.event, ...headerToJson(event.signed) }
    case 'reorg':
      return { ...event, from: toHex(event.from.id), to: toHex(event.to.id), height: event.to.header.height }
    case 'reorgRefused':
      return { ...event, id: toHex(event.id), weight: event.weight.toString() }
    case 'receipt':
    case 'accepted':
      return {
        ...event,
        sequence: sequenceToJson(event.sequence),
        leaf: toHex(event.leaf),
        ms: rounded(event.ms)
      }
    case 'refused':
      return { ...event, sequence: event.sequence === undefined ? null : sequenceToJson(event.sequence) }
    case 'resealed':
      return { ...event, sequence: sequenceToJson(event.sequence), as: sequenceToJson(event.as) }
    case 'evidence':
      return { ...event, id: toHex(event.id) }
    case 'key':
      return { ...event, keyId: toHex(event.keyId) }
    case 'set':
      return { ...event, digest: toHex(event.digest) }
    case 'hashrate':
      return { ...event, hashesPerSecond: Math.round(event.hashesPerSecond) }
    case 'summary':
      return { ...event, p50: rounded(event.p50), p99: rounded(event.p99) }
    case 'line':
    case 'neighbours':
    case 'stopped':
      return event
    case 'connected':
    case 'disconnected':
    case 'syncing':
    case 'warning':
      return undefined
  }
}

function sentences(event: PeerEvent, say: (event: Told) => Line): Line[] {
  if (event.event !== 'started') return [say(event)]
  const { role, peerId, network, addresses } = event
  return [`${role} ${peerId} of network ${toHex(network)}`, ...addresses.map(at => `  listens on ${at}`)]
}

function sentence(event: Told): Line {
  switch (event.event) {
    case 'block': {
      const { header, id } = event.signed
      return `block ${header.height}: ${header.count} messages, ${header.size} in the log, id ${toHex(id)}`
    }
    case 'reorg': {
      const { from, to, depth } = event
      return `REORG: ${depth} blocks have left the chain, which ends in block ${to.header.height} ${toHex(to.id)} now; it ended in block ${from.header.height} ${toHex(from.id)}`
    }
    case 'reorgRefused':
      return `A CHAIN THAT IS SAID TO BE HEAVIER IS REFUSED: that of ${event.peerId}, up to block ${event.height} ${toHex(event.id)}, leaves ours more than ${event.allowed} blocks ago; nothing of it has been verified: ask other peers, and if it is the right one start again with another --data folder`
    case 'receipt':
      return [
        `message ${event.sequence} `,
        good('accepted'),
        ` at position ${event.position} after ${event.ms.toFixed(1)} ms`
      ]
    case 'accepted':
      return [
        `message ${event.sequence} `,
        good('accepted'),
        ` after ${event.ms.toFixed(1)} ms; a peer says that it has it on disk as ${toHex(event.leaf)}`
      ]
    case 'refused':
      return [
        `message${event.sequence === undefined ? '' : ` ${event.sequence}`} `,
        bad('refused'),
        `: ${event.reason}: ${event.detail}`
      ]
    case 'resealed':
      return `message ${event.sequence} sealed again as message ${event.as}, as the sequencer has a new key`
    case 'evidence':
      return [
        bad('THE SEQUENCER HAS LIED'),
        `: ${event.detail}. It is not followed any more. The evidence is ${toHex(event.id)}`
      ]
    case 'key':
      return `messages are to be sealed to key ${toHex(event.keyId)} now; ${event.older} older ones still open`
    case 'set':
      return `${event.count} transfer${event.count === 1 ? '' : 's'}, digest ${toHex(event.digest)}`
    case 'hashrate':
      return `mining at ${Math.round(event.hashesPerSecond).toLocaleString('en-US')} hashes a second`
    case 'summary': {
      const { sent, accepted, refused, resent, proved, p50, p99 } = event
      const proofs = proved === undefined ? '' : `, ${proved} proved to be in the log`
      const what = proved === undefined ? 'taken' : 'receipts'
      const times =
        p50 === undefined ? '' : `; ${what} after ${p50.toFixed(1)} ms (p50), ${p99?.toFixed(1)} ms (p99)`
      return `${sent} sent, ${accepted} accepted, ${refused} refused, ${resent} resent${proofs}${times}`
    }
    case 'connected':
      return `connected to ${event.peerId}`
    case 'disconnected':
      return `lost the connection to ${event.peerId}`
    case 'syncing':
      return `caught up to block ${event.height}; a peer says that there are ${event.target}`
    case 'line':
      return event.text
    case 'neighbours':
      return event.count === 0 ? 'nobody is connected any more' : `connected with ${event.count} of this room`
    case 'warning':
      return event.message
    case 'stopped':
      return 'stopped'
  }
}

export function headerToJson({ header, id }: SignedHeader): Record<string, unknown> {
  const { height, parent, time, count, root, size, log, state, producer, proof } = header
  return {
    height,
    id: toHex(id),
    parent: toHex(parent),
    time,
    count,
    root: toHex(root),
    size,
    log: toHex(log),
    state: toHex(state),
    producer: producer.length === 0 ? null : peerIdToString(producer),
    proof: toHex(proof)
  }
}

export interface MessageInfo {
  readonly position: number
  readonly leaf: string
  readonly author: string
  readonly sequence: number | string
  readonly sealed: boolean
}

function rounded(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms * 1000) / 1000
}

export function messagesOf(block: Block): MessageInfo[] {
  const first = block.signed.header.size - block.signed.header.count
  return block.envelopes.map((envelope, index) => {
    const { author, sequence, body } = decodeMessage(decodeEnvelope(envelope).payload)
    return {
      position: first + index,
      leaf: toHex(leafHash(envelope)),
      author: peerIdToString(author),
      sequence: sequenceToJson(sequence),
      sealed: body.kind === 'sealed'
    }
  })
}
