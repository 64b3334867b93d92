import type { GossipSub } from '@libp2p/gossipsub'
import type { RPC } from '@libp2p/gossipsub/message'
import type { PeerId } from '@libp2p/interface'
import { toHex } from '../core/bytes.js'
import { sha256 } from '../core/hash.js'
import { LIMITS } from '../core/limits.js'
import { forgetMessage, rememberMessage } from './gossip-memory.js'

/** Gossipsub has these, made to be replaced, and leaves them out of its interface. */
interface WithHandlers {
  handleReceivedRpc(from: PeerId, rpc: RPC): Promise<void>
  /** Resolves when the message has been judged, and passed on where that is to be. */
  handleReceivedMessage(from: PeerId, message: RPC.Message): Promise<void>
}

function hasHandlers(gossip: GossipSub): gossip is GossipSub & WithHandlers {
  const names = ['handleReceivedRpc', 'handleReceivedMessage'] as const
  return names.every(name => typeof Reflect.get(gossip, name) === 'function')
}

/** A copy of a message that came from another peer, or on another topic, while the first one was being judged. */
interface Copy {
  readonly from: PeerId
  readonly topic: string
}

/**
 * Looks at what gossipsub receives before gossipsub does. By itself gossipsub marks the bytes of a message as seen before
 * any validator has judged them, whichever peer and topic they came on, and ignores all other copies for a minute: who
 * hands a message over first, while past a limit or on the wrong topic, would keep everybody's copies out.
 */
export class GossipGuard {
  readonly #handle: (from: PeerId, message: RPC.Message) => Promise<void>
  /** The ids of messages that are being judged, with the copies that came meanwhile. */
  readonly #judging = new Map<string, Map<string, Copy>>()
  /** Those of them that are not to count as seen. */
  readonly #forgotten = new Set<string>()

  constructor(
    private readonly gossip: GossipSub,
    private readonly isConnected: (peer: PeerId) => boolean
  ) {
    if (!hasHandlers(gossip)) throw new Error('this gossipsub does not let what it receives be looked at')
    this.#handle = gossip.handleReceivedMessage.bind(gossip)
    gossip.handleReceivedMessage = (from, message) => this.#receive(from, message)
    const handleRpc = gossip.handleReceivedRpc.bind(gossip)
    gossip.handleReceivedRpc = async (from, rpc) => {
      // What is still read from a connection that has ended would be kept for a peer of which no end is told any more.
      if (!isConnected(from)) return
      // Gossipsub remembers a peer for as long as the peer asks for, in seconds, also after it has gone.
      for (const prune of rpc.control?.prune ?? [])
        if (prune.backoff !== undefined && prune.backoff > LONGEST_BACKOFF) prune.backoff = LONGEST_BACKOFF
      await handleRpc(from, rpc)
    }
  }

  /** This message, which is being judged, is not to count as seen when it has been. */
  forget(data: Uint8Array): void {
    this.#forgotten.add(toHex(sha256(data)))
  }

  /** Judges copies side by side from now on, until `remember`. */
  forgetNow(data: Uint8Array): void {
    const id = sha256(data)
    forgetMessage(this.gossip, id)
    this.#release(toHex(id), data)
  }

  remember(data: Uint8Array): void {
    rememberMessage(this.gossip, sha256(data))
  }

  async #receive(from: PeerId, message: RPC.Message): Promise<void> {
    const { topic, data = NOTHING } = message
    // Gossipsub keeps and passes on what has no validator.
    if (!this.gossip.topicValidators.has(topic)) return
    const id = sha256(data)
    const name = toHex(id)
    const others = this.#judging.get(name)
    if (others !== undefined) {
      // A peer that is connected has one place for each topic at most.
      others.set(`${from.toString()} ${topic}`, { from, topic })
      return
    }
    this.#judging.set(name, new Map())
    try {
      await this.#handle(from, message)
    } finally {
      if (this.#forgotten.delete(name)) forgetMessage(this.gossip, id)
      this.#release(name, data)
    }
  }

  /** Has the copies judged that wait: the first of them as new where the message does not count as seen. */
  #release(name: string, data: Uint8Array): void {
    const copies = this.#judging.get(name)
    this.#judging.delete(name)
    for (const { from, topic } of copies?.values() ?? [])
      if (this.isConnected(from)) this.#receive(from, { topic, data }).catch(() => undefined)
  }
}

const LONGEST_BACKOFF = LIMITS.gossipBackoffMs / 1000
const NOTHING = new Uint8Array(0)
