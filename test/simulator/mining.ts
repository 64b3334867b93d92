import { signHeader } from '#src/core/block.js'
import { workOf } from '#src/orderings/proof-of-work/compact-target.js'
import { decodeProof } from '#src/orderings/proof-of-work/work-proof.js'
import type { Random } from '#tools/localnet/random.js'
import { mined } from '../helpers/work.js'
import type { BlockGossip } from './block-gossip.js'
import type { FoundBlock } from './found-blocks.js'
import type { Duty, Peer } from './peer.js'
import { exponential } from './random.js'

/** All miners' hash power, which is virtual: one finds a block as often as it would with real hashes at the chain's real target. */
export class Mining {
  readonly #miners: Miner[] = []
  /** By head: hashes that the next block takes on average. */
  readonly #difficulties = new Map<FoundBlock | undefined, number>()
  #isOn = true

  /** `power`: hashes a ms that one miner has at a time. */
  constructor(
    private readonly random: Random,
    private readonly power: (now: number) => number
  ) {}

  minerAt(gossip: BlockGossip): Duty {
    const miner = new Miner(gossip, this)
    this.#miners.push(miner)
    return miner
  }

  get isOn(): boolean {
    return this.#isOn
  }

  switch(isOn: boolean): void {
    if (this.#isOn === isOn) return
    this.#isOn = isOn
    for (const miner of this.#miners) miner.search()
  }

  /** How long a miner that begins now takes to find the next block, ms. Hashes have no memory: it may begin anew at any time. */
  timeToFind(peer: Peer): number {
    const { time } = peer.surroundings
    return exponential(this.random, this.#difficultyAt(peer) / this.power(time.now))
  }

  #difficultyAt(peer: Peer): number {
    const known = this.#difficulties.get(peer.head)
    if (known !== undefined || peer.chain === undefined) return known ?? Number.POSITIVE_INFINITY
    const next = peer.chain.draft(
      { envelopes: [], leaves: [] },
      peer.signer.peerId,
      peer.surroundings.time.clock
    )
    const difficulty = Number(workOf(decodeProof(next.header.proof).number))
    this.#difficulties.set(peer.head, difficulty)
    return difficulty
  }
}

class Miner implements Duty {
  /** A search that is not the latest one has come to nothing. */
  #search = 0

  constructor(
    private readonly gossip: BlockGossip,
    private readonly mining: Mining
  ) {}

  started(): void {
    this.search()
  }

  moved(): void {
    this.search()
  }

  stopping(): void {
    this.#search += 1
  }

  /** Begins at the head as it is now. */
  search(): void {
    this.#search += 1
    const { peer } = this.gossip
    if (!peer.isOnline || !this.mining.isOn) return
    const search = this.#search
    peer.surroundings.time.after(this.mining.timeToFind(peer), () =>
      search === this.#search ? this.#find() : undefined
    )
  }

  /** Only when a block is found, its nonce is really searched for. */
  async #find(): Promise<void> {
    const { chain, signer, surroundings } = this.gossip.peer
    const { time, rules, blocks } = surroundings
    const draft = chain?.propose(signer.peerId, time.clock)
    if (draft === undefined) return
    const signed = signHeader(mined(draft.header), signer, rules.ordering)
    await this.gossip.take(blocks.add({ signed, envelopes: draft.envelopes }, time.now), undefined)
  }
}
