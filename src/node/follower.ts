import { AccountHandler } from '../api/account-handler.js'
import { BlockHandler } from '../api/block-handler.js'
import { ChainHandler } from '../api/chain-handler.js'
import { NodeHandler } from '../api/node-handler.js'
import { ReceiptForwarder } from '../api/receipt-handler.js'
import { SequencerHandler } from '../api/sequencer-handler.js'
import { expectCurrent, NewestCertificate } from '../client/newest-certificate.js'
import { SequencerLink } from '../client/sequencer-link.js'
import { membersOf, sequencerOf } from '../core/network.js'
import { GossipIntake } from '../intake/gossip-intake.js'
import { ReceiptServer } from '../intake/receipt-server.js'
import { Relay } from '../intake/relay.js'
import { ServiceList } from '../lifecycle/service.js'
import { AddressBook } from '../network/address-book.js'
import { Announcement } from '../network/announcement.js'
import { Host } from '../network/host.js'
import { topicsOf } from '../network/names.js'
import { SequencerQueries } from '../query/sequencer-queries.js'
import type { Verification } from '../replication/chain/block-importer.js'
import { EvidenceKeeper } from '../replication/evidence/evidence-keeper.js'
import { bodiesOf, rulesOf } from '../rules/rules.js'
import { QueryServer } from '../serve/query-server.js'
import { type ControlledPeer, chainHoldings, controlsOf } from './controls.js'
import { following, openCopy } from './following.js'
import { nodeInfoOf } from './node-info.js'
import type { PeerOptions } from './peer-options.js'

export interface FollowerOptions extends PeerOptions {
  readonly connect: readonly string[]
  readonly verification: Verification
}

/**
 * A follower: keeps a verified copy of the chain, answers all queries from it, and stands between clients and
 * the sequencer, passing messages one way and receipts the other. Once it has evidence of a lie it follows the
 * sequencer no more, and goes on serving what it has. Throws StoreError if the folder is damaged.
 */
export async function createFollower(options: FollowerOptions): Promise<ControlledPeer> {
  const { network, database, now, report, failed, connect, rates } = options
  const rules = rulesOf(network)
  const topics = topicsOf(network.id)
  const copy = await openCopy(database, rules, options.verification)
  const { chain } = copy
  const certificates = await NewestCertificate.open([database], network, report)
  const host = await Host.create({ ...options, topics: Object.values(topics) })
  const book = new AddressBook(connect)
  const receipts = new ReceiptServer({
    host,
    network: network.id,
    clock: () => performance.now(),
    named: membersOf(network),
    whyNotReady: () =>
      relay.isUp ? undefined : 'this follower has no way to the sequencer now; try again, or another peer'
  })
  const relay: Relay = new Relay({
    network: network.id,
    sequencer: sequencerOf(network),
    receipts,
    certificateOf: async peer => {
      const certificate = await new SequencerQueries(host, peer, network).certificate()
      const key = await certificates.take(certificate)
      // Where nothing is sealed, it does not matter.
      if (bodiesOf(rules) === 'sealed') expectCurrent(key, now())
      return certificate
    },
    receiptOf: (peer, author, sequence) =>
      new SequencerQueries(host, peer, network).signedReceipt(author, sequence),
    clock: () => performance.now(),
    heard: (receipt, envelope) => detector.heard(receipt, envelope),
    report
  })
  const link = new SequencerLink({
    host,
    network: network.id,
    isRelay: true,
    book,
    topic: topics.messages,
    user: relay,
    report,
    failed
  })
  const keeper = new EvidenceKeeper({
    host,
    topic: topics.evidence,
    database,
    network,
    clock: () => performance.now(),
    isRight: signed => importer.hasChecked(signed),
    report,
    failed,
    convicted: () => {
      sync.halt()
      relay.close()
    }
  })
  const { importer, neighbours, pool, sync, detector } = following({
    ...options,
    rules,
    copy,
    host,
    book,
    keeper,
    unanswered: report
  })
  const pending = (): number => Math.max(0, relay.receipted - chain.head().header.size)
  const queries = new QueryServer(host, {
    network: network.id,
    handlers: [
      new ChainHandler(chain, pending),
      new BlockHandler(chain),
      new AccountHandler(chain),
      new ReceiptForwarder({
        ask: (author, sequence) => relay.receipt(author, sequence),
        clock: () => performance.now()
      }),
      new SequencerHandler({
        certificate: () => relay.certificate(),
        evidence: () => keeper.all()
      }),
      new NodeHandler(() => nodeInfoOf({ role: 'follower', host, book, pool: pending }))
    ],
    clock: () => performance.now(),
    rate: rates?.query
  })
  const services = new ServiceList([
    pool,
    queries,
    receipts,
    host,
    keeper,
    sync,
    neighbours,
    new GossipIntake(host, topics.messages, pool, receipts, () => (relay.isUp ? 'accept' : 'ignore')),
    link,
    new Announcement('follower', network.id, host, report)
  ])
  return {
    start: () => services.start(),
    stop: () => services.stop(),
    controls: controlsOf({
      role: 'follower',
      host,
      book,
      holdings: () => chainHoldings(chain.head(), pending())
    })
  }
}
