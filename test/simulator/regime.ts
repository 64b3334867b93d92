import type { BlockGossip } from './block-gossip.js'
import type { MessageGossip } from './message-gossip.js'
import type { Peer } from './peer.js'
import type { Writer } from './writing.js'

/** A peer with what it does about blocks and messages. */
export interface VirtualNode {
  readonly peer: Peer
  readonly blocks: BlockGossip
  readonly messages: MessageGossip
}

/** What is done under one ordering and not under others. */
export interface Regime {
  isMiner(node: VirtualNode): boolean
  /** Gives a node what it has to do. All nodes are there. */
  employ(node: VirtualNode): void
  writerAt(node: VirtualNode): Writer
  /** Whether a message waits for a block or for a receipt. */
  hasWaiting(): boolean
  /** When the time is over: makes blocks only while some are needed for what waits. */
  settle(isNeeded: boolean): void
  /** By leaf in hex: the positions that were receipted, where there are receipts. */
  receipts(): Iterable<readonly [leaf: string, position: number]>
}
