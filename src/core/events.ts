import type { CheckpointedHeader } from './block.js'
import type { Hash } from './bytes.js'
import type { EvidenceKind } from './evidence-shape.js'

/** What the program that hands in a message calls it; its author alone knows it, and events carry it. */
export type MessageId = string | number

/**
 * What a peer tells the world. Entries print these as JSON or as sentences. `id`: what the program that handed in a message
 * calls it.
 */
export type PeerEvent =
  | {
      readonly event: 'started'
      readonly role: string
      readonly peerId: string
      readonly network: Hash
      readonly addresses: readonly string[]
    }
  | { readonly event: 'block'; readonly signed: CheckpointedHeader }
  /** The head has moved to a heavier branch: `depth` blocks have left the main chain. */
  | {
      readonly event: 'reorg'
      readonly from: CheckpointedHeader
      readonly to: CheckpointedHeader
      readonly depth: number
    }
  /** A peer has a heavier chain, but it forks off deeper than any reorg may reach. */
  | {
      readonly event: 'reorgRefused'
      readonly peerId: string
      readonly height: number
      readonly id: Hash
      readonly weight: bigint
      readonly allowed: number
    }
  | {
      readonly event: 'receipt'
      readonly id: MessageId | undefined
      readonly sequence: bigint
      readonly position: number
      readonly leaf: Hash
      readonly ms: number
    }
  /** A peer of a network of equals has the message on its disk. */
  | {
      readonly event: 'accepted'
      readonly id: MessageId | undefined
      readonly sequence: bigint
      readonly leaf: Hash
      readonly ms: number
    }
  /** `sequence` is missing where the message was refused before it got one. */
  | {
      readonly event: 'refused'
      readonly id: MessageId | undefined
      readonly sequence: bigint | undefined
      readonly reason: string
      readonly detail: string
    }
  /** The sequencer has a new key, so the message was sealed to it again, under another sequence. */
  | {
      readonly event: 'resealed'
      readonly id: MessageId | undefined
      readonly sequence: bigint
      readonly as: bigint
    }
  /** The sequencer has lied, and this proves it. */
  | {
      readonly event: 'evidence'
      readonly id: Hash
      readonly kind: EvidenceKind
      readonly height: number
      readonly detail: string
    }
  /** The sequencer has taken up the keys of its key file again: the newest, and how many older ones open. */
  | { readonly event: 'key'; readonly keyId: Uint8Array; readonly older: number }
  /** What a peer of a network with no order has come to. */
  | { readonly event: 'set'; readonly count: number; readonly digest: Hash }
  /** How fast a miner has searched of late, all its threads together. */
  | { readonly event: 'hashrate'; readonly hashesPerSecond: number }
  | ({ readonly event: 'summary' } & Summary)
  | { readonly event: 'connected'; readonly peerId: string }
  | { readonly event: 'disconnected'; readonly peerId: string }
  /** Blocks that were missed are being fetched. */
  | { readonly event: 'syncing'; readonly height: number; readonly target: number }
  /** A chat has heard a line, and nobody knows whose. */
  | { readonly event: 'line'; readonly text: string }
  /** How many peers of its room a chat is connected with now. */
  | { readonly event: 'neighbours'; readonly count: number }
  | { readonly event: 'warning'; readonly message: string }
  | { readonly event: 'stopped' }

export interface Summary {
  readonly sent: number
  readonly accepted: number
  readonly refused: number
  readonly resent: number
  /** Messages that were found in the log where their receipts say; left out where nobody gives receipts. */
  readonly proved?: number
  /** ms from publishing to a verified receipt, or to a peer's word that it has the message; undefined without any. */
  readonly p50: number | undefined
  readonly p99: number | undefined
}

export type Report = (event: PeerEvent) => void

export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
