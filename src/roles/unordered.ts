import { TransferStore } from '../chain/transfer-store.js'
import type { UnorderedNetwork } from '../core/network-document.js'
import { Host } from '../network/host.js'
import { topicsOf } from '../network/names.js'
import { AddressBook } from '../node/address-book.js'
import { Announcement } from '../node/announcement.js'
import { Intake, NO_AUDIENCE } from '../node/intake.js'
import { Neighbours } from '../node/neighbours.js'
import { NodeResponder } from '../node/node-responder.js'
import { QueryServer } from '../node/query-server.js'
import { ServiceList } from '../node/service.js'
import { SubmissionServer } from '../node/submission-server.js'
import { AntiEntropy } from '../node/transfers/anti-entropy.js'
import { SetAsker } from '../node/transfers/set-asker.js'
import { SetNews } from '../node/transfers/set-news.js'
import { SetResponder } from '../node/transfers/set-responder.js'
import { TransferIntake } from '../node/transfers/transfer-intake.js'
import { ValidationPool } from '../node/validation-pool.js'
import { ValidationShares } from '../node/validation-shares.js'
import { type ControlledPeer, controlsOf, type SetHoldings } from './controls.js'
import { nodeInfoOf } from './node-info.js'
import type { PeerOptions } from './peer-options.js'

export interface UnorderedOptions extends PeerOptions<UnorderedNetwork> {
  readonly connect: readonly string[]
}

const ROLE = 'follower'

/**
 * A peer of a network with no order: keeps all transfers that it hears of, takes them from anyone, tells others of
 * them, and compares with all it is connected to. Throws StoreError if the folder is damaged.
 */
export async function createUnordered(options: UnorderedOptions): Promise<ControlledPeer<SetHoldings>> {
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
    sourceOf: peer => new SetAsker(host, peer, network),
    report,
    clock
  })
  const node = new NodeResponder(() => nodeInfoOf({ role: ROLE, host, book, pool: () => 0 }))
  const queries = new QueryServer(host, {
    network: network.id,
    responders: [new SetResponder(store), node],
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
    new Neighbours(host, book, () => antiEntropy.wake(), report),
    new Intake(host, topic, validation, NO_AUDIENCE, intake.take, undefined, shares),
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
