import { randomBytes } from 'node:crypto'
import { KeyRenewal } from '../client/key-renewal.js'
import { LightClient } from '../client/light-client.js'
import { NewestCertificate } from '../client/newest-certificate.js'
import type { Sealing } from '../client/outbox.js'
import { Publisher } from '../client/publisher.js'
import {
  endingAtRefusedPayments,
  languageOf,
  openOutbox,
  sending,
  skippingTakenNumbers,
  walletFor
} from '../client/sending.js'
import type { SequenceMark } from '../client/sequence-mark.js'
import { SequencerLink } from '../client/sequencer-link.js'
import { TallystickError } from '../core/errors.js'
import type { MessageId, Summary } from '../core/events.js'
import { signerOf } from '../core/keys.js'
import { type ChainNetwork, type Network, sequencerOf } from '../core/network.js'
import type { Reason } from '../core/refusal.js'
import { newSealingContext } from '../core/sealing.js'
import { ServiceList } from '../lifecycle/service.js'
import { unlessAborted } from '../lifecycle/waiting.js'
import { AddressBook } from '../network/address-book.js'
import { Announcement } from '../network/announcement.js'
import { Host } from '../network/host.js'
import { topicsOf } from '../network/names.js'
import { AccountQueries } from '../query/account-queries.js'
import { SequencerQueries } from '../query/sequencer-queries.js'
import { EvidenceKeeper } from '../replication/evidence/evidence-keeper.js'
import { bodiesOf, rulesOf } from '../rules/rules.js'
import {
  type ChainHoldings,
  type ControlledPeer,
  chainHoldings,
  controlsOf,
  type Holdings
} from './controls.js'
import { type Copy, type Following, following } from './following.js'
import type { PeerOptions } from './peer-options.js'

export interface ClientOptions<N extends Network = ChainNetwork> extends PeerOptions<N> {
  readonly connect: readonly string[]
  /** The numbers that the key has used before. Left out: nothing but the folder tells. */
  readonly mark?: SequenceMark | undefined
}

/** A peer that writes: keeps its messages on disk until it is known what became of them. */
export interface Client<Has extends Holdings = ChainHoldings> extends ControlledPeer<Has> {
  /** Resolves when somebody who takes messages has been reached for the first time; rejects when `signal` fires. */
  connected(signal: AbortSignal): Promise<void>
  /** Why the last try to reach a peer failed, where it did. */
  problem(): Error | undefined
  /** Sends one message, once there is room for it. What becomes of it is reported, with `id`. */
  send(value: unknown, signal: AbortSignal, id?: MessageId): Promise<void>
  /** Reports that what was to be sent is no message. */
  refuse(reason: Reason, detail: string, id: MessageId): void
  /** Resolves when it is known of all messages what became of them, or when `signal` fires; gives those of which it is not. */
  settled(signal: AbortSignal): Promise<number>
  /** Moves the verified head and checks receipts once more, now, where there are any; gives up when `signal` fires. */
  look(signal: AbortSignal): Promise<void>
  summary(): Summary
}

/**
 * A sequencer's client. With a `copy`, in a database of its own, it follows the chain as a follower does, executes
 * each block and compares its state; without one it believes proofs alone, of what concerns itself. Throws StoreError
 * if the folder belongs to another network.
 */
export async function createClient(
  options: ClientOptions & { readonly copy?: Copy | undefined }
): Promise<Client> {
  const { network, database, now, failed, connect, copy } = options
  const signer = signerOf(options.key)
  const sequencer = sequencerOf(network)
  const rules = rulesOf(network)
  const topics = topicsOf(network.id)
  const bodies = bodiesOf(rules)
  const host = await Host.create({
    ...options,
    topics: [topics.messages, topics.evidence, ...(copy ? [topics.blocks] : [])]
  })
  const book = new AddressBook(connect)
  const outbox = await openOutbox(options, signer)
  // Beside the key as well: with an older folder an old certificate would be taken again.
  const stores = [database, ...(options.mark ? [options.mark.database] : [])]
  const certificates = await NewestCertificate.open(stores, network, options.report)
  let asker: AccountQueries | undefined
  const wallet = await walletFor(rules, {
    database,
    account: () =>
      asker?.account(signer.peerId).then(shown => {
        followed?.detector.examine(shown.signed)
        return shown
      }),
    distrust: why => link.leave(why),
    unknownBelow: outbox.unknownPayments
  })
  const report = wallet
    ? endingAtRefusedPayments(options.report, wallet, failed)
    : skippingTakenNumbers(options.report, outbox)
  const publisher = new Publisher({
    host,
    topic: topics.messages,
    outbox,
    drafts: await outbox.drafts(),
    bodies,
    network: network.id,
    author: signer.peerId,
    sequencer,
    clock: () => performance.now(),
    random: bytes => randomBytes(bytes),
    renewKey: refused => renewal.renew(refused),
    maySeal: context => renewal.maySeal(context),
    unsigned: ({ sequence }) => wallet?.release(sequence),
    report
  })
  const firstUp = Promise.withResolvers<void>()
  const keeper: EvidenceKeeper = new EvidenceKeeper({
    host,
    topic: topics.evidence,
    database,
    network,
    clock: () => performance.now(),
    // Without a copy it has no state, and has checked no block whole.
    isRight: signed => followed?.importer.hasChecked(signed) ?? false,
    report,
    failed,
    convicted: ({ detail }) => {
      publisher.down()
      followed?.sync.halt()
      failed(
        new TallystickError(
          'ERR_SEQUENCER_LIED',
          `the sequencer has lied: ${detail}; nothing more is sent to it`
        )
      )
    }
  })
  const followed: Following | undefined =
    copy &&
    following({
      ...options,
      report,
      // The way to the sequencer tells of those already.
      unanswered: () => undefined,
      rules,
      copy,
      host,
      book,
      keeper
    })
  const light = new LightClient({
    rules,
    database,
    outbox,
    isBusy: () => publisher.unsettled > 0,
    // Who shows one chain to whoever follows, and another to whoever asks, has signed both.
    moved: head => followed?.detector.examine(head),
    suspect: evidence => keeper.add(evidence),
    distrust: why => link.leave(why),
    report,
    failed
  })
  const renewal = new KeyRenewal({
    keyOf: async peer => certificates.take(await new SequencerQueries(host, peer, network).certificate()),
    agree: key => newSealingContext(key, network.id, signer.peerId),
    renewed: context => publisher.use(context),
    ended: why => {
      publisher.withhold()
      link.leave(why)
    },
    now,
    report
  })
  const link = new SequencerLink<Sealing>({
    host,
    network: network.id,
    isRelay: false,
    book,
    topic: topics.messages,
    user: {
      prepare: async peer => {
        // Nothing is sent to a sequencer whose log has shrunk since an earlier run.
        await light.expectGrown(new AccountQueries(host, peer, rules, now), peer)
        return bodies === 'open' ? bodies : renewal.prepare(peer)
      },
      up: (sealing, peer) => {
        publisher.up(sealing)
        asker = new AccountQueries(host, peer, rules, now)
        light.ask(asker, peer)
        wallet?.joined()
        firstUp.resolve()
      },
      notice: notice => publisher.notice(notice),
      down: () => {
        publisher.down()
        asker = undefined
        light.askNobody()
      }
    },
    met: peer => keeper.ask(new SequencerQueries(host, peer, network)),
    report,
    failed
  })
  const services = new ServiceList([
    ...(followed ? [followed.pool] : []),
    host,
    publisher,
    keeper,
    ...(followed ? [followed.sync, followed.neighbours] : []),
    light,
    renewal,
    new Announcement('client', network.id, host, report),
    link
  ])

  return {
    start: () => services.start(),
    stop: () => services.stop(),
    controls: controlsOf({
      role: 'client',
      host,
      book,
      holdings: () => chainHoldings(copy?.chain.head() ?? light.head, publisher.unsettled)
    }),
    summary: () => ({ ...publisher.summary(), proved: light.proved }),
    look: signal => light.look(signal),
    connected: signal => unlessAborted(firstUp.promise, signal),
    problem: () => link.problem,
    send: sending(languageOf(rules), signer, publisher, wallet),
    refuse: (reason, detail, id) => publisher.refusedBeforeSending(reason, detail, id),
    settled: async signal => {
      await publisher.settled(signal)
      return publisher.unsettled
    }
  }
}
