import { AccountHandler } from '../api/account-handler.js'
import { BlockHandler } from '../api/block-handler.js'
import { ChainHandler } from '../api/chain-handler.js'
import { NodeHandler } from '../api/node-handler.js'
import { ReceiptHandler } from '../api/receipt-handler.js'
import { SequencerHandler } from '../api/sequencer-handler.js'
import { Chain } from '../chain/chain.js'
import { LevelJournal } from '../chain/level-journal.js'
import { MarkedJournal } from '../chain/marked-journal.js'
import { PendingQueue } from '../chain/pending-queue.js'
import { ReceiptIssuer } from '../chain/receipts.js'
import type { SequencerMark } from '../chain/signed-mark.js'
import { TallystickError } from '../core/errors.js'
import { peerIdToString, type Signer, signerOf, VerifierCache } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import { membersOf, sequencerOf } from '../core/network.js'
import { provenSigner } from '../core/proven-signer.js'
import { RateLimiter } from '../core/rate-limiter.js'
import { Opener } from '../core/sealing.js'
import { CertificateIssuer } from '../intake/certificate-issuer.js'
import { GossipIntake } from '../intake/gossip-intake.js'
import { ReceiptServer } from '../intake/receipt-server.js'
import { Recorder } from '../intake/recorder.js'
import { ServiceList } from '../lifecycle/service.js'
import { AddressBook } from '../network/address-book.js'
import { Announcement } from '../network/announcement.js'
import { Host } from '../network/host.js'
import { topicsOf } from '../network/names.js'
import { PersistentPeers } from '../network/persistent-peers.js'
import { OwnHeadCheck } from '../replication/chain/own-head-check.js'
import { rulesOf } from '../rules/rules.js'
import { QueryServer } from '../serve/query-server.js'
import { type DatedKeys, KeyRing } from '../validation/key-ring.js'
import { messageRules } from '../validation/message-rules.js'
import { ValidationPool } from '../validation/validation-pool.js'
import { bindToMark, stopBehind } from './bind-to-mark.js'
import { type ControlledPeer, chainHoldings, controlsOf } from './controls.js'
import { nodeInfoOf } from './node-info.js'
import type { PeerOptions } from './peer-options.js'
import { Producer, type Waiting } from './producer.js'

export interface SequencerOptions extends PeerOptions {
  /** The first one is announced. All of them open what is on disk, and new messages within their grace. */
  readonly openingKeys: DatedKeys
  /**
   * Signs receipts, blocks and certificates; the network document names its key. Left out: `key`. Machines that are to take
   * over from each other share this one, and each connects as a peer of its own, by its own `key`.
   */
  readonly signer?: Signer
  /** What the signer's key has signed before. Left out: nothing keeps it from signing positions a second time. */
  readonly mark?: SequencerMark
  /** Addresses of followers that are asked for newer blocks before anything is signed. */
  readonly askFirst?: readonly string[]
  /** Goes on with a folder that holds less than the key has signed. */
  readonly signsAgain?: boolean
  /** How long a key goes on opening after its successor was made, ms. */
  readonly keyGraceMs?: number
  /** Hears how many messages wait for the next block, as often as that changes. */
  readonly waiting?: (waiting: Waiting) => void
  /** A monotonic clock, ms; that of the process where it is left out. */
  readonly clock?: () => number
}

export interface Sequencer extends ControlledPeer {
  /** Announces the first of these keys from now on. The key before it goes on opening for its grace. */
  useKeys(keys: DatedKeys): Promise<void>
}

/** The sequencer: verifies its folder, then serves. Throws StoreError if the folder is damaged, ERR_WRONG_KEY if the key is not the network's. */
export async function createSequencer(options: SequencerOptions): Promise<Sequencer> {
  const { network, database, now, report, failed, openingKeys, rates, mark } = options
  const clock = options.clock ?? (() => performance.now())
  const sequencer = peerIdToString(sequencerOf(network))
  const signer = options.signer ?? signerOf(options.key)
  const peerId = peerIdToString(signer.peerId)
  if (peerId !== sequencer)
    throw new TallystickError(
      'ERR_WRONG_KEY',
      `the key is ${peerId}, but the network document names ${sequencer} as sequencer`
    )

  const rules = rulesOf(network)
  const topics = topicsOf(network.id)
  const chain = await Chain.open(database, rules)
  const host = await Host.create({ ...options, topics: Object.values(topics) })
  // Others dial the sequencer, unless it is told to dial them.
  const book = new AddressBook([])
  const receipts = new ReceiptServer({
    host,
    network: network.id,
    clock: () => performance.now(),
    named: membersOf(network),
    greeted: peer => ownHead.ask(peer)
  })
  const ownHead = new OwnHeadCheck({
    host,
    chain,
    followers: options.askFirst ?? [],
    ahead: shown => stopBehind(shown, chain, mark, options),
    report,
    failed
  })
  const authors = new RateLimiter(rates?.author ?? LIMITS.authorRate, LIMITS.rememberedRates)
  const receiptIssuer = new ReceiptIssuer({ network: network.id, signer, now })
  const level = await LevelJournal.open(database, receiptIssuer)
  const journal = mark === undefined ? level : new MarkedJournal(level, mark)
  const queue = await PendingQueue.open(
    {
      journal,
      database,
      chain,
      sequencer: signer.peerId,
      now,
      clock,
      failed,
      mayWrite: author => authors.take(Buffer.from(author).toString('latin1'), clock()),
      committed: issued => {
        for (const { author, receipt } of issued) receipts.accepted(author, receipt)
        producer.wake()
      }
    },
    // Whatever their grace: what is on disk has its receipt.
    messageRules(rules, new Opener(openingKeys)),
    new VerifierCache()
  )
  const proven = provenSigner(signer)
  if (mark !== undefined) await bindToMark(mark, chain, queue, options)
  const producer = new Producer({
    chain,
    journal,
    queue,
    signer: proven,
    host,
    topic: topics.blocks,
    now,
    clock,
    report,
    waiting: options.waiting,
    failed
  })
  const graceMs = options.keyGraceMs ?? LIMITS.keyGraceMs
  const ring = await KeyRing.open(openingKeys, { database, graceMs, now, clock, report })
  const certificates = await CertificateIssuer.open({ database, network, signer: proven, now, clock, mark })
  // Not to be found out by whoever asks first.
  await certificates.certify(ring.newest)
  const pool = new ValidationPool(network, () => ring.open(), { report })
  const recorder = new Recorder(queue, receipts, clock, rates?.receiptsAgain)
  const queries = new QueryServer(host, {
    network: network.id,
    handlers: [
      new ChainHandler(chain, () => queue.pending().count),
      new BlockHandler(chain),
      new AccountHandler(chain),
      // Others bear witness.
      new ReceiptHandler(database),
      new SequencerHandler({
        certificate: () => certificates.certify(ring.newest),
        evidence: () => []
      }),
      new NodeHandler(() => nodeInfoOf({ role: 'sequencer', host, book, pool: () => queue.pending().count }))
    ],
    clock,
    rate: rates?.query
  })
  const services = new ServiceList([
    ring,
    pool,
    queries,
    receipts,
    host,
    ownHead,
    producer,
    recorder,
    new PersistentPeers(host, book, () => undefined, report),
    new GossipIntake(host, topics.messages, pool, receipts, recorder.take, recorder.recall),
    new Announcement('sequencer', network.id, host, report)
  ])
  return {
    start: () => services.start(),
    stop: () => services.stop(),
    controls: controlsOf({
      role: 'sequencer',
      host,
      book,
      holdings: () => chainHoldings(chain.head(), queue.pending().count)
    }),
    useKeys: async keys => {
      await ring.replace(keys)
      const { keys: open } = await ring.open()
      report({ event: 'key', keyId: ring.newest.keyId, older: open.length - 1 })
    }
  }
}
