import { Chain } from '#src/chain/chain.js'
import { type EnvelopeBytes, equal, type PeerIdBytes, toHex } from '#src/core/bytes.js'
import { describeFault } from '#src/core/fault.js'
import { VerifierCache } from '#src/core/keys.js'
import type { HeadClaim } from '#src/core/query.js'
import type { Rate } from '#src/core/rate-limiter.js'
import { refusal } from '#src/core/refusal.js'
import type { Fate } from '#src/core/submission.js'
import { validateEnvelope } from '#src/core/validation.js'
import { Host } from '#src/network/host.js'
import { BlockResponder } from '#src/node/block-responder.js'
import { ChainResponder } from '#src/node/chain-responder.js'
import { ClaimAsker } from '#src/node/claim-asker.js'
import type { EqualSource, Mined, Outcome } from '#src/node/equal-source.js'
import { describeError } from '#src/node/events.js'
import { findBetter } from '#src/node/forks/header-search.js'
import { messageRules } from '#src/node/message-rules.js'
import { NodeResponder } from '#src/node/node-responder.js'
import { OfferResponder } from '#src/node/offer-responder.js'
import { OwnerResponder } from '#src/node/owner-responder.js'
import { Untrue } from '#src/node/query-errors.js'
import { QueryServer } from '#src/node/query-server.js'
import { ServiceList } from '#src/node/service.js'
import { SubmissionServer } from '#src/node/submission-server.js'
import { ChainMaker } from './blocks.js'
import { Changes, present } from './changes.js'
import { openDatabase } from './check-peer.js'
import type { Cleanup } from './cleanup.js'
import type { TestNetwork } from './networks.js'

export interface EqualNodeWishes {
  readonly owners?: readonly PeerIdBytes[]
  readonly submissionRate?: Rate
}

/**
 * A node of a network that is ordered by work: its servers, its chain and what it checks are the real ones, on disk.
 * It hears no gossip, and its pool is a list.
 */
export class EqualNode extends Changes implements EqualSource {
  readonly owners: readonly PeerIdBytes[]
  readonly pool: EnvelopeBytes[] = []
  /** How often it was shut down. */
  shutdowns = 0
  /** What it waits for before it mines. */
  beforeMining: (signal: AbortSignal) => Promise<void> = async () => undefined
  #maker: ChainMaker
  readonly #sequences = new Map<string, string>()
  readonly #verifiers = new VerifierCache()

  private constructor(
    readonly net: TestNetwork,
    readonly host: Host,
    readonly chain: Chain,
    wishes: EqualNodeWishes
  ) {
    super()
    this.owners = wishes.owners ?? []
    this.#maker = new ChainMaker(net)
  }

  static async start(cleanup: Cleanup, net: TestNetwork, wishes: EqualNodeWishes = {}): Promise<EqualNode> {
    const database = await openDatabase(await cleanup.folder())
    cleanup.add(() => database.close())
    const chain = await Chain.open(database, net.rules)
    const host = await Host.create({ key: net.key, listen: ['/ip4/127.0.0.1/tcp/0'], topics: [] })
    const node = new EqualNode(net, host, chain, wishes)
    const network = net.network.id
    const clock = (): number => performance.now()
    const services = new ServiceList([
      new QueryServer(host, {
        network,
        clock,
        responders: [
          new ChainResponder(chain, () => node.pool.length),
          new BlockResponder(chain),
          new NodeResponder(() => node.info()),
          new OwnerResponder(node),
          new OfferResponder((peer, claim, signal) => node.consider(peer, claim, signal))
        ]
      }),
      new SubmissionServer(host, {
        network,
        clock,
        take: envelopes => node.take(envelopes),
        rate: wishes.submissionRate
      }),
      host
    ])
    await services.start()
    cleanup.add(() => services.stop())
    return node
  }

  get address(): string {
    return present(this.host.addresses()[0], 'its address')
  }

  /** Takes the blocks of a chain that a test has made; goes on from there when it mines. */
  async follow(maker: ChainMaker): Promise<void> {
    for (const block of maker.blocks) await this.chain.import(block, Date.now())
    this.#maker = maker
  }

  info() {
    const { peerId } = this.host
    const peers = this.host.peers().map(other => ({ peerId: other, address: undefined, isConnected: true }))
    const { length: pool } = this.pool
    const addresses = this.host.addresses()
    return { peerId, role: 'miner', addresses, peers, isMining: true, hashRate: 1234.5, pool }
  }

  async take(envelopes: readonly EnvelopeBytes[]): Promise<readonly Fate[]> {
    const fates: Fate[] = []
    for (const envelope of envelopes) fates.push(await this.#takeOne(envelope))
    this.changed()
    return fates
  }

  async #takeOne(envelope: EnvelopeBytes): Promise<Fate> {
    const verdict = await validateEnvelope(envelope, messageRules(this.net.rules), this.#verifiers)
    if (!verdict.ok) return { kind: 'refused', ...verdict.refusal }
    const name = `${toHex(verdict.author)} ${verdict.sequence}`
    const leaf = this.#sequences.get(name)
    if (leaf === toHex(verdict.leaf)) return { kind: 'known' }
    if (leaf !== undefined)
      return { kind: 'refused', ...refusal('sequence taken', 'another message has this sequence') }
    this.#sequences.set(name, toHex(verdict.leaf))
    this.pool.push(envelope)
    return { kind: 'accepted' }
  }

  async consider(peer: PeerIdBytes, claim: HeadClaim, signal: AbortSignal): Promise<Outcome> {
    const { chain, host, net } = this
    const source = new ClaimAsker(host, peer, net.rules)
    const refuse = (reason: Extract<Outcome, { kind: 'notTaken' }>['reason'], detail: string): Outcome => ({
      kind: 'notTaken',
      reason,
      detail
    })
    try {
      const found = await findBetter(source, claim, chain, () => Date.now(), signal)
      if (found.kind === 'not better') return refuse('not heavier', 'ours goes first')
      if (found.kind === 'too deep') return refuse('too deep', 'it leaves ours too far back')
      for await (const block of source.blocksById(found.headers.ids)) {
        const imported = await chain.import(block, Date.now())
        if (imported.kind === 'invalid') return refuse('invalid', describeFault(imported.fault))
      }
      const { header, id } = chain.head()
      if (equal(id, found.headers.head.id)) return { kind: 'taken', height: header.height, id }
      return refuse('unreachable', 'not all of its blocks were served')
    } catch (error) {
      const isFaulty = error instanceof Untrue && error.fault !== undefined
      return refuse(isFaulty ? 'invalid' : 'unreachable', describeError(error))
    }
  }

  async mine(count: number, signal: AbortSignal): Promise<Mined> {
    await this.beforeMining(signal)
    const blocks: { readonly height: number; readonly id: HeadClaim['id'] }[] = []
    while (blocks.length < count && !signal.aborted) {
      const { blockSize } = this.net.network.document.ordering
      const block = this.#maker.add(this.pool.splice(0, blockSize).map(envelope => ({ envelope })))
      await this.chain.import(block, Date.now())
      const { header, id } = block.signed
      blocks.push({ height: header.height, id })
    }
    return { ok: true, blocks }
  }

  shutdown(): void {
    this.shutdowns += 1
    this.changed()
  }
}
