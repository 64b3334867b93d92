import { NodeHandler } from '../api/node-handler.js'
import { SetHandler } from '../api/set-handler.js'
import type { SetNetwork } from '../core/network.js'
import { GossipIntake, NO_AUDIENCE } from '../intake/gossip-intake.js'
import { SubmissionServer } from '../intake/submission-server.js'
import { ServiceList } from '../lifecycle/service.js'
import { AddressBook } from '../network/address-book.js'
import { Announcement } from '../network/announcement.js'
import { Host } from '../network/host.js'
import { topicsOf } from '../network/names.js'
import { PersistentPeers } from '../network/persistent-peers.js'
import { AntiEntropy } from '../replication/set/anti-entropy.js'
import { SetNews } from '../replication/set/set-news.js'
import { SetQueries } from '../replication/set/set-queries.js'
import { TransferIntake } from '../replication/set/transfer-intake.js'
import { TransferStore } from '../replication/set/transfer-store.js'
import { QueryServer } from '../serve/query-server.js'
import { ValidationPool } from '../validation/validation-pool.js'
import { ValidationShares } from '../validation/validation-shares.js'
import { type ControlledPeer, controlsOf, type SetHoldings } from './controls.js'
import { nodeInfoOf } from './node-info.js'
import type { PeerOptions } from './peer-options.js'

export interface ReplicaOptions extends PeerOptions<SetNetwork> {
  readonly connect: readonly string[]
}

const ROLE = 'follower'

/**
 * A peer of a network with no order: keeps all transfers that it hears of, takes them from anyone, tells others of
 * them, and compares with all it is connected to. Throws StoreError if the folder is damaged.
 */
export async function createReplica(options: ReplicaOptions): Promise<ControlledPeer<SetHoldings>> {
  const { network, database, report, failed, connect, rates } = options
  const topic = topicsOf(network.id).messages
  const clock = (): number => performance.now()
  const store = await TransferStore.open({ database, network, failed, changed: () => news.changed() })
  const news = new SetNews(() => store.transfers, report)
  const host = await Host.create({ ...options, topics: [topic] })
  const book = new AddressBook(connect)
  const validation = new ValidationPool(network, undefined, { report })
  const shares = new ValidationShares()
  const intake = new TransferIntake({ host, topic, store, validation, report, clock, rates })
  const antiEntropy = new AntiEntropy({
    host,
    topic,
    store,
    validation,
    sourceOf: peer => new SetQueries(host, peer, network),
    report,
    clock
  })
  const node = new NodeHandler(() => nodeInfoOf({ role: ROLE, host, book, pool: () => 0 }))
  const queries = new QueryServer(host, {
    network: network.id,
    handlers: [new SetHandler(store), node],
    clock,
    rate: rates?.query
  })
  const submissions = new SubmissionServer(host, { network: network.id, take: intake.submit, shares, clock })
  const services = new ServiceList([
    news,
    intake,
    validation,
    queries,
    submissions,
    host,
    antiEntropy,
    new PersistentPeers(host, book, () => antiEntropy.wake(), report),
    new GossipIntake(host, topic, validation, NO_AUDIENCE, intake.take, undefined, shares),
    new Announcement(ROLE, network.id, host, report)
  ])
  return {
    start: () => services.start(),
    stop: () => services.stop(),
    controls: controlsOf({
      role: ROLE,
      host,
      book,
      holdings: () => ({ kind: 'set', transfers: store.transfers.size, digest: store.transfers.digest() })
    })
  }
}
