import type { Block } from '../../core/block.js'
import { type Hash, type PeerIdBytes, toHex } from '../../core/bytes.js'
import { LIMITS } from '../../core/limits.js'

interface Orphan {
  readonly block: Block
  readonly parent: string
  readonly from: string
  readonly bytes: number
  readonly expires: number
}

/**
 * Blocks whose parents are not known yet. Gossip brings each once, so they are kept until the parent comes:
 * only so many, so many bytes and so many of one peer, and not for ever.
 */
export class Orphans {
  /** By id, the oldest first. */
  readonly #orphans = new Map<string, Orphan>()
  readonly #ofPeer = new Map<string, number>()
  #bytes = 0

  get size(): number {
    return this.#orphans.size
  }

  /** `bytes`: of the encoded block; `now`: of a monotonic clock, ms. */
  add(block: Block, from: PeerIdBytes, bytes: number, now: number): void {
    const peer = toHex(from)
    const id = toHex(block.signed.id)
    this.#expire(now)
    if (this.#orphans.has(id) || bytes > LIMITS.orphanBytes) return
    if ((this.#ofPeer.get(peer) ?? 0) >= LIMITS.orphansOfPeer) this.#dropOldest(peer)
    while (this.#orphans.size >= LIMITS.orphans || this.#bytes + bytes > LIMITS.orphanBytes)
      this.#dropOldest()
    this.#orphans.set(id, {
      block,
      parent: toHex(block.signed.header.parent),
      from: peer,
      bytes,
      expires: now + LIMITS.orphanMs
    })
    this.#ofPeer.set(peer, (this.#ofPeer.get(peer) ?? 0) + 1)
    this.#bytes += bytes
  }

  /** Those whose parent this is, taken out. */
  takeChildren(parent: Hash): Block[] {
    const name = toHex(parent)
    const children = [...this.#orphans].filter(([, orphan]) => orphan.parent === name)
    for (const [id] of children) this.#drop(id)
    return children.map(([, { block }]) => block)
  }

  #expire(now: number): void {
    for (const [id, { expires }] of this.#orphans) {
      if (expires > now) return
      this.#drop(id)
    }
  }

  #dropOldest(peer?: string): void {
    const oldest = [...this.#orphans].find(([, { from }]) => peer === undefined || from === peer)
    if (oldest !== undefined) this.#drop(oldest[0])
  }

  #drop(id: string): void {
    const orphan = this.#orphans.get(id)
    if (orphan === undefined) return
    this.#orphans.delete(id)
    this.#bytes -= orphan.bytes
    const left = (this.#ofPeer.get(orphan.from) ?? 1) - 1
    if (left > 0) this.#ofPeer.set(orphan.from, left)
    else this.#ofPeer.delete(orphan.from)
  }
}
