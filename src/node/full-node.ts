import { randomBytes } from 'node:crypto'
import { AccountHandler } from '../api/account-handler.js'
import { BlockHandler } from '../api/block-handler.js'
import { ChainHandler } from '../api/chain-handler.js'
import { NodeHandler } from '../api/node-handler.js'
import { OfferHandler } from '../api/offer-handler.js'
import { OwnerHandler } from '../api/owner-handler.js'
import { Chain, type ImportResult } from '../chain/chain.js'
import { expectOnlyBlocks } from '../chain/indexes.js'
import { Mempool } from '../chain/mempool.js'
import { ownBlock } from '../chain/own-block.js'
import { bindToNetwork } from '../chain/store.js'
import type { PeerIdBytes } from '../core/bytes.js'
import type { Report } from '../core/events.js'
import { signerOf, VerifierCache } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import type { ChainNetwork } from '../core/network.js'
import { provenSigner } from '../core/proven-signer.js'
import { GossipIntake, NO_AUDIENCE } from '../intake/gossip-intake.js'
import { MempoolIntake } from '../intake/mempool-intake.js'
import { SubmissionServer } from '../intake/submission-server.js'
import { ServiceList } from '../lifecycle/service.js'
import { AddressBook } from '../network/address-book.js'
import { Announcement } from '../network/announcement.js'
import { Host } from '../network/host.js'
import { topicsOf } from '../network/names.js'
import { PersistentPeers } from '../network/persistent-peers.js'
import type { OrderingModule } from '../orderings/ordering.js'
import { orderingModule } from '../orderings/registry.js'
import { BlockReader } from '../query/block-reader.js'
import { HeaderQueries } from '../query/header-queries.js'
import { BlockImporter } from '../replication/chain/block-importer.js'
import { ForkSync } from '../replication/chain/fork-sync.js'
import { Republisher } from '../replication/chain/republisher.js'
import { rulesOf } from '../rules/rules.js'
import { QueryServer } from '../serve/query-server.js'
import { messageRules } from '../validation/message-rules.js'
import { ValidationPool } from '../validation/validation-pool.js'
import { ValidationShares } from '../validation/validation-shares.js'
import {
  type ChainHoldings,
  type ControlledPeer,
  type Controls,
  chainHoldings,
  controlsOf
} from './controls.js'
import { nodeInfoOf } from './node-info.js'
import type { PeerOptions } from './peer-options.js'

export interface FullNodeOptions extends PeerOptions {
  readonly connect: readonly string[]
  /** Left out: it mines nothing. */
  readonly mining?: Mining
  /** Who may have it mine and stop, from afar. */
  readonly owners: readonly PeerIdBytes[]
  /** Stops the peer, as SIGTERM does. */
  readonly shutdown: () => void
}

export interface Mining {
  readonly threads: number
  /** How many blocks it mines unasked; Infinity: without end. */
  readonly blocks: number
}

/**
 * A peer of a network of equals: keeps the heaviest valid chain and what waits for a block, serves both, takes
 * messages from anyone, and mines where it is told to. Throws StoreError if the folder is damaged.
 */
export async function createFullNode(options: FullNodeOptions): Promise<ControlledPeer> {
  const { network, database, now, report, failed, connect, mining, rates } = options
  const role = (mining && makerOf(network)?.role) ?? 'follower'
  const signer = signerOf(options.key)
  const rules = rulesOf(network)
  const topics = topicsOf(network.id)
  const clock = (): number => performance.now()
  // Before anything is read: what another network wrote is not ours to judge.
  await bindToNetwork(database, network)
  const pool = await Mempool.open(database, messageRules(rules), new VerifierCache(), failed)
  const chain = await Chain.open(database, rules, pool)
  await expectOnlyBlocks(database, chain.head().header.size)
  const host = await Host.create({ ...options, topics: [topics.messages, topics.blocks] })
  const book = new AddressBook(connect)
  const validation = new ValidationPool(network, undefined, { report })
  const republisher = new Republisher(
    host,
    topics.messages,
    () => intake.covered(),
    randomBytes,
    clock,
    report
  )
  const shares = new ValidationShares()
  const intake = new MempoolIntake(pool, chain, validation, () => producer?.pendingChanged())
  const sync = new ForkSync({
    host,
    topic: topics.blocks,
    chain,
    importer: new BlockImporter(chain, validation, 'full', now),
    reader: new BlockReader(rules, new VerifierCache()),
    sourceOf: peer => new HeaderQueries(host, peer, rules),
    now,
    clock,
    report,
    moved: imported => {
      reportMove(imported, chain, report)
      if (imported.kind === 'reorganized') republisher.wake()
      void republisher.release(intake.released())
      producer?.headChanged()
    },
    asked: () => producer?.pendingChanged(),
    failed
  })
  const began = clock()
  // What is mined on an old head is lost, or parts this peer from the others for good. Who is alone cannot wait for them.
  const mayBuild = (): boolean => sync.isSynced || book.all.length === 0 || clock() - began >= LIMITS.aloneMs
  const producer =
    mining &&
    makerOf(network)?.create({
      propose: () => (mayBuild() ? chain.propose(signer.peerId, now()) : undefined),
      importOwn: async block => ownBlock(await sync.importOwn(block)),
      publish: async block => {
        await host.publish(topics.blocks, block)
      },
      signer: provenSigner(signer),
      rules: rules.ordering,
      blocks: mining.blocks,
      threads: mining.threads,
      randomBytes,
      clock,
      report,
      failed
    })
  const mine: Controls['mine'] = async (count, signal) =>
    producer === undefined
      ? { ok: false, reason: 'this peer does not mine; start one with --role miner' }
      : producer.produce(count, signal)
  const hashRate = (): number => producer?.hashesPerSecond() ?? 0
  const queries = new QueryServer(host, {
    network: network.id,
    handlers: [
      new ChainHandler(chain, () => pool.size),
      new BlockHandler(chain),
      new AccountHandler(chain),
      new NodeHandler(() => ({
        ...nodeInfoOf({ role, host, book, pool: () => pool.size }),
        isMining: producer !== undefined,
        hashRate: hashRate()
      })),
      new OfferHandler((peer, claim, signal) => sync.consider(peer, claim, signal)),
      new OwnerHandler({ owners: options.owners, mine, shutdown: options.shutdown })
    ],
    clock,
    rate: rates?.query
  })
  const submissions = new SubmissionServer(host, {
    network: network.id,
    take: (envelopes, from) =>
      intake.submit(envelopes, host.bringerOf(from), passed => republisher.publish(passed)),
    shares,
    clock
  })
  const services = new ServiceList([
    validation,
    intake,
    queries,
    submissions,
    host,
    sync,
    new PersistentPeers(host, book, peer => sync.joined(peer), report),
    new GossipIntake(
      host,
      topics.messages,
      validation,
      NO_AUDIENCE,
      (message, from) => intake.take(message, host.bringerOf(from)),
      undefined,
      shares,
      accepted => republisher.publish(accepted)
    ),
    republisher,
    new Announcement(role, network.id, host, report),
    ...(producer ? [producer] : [])
  ])
  const holdings = (): ChainHoldings => chainHoldings(chain.head(), pool.size, hashRate())
  return {
    start: () => services.start(),
    stop: () => services.stop(),
    controls: { ...controlsOf({ role, host, book, holdings }), mine }
  }
}

function makerOf({ document }: ChainNetwork): OrderingModule['producer'] {
  return orderingModule(document.ordering).producer
}

/** Says what the head has moved to: each block that has joined the main chain, from the fork on. */
function reportMove(
  imported: Extract<ImportResult, { kind: 'extended' | 'reorganized' }>,
  chain: Chain,
  report: Report
): void {
  if (imported.kind === 'extended') {
    report({ event: 'block', signed: imported.signed })
    return
  }
  const { from, signed, depth } = imported
  report({ event: 'reorg', from, to: signed, depth })
  for (let height = from.header.height - depth + 1; height <= signed.header.height; height += 1) {
    const joined = chain.headerAt(height)
    if (joined !== undefined) report({ event: 'block', signed: joined })
  }
}
