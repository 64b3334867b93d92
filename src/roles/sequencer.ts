import { Chain } from '../chain/chain.js'
import { Journal } from '../chain/journal.js'
import { rulesOf } from '../chain/rules.js'
import { certifyKey } from '../core/encryption-key.js'
import { peerIdToString, signerOf, VerifierCache } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import { RateLimiter } from '../core/rate-limiter.js'
import { Opener, type OpeningKey } from '../core/sealing.js'
import { Host } from '../network/host.js'
import { topicsOf } from '../network/names.js'
import { Announcement } from '../node/announcement.js'
import { Intake } from '../node/intake.js'
import { messageRules } from '../node/message-rules.js'
import { Producer } from '../node/producer.js'
import { QueryServer } from '../node/query-server.js'
import { ReceiptServer } from '../node/receipt-server.js'
import { Recorder } from '../node/recorder.js'
import { type Service, ServiceList } from '../node/service.js'
import { ValidationPool } from '../node/validation-pool.js'
import type { PeerOptions } from './peer-options.js'

export interface SequencerOptions extends PeerOptions {
  /** The first one is announced; all of them open. */
  readonly openingKeys: readonly [OpeningKey, ...OpeningKey[]]
}

/** Thrown where a peer is given a key that the network document does not name for its role. */
export class WrongKey extends Error {
  override name = 'WrongKey'
}

/** The sequencer: verifies its folder, then serves. Throws StoreError if the folder is damaged, WrongKey if the key is not the network's. */
export async function createSequencer(options: SequencerOptions): Promise<Service> {
  const { network, database, now, report, failed, openingKeys, rates } = options
  const { document } = network
  const signer = signerOf(options.key)
  const peerId = peerIdToString(signer.peerId)
  if (peerId !== document.ordering.sequencer)
    throw new WrongKey(
      `the key is ${peerId}, but the network document names ${document.ordering.sequencer} as sequencer`
    )

  const rules = rulesOf(network)
  const topics = topicsOf(network.id)
  const chain = await Chain.open(database, rules, now())
  const host = await Host.create({ ...options, topics: Object.values(topics) })
  const receipts = new ReceiptServer(host, network.id)
  const authors = new RateLimiter(rates?.author ?? LIMITS.authorRate, LIMITS.rememberedRates)
  const journal = await Journal.open(
    {
      database,
      chain,
      signer,
      now,
      failed,
      mayWrite: author => authors.take(Buffer.from(author).toString('latin1'), performance.now()),
      committed: issued => {
        for (const { author, receipt } of issued) receipts.accepted(author, receipt)
        producer.wake()
      }
    },
    messageRules(rules, new Opener(openingKeys)),
    new VerifierCache()
  )
  const producer = new Producer({ chain, journal, signer, host, topic: topics.blocks, now, report, failed })
  const pool = new ValidationPool(network, openingKeys)
  const recorder = new Recorder(journal, receipts)
  const certificate = certifyKey(openingKeys[0], network.id, signer)
  const queries = new QueryServer(host, {
    chain,
    database,
    pending: () => journal.pending().count,
    certificate: () => certificate,
    // Others bear witness.
    evidence: () => [],
    clock: () => performance.now(),
    rate: rates?.query
  })
  return new ServiceList([
    pool,
    queries,
    receipts,
    host,
    producer,
    recorder,
    new Intake(host, topics.messages, pool, receipts, recorder.take),
    new Announcement('sequencer', network.id, host, report)
  ])
}
