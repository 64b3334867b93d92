import {
  type Guard,
  isCount,
  isNumber,
  isText,
  listOf,
  orNull,
  readerOf,
  type Tagged
} from '#src/cli/terminal/shapes.js'

/** What becomes of a network: shown by `network up` as it happens, and what `network status` answers with. */

const STATES = ['starting', 'running', 'silent', 'stopped', 'killed', 'failed'] as const

/**
 * Of a node's process: `silent` runs and does not answer, `stopped` ended in order and is forgotten by the others,
 * `killed` ended by a signal, `failed` by itself with an error; for these two the others go on looking.
 */
export type NodeState = (typeof STATES)[number]

const isState: Guard<NodeState> = (value): value is NodeState => STATES.some(state => state === value)

const EVENTS = {
  network: {
    folder: isText,
    /** Its id in hex. */
    network: isText,
    ordering: isText,
    topology: isText,
    /** Of the random choices in it. */
    seed: isCount,
    /** Of the manager. */
    pid: isCount,
    nodes: isCount,
    /** Numbers of nodes that have to do with one another; null where the network is whole. */
    groups: orNull(listOf(listOf(isCount)))
  },
  /** null where it is not known yet. */
  node: {
    /** 1, 2, 3, … */
    node: isCount,
    role: isText,
    state: isState,
    pid: orNull(isCount),
    peerId: orNull(isText),
    address: orNull(isText),
    height: orNull(isCount),
    head: orNull(isText),
    size: orNull(isCount),
    /** Where there is no order: how many transfers, and the digest of their set. */
    transfers: orNull(isCount),
    digest: orNull(isText),
    /** Messages that wait there. */
    pool: orNull(isCount),
    /** Hashes a second. */
    hashRate: orNull(isNumber),
    /** How many are connected, and how many addresses it keeps to. */
    peers: orNull(isCount),
    known: orNull(isCount)
  },
  /** A node has taken a heavier branch: its head before and after, and how many blocks are out. */
  reorg: { node: isCount, from: isText, to: isText, depth: isCount },
  /** A node has refused the heavier branch of a peer, up to this block: it forks off deeper than so many blocks. */
  reorgRefused: { node: isCount, peerId: isText, height: isCount, id: isText, allowed: isCount },
  mined: { node: isCount, height: isCount, id: isText },
  /** All processes have ended. */
  stopped: {}
} as const

export type NetworkEvent = Tagged<'event', typeof EVENTS>
export type NetworkEventOf<Name extends NetworkEvent['event']> = Extract<
  NetworkEvent,
  { readonly event: Name }
>

export const readNetworkEvent = readerOf('event', EVENTS)
