import { ChainHandler, type ServedChain } from '#src/api/chain-handler.js'
import type { Asking, Handler, Reply } from '#src/api/handler.js'
import { type Block, encodeBlock } from '#src/core/block.js'
import { equal } from '#src/core/bytes.js'
import type { HeadClaim, Query } from '#src/core/query.js'
import { Host } from '#src/network/host.js'
import { topicsOf } from '#src/network/names.js'
import { NodeQueries, type OfferAnswer } from '#src/query/node-queries.js'
import { Changes, deadline } from '../helpers/changes.js'
import type { Cleanup } from '../helpers/cleanup.js'
import { type ForkMaker, GENESIS } from '../helpers/fork-maker.js'
import { identity, type TestNetwork } from '../helpers/networks.js'
import { serve } from '../helpers/served.js'

/** A branch that a maker has made, as one peer's own chain. */
export function branchOf(maker: ForkMaker, name: string): ServedChain {
  const blocks = [GENESIS, ...maker.branch(name)].map(each => maker.block(each))
  return {
    head: () => maker.block(name).signed,
    weight: () => maker.weightOf(name),
    headerAt: height => blocks[height]?.signed,
    headerById: id => blocks.find(({ signed }) => equal(signed.id, id))?.signed,
    encodedBlock: async ({ header }) => {
      const block = blocks[header.height]
      return block && encodeBlock(block)
    }
  }
}

/** What it answers in place of the truth; undefined: the truth. `signal` fires when nobody waits for it any more. */
export type Lie = (query: Query, signal: AbortSignal) => Reply | undefined

/** A peer of a network of equals with one chain that never changes, which counts what it is asked. */
export class Stranger extends Changes implements Handler {
  readonly #asked = new Map<Query['kind'], number>()

  private constructor(
    readonly net: TestNetwork,
    readonly host: Host,
    private readonly chain: ServedChain,
    private readonly lie: Lie
  ) {
    super()
  }

  /** It is not connected yet. */
  static async create(
    cleanup: Cleanup,
    net: TestNetwork,
    who: string,
    chain: ServedChain,
    lie: Lie = () => undefined
  ): Promise<Stranger> {
    const topics = Object.values(topicsOf(net.network.id))
    const host = await Host.create({ key: await identity(who), listen: [], topics })
    const stranger = new Stranger(net, host, chain, lie)
    await host.start()
    cleanup.add(() => host.stop())
    await serve(cleanup, host, net, stranger)
    return stranger
  }

  /** Connects to a peer, which will ask it for its head. */
  async connect(address: string): Promise<void> {
    const { blocks } = topicsOf(this.net.network.id)
    this.host.subscribe(blocks, () => 'accept')
    const peer = await this.host.connect(address, deadline())
    await this.host.whenSubscribed(blocks, peer, deadline())
  }

  /** How often it was asked for such a thing. */
  asked(kind: Query['kind']): number {
    return this.#asked.get(kind) ?? 0
  }

  /** Resolves when it has been asked so often. */
  async isAsked(kind: Query['kind'], count: number): Promise<void> {
    await this.until(`asked ${count} times for ${kind}`, () => this.asked(kind) >= count)
  }

  reply(query: Query, _asking: Asking, signal: AbortSignal): Reply | undefined {
    this.#asked.set(query.kind, this.asked(query.kind) + 1)
    this.changed()
    return this.lie(query, signal) ?? new ChainHandler(this.chain, () => 0).reply(query)
  }

  /** Shows a block to all. */
  async publish(block: Block): Promise<void> {
    await this.host.publish(topicsOf(this.net.network.id).blocks, encodeBlock(block))
  }

  /** Offers its chain to the peer that it is connected to. */
  async offer(address: string): Promise<OfferAnswer> {
    const peer = await this.host.connect(address, deadline())
    return new NodeQueries(this.host, peer, this.net.network.id).offer(this.claim)
  }

  get claim(): HeadClaim {
    const { header, id } = this.chain.head()
    return { height: header.height, id, weight: this.chain.weight() }
  }

  protected override describe(): string {
    return [...this.#asked].map(([kind, count]) => `${kind} ${count}`).join(', ')
  }
}
