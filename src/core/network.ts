import type { Hash, PeerIdBytes } from './bytes.js'
import { type CodedOptions, TallystickError } from './errors.js'
import { peerIdFromText, peerIdToString } from './keys.js'

/** What all peers of a network agree on. Its hash is the network id; block 0, where there are blocks, carries it. */
export interface NetworkDocument {
  /** Version of the formats. */
  readonly tallystick: 1
  readonly name: string
  readonly ordering: Section
  readonly application: Section
  /** PeerIds that may write. Anyone may where it is left out. */
  readonly members?: readonly string[]
  readonly limits: {
    /** Bytes of an envelope at most. */
    readonly messageBytes: number
  }
}

/** A part of a network document. Its module, which `type` names, knows its other fields. */
export interface Section {
  readonly type: string
}

/** A parsed document with its canonical bytes (RFC 8785) and its id, their SHA-256. */
export type Network = ChainNetwork | SetNetwork

/** Blocks put into order what is said; peers replicate a chain. */
export interface ChainNetwork extends NetworkIdentity {
  readonly kind: 'chain'
  /** The one peer that orders, and signs receipts and checkpoints; undefined where any peer may extend the chain. */
  readonly sequencer: PeerIdBytes | undefined
}

/** Nothing is put into order; peers replicate the set of all that was said. */
export interface SetNetwork extends NetworkIdentity {
  readonly kind: 'set'
}

interface NetworkIdentity {
  readonly document: NetworkDocument
  readonly canonical: Uint8Array
  readonly id: Hash
}

/** Thrown with a sentence that says what is wrong where. */
export class InvalidNetworkDocument extends TallystickError {
  override name = 'InvalidNetworkDocument'

  constructor(message: string, { code = 'ERR_NETWORK_DOCUMENT', ...options }: CodedOptions = {}) {
    super(code, message, options)
  }
}

/** Throws InvalidNetworkDocument where nothing is put into order. */
export function expectChain(network: Network): ChainNetwork {
  if (network.kind === 'chain') return network
  throw new InvalidNetworkDocument(`"${network.document.name}" has no order, and so no blocks`)
}

/** The one peer that orders. Throws InvalidNetworkDocument where there is none. */
export function sequencerOf(network: Network): PeerIdBytes {
  const sequencer = network.kind === 'chain' ? network.sequencer : undefined
  if (sequencer !== undefined) return sequencer
  const { name, ordering } = network.document
  throw new InvalidNetworkDocument(`"${name}" has no sequencer: its ordering is ${ordering.type}`)
}

/** The members that the document names; none where anyone may write. */
export function membersOf({ document: { members = [] } }: Network): PeerIdBytes[] {
  return members.map(peerIdFromText)
}

/** Throws InvalidNetworkDocument unless it is the usual text of a PeerId. */
export function expectPeerId(text: string): PeerIdBytes {
  let problem = 'not in its usual text, which is base58'
  try {
    const peerId = peerIdFromText(text)
    if (peerIdToString(peerId) === text) return peerId
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error)
  }
  throw new InvalidNetworkDocument(`"${text}" is not a PeerId: ${problem}`)
}
