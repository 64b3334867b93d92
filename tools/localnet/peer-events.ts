import {
  type Guard,
  isNumber,
  isText,
  isTexts,
  orNull,
  parseJson,
  readerOf,
  type Tagged
} from '#src/cli/terminal/shapes.js'

/** What a peer started with `--json` prints on its standard output. Bytes are lower-case hex, times ms. */

/** A u64: a string of digits where a number would not be exact. */
const isSequence: Guard<number | string> = (value): value is number | string =>
  isNumber(value) || isText(value)

const SHAPES = {
  started: {
    role: isText,
    peerId: isText,
    network: isText,
    /** Ready to be dialled: with the PeerId at their end. */
    addresses: isTexts,
    http: orNull(isText)
  },
  block: {
    height: isNumber,
    id: isText,
    parent: isText,
    root: isText,
    log: isText,
    /** Messages in this block, and in the log up to and including it. */
    count: isNumber,
    size: isNumber
  },
  receipt: { sequence: isSequence, position: isNumber, leaf: isText, ms: isNumber },
  /** A peer of a network of equals has the message on its disk. */
  accepted: { sequence: isSequence, leaf: isText, ms: isNumber },
  /** `sequence` is null where the message was refused before it got one. */
  refused: { sequence: orNull(isSequence), reason: isText, detail: isText },
  /** A heavier branch has replaced blocks: the head before and after, and how many blocks are out. */
  reorg: { from: isText, to: isText, depth: isNumber },
  /** A heavier branch was refused, as it forks off deeper than this many blocks. */
  reorgRefused: { peerId: isText, height: isNumber, id: isText, allowed: isNumber },
  /** Of a miner, now and then. */
  hashrate: { hashesPerSecond: isNumber },
  /** What a peer of a network with no order has come to. */
  set: { count: isNumber, digest: isText },
  /** The sequencer has lied. */
  evidence: { id: isText, kind: isText, height: isNumber, detail: isText },
  summary: {
    sent: isNumber,
    accepted: isNumber,
    refused: isNumber,
    resent: isNumber,
    p50: orNull(isNumber),
    p99: orNull(isNumber)
  },
  stopped: {}
} as const

export type EventName = keyof typeof SHAPES
export type LocalEvent = Tagged<'event', typeof SHAPES>
export type EventOf<Name extends EventName> = Extract<LocalEvent, { readonly event: Name }>

const readEvent = readerOf('event', SHAPES)

/** The event that a line says; undefined where it says none that is known here, or lacks a part of it. */
export function parseEvent(line: string): LocalEvent | undefined {
  return readEvent(parseJson(line))
}
