import type { Random } from '#tools/localnet/random.js'
import type { BlockGossip } from './block-gossip.js'
import type { Links } from './links.js'
import type { MessageGossip } from './message-gossip.js'
import type { Duty } from './peer.js'

/** What a peer asks one neighbour at a time for, now and then, and at its start: what gossip lost shows then. */
export class Polling implements Duty {
  constructor(
    private readonly blocks: BlockGossip,
    private readonly messages: MessageGossip,
    private readonly links: Links,
    private readonly random: Random,
    /** ms */
    private readonly period: number
  ) {}

  /** Called once; a peer that is stopped asks nobody. */
  begin(): void {
    const { time } = this.blocks.peer.surroundings
    const poll = (): void => {
      if (this.blocks.peer.isOnline) this.#poll()
      time.after(this.period, poll)
    }
    // Not all at the same time.
    time.after(this.random.next() * this.period, poll)
  }

  started(): void {
    this.#poll()
  }

  #poll(): void {
    const { peer, neighbours } = this.blocks
    const index = Math.floor(this.random.next() * neighbours.length)
    const blocks = neighbours[index]
    const messages = this.messages.neighbours[index]
    if (blocks === undefined || messages === undefined) return
    this.links.send(peer.index, blocks.peer.index, () => {
      if (!blocks.peer.isOnline) return
      blocks.answer(this.blocks)
      messages.answer(this.messages)
    })
  }
}
