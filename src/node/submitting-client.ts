import { genesisCursor } from '../chain/cursor.js'
import { RootedAccounts } from '../client/rooted-accounts.js'
import {
  endingAtRefusedPayments,
  type Language,
  languageOf,
  openOutbox,
  sending,
  skippingTakenNumbers,
  unorderedLanguageOf,
  walletFor
} from '../client/sending.js'
import { submit } from '../client/submission-client.js'
import { Submitter } from '../client/submitter.js'
import { signerOf } from '../core/keys.js'
import { EMPTY_ROOT } from '../core/merkle.js'
import type { Network } from '../core/network.js'
import { ServiceList } from '../lifecycle/service.js'
import { unlessAborted } from '../lifecycle/waiting.js'
import { AddressBook } from '../network/address-book.js'
import { Announcement } from '../network/announcement.js'
import { Host } from '../network/host.js'
import { PersistentPeers } from '../network/persistent-peers.js'
import type { Rules } from '../rules/rules.js'
import { rulesOf } from '../rules/rules.js'
import type { Client, ClientOptions } from './client.js'
import { chainHoldings, controlsOf, type Holdings } from './controls.js'

/**
 * A client among equals, in whatever order, or with none: keeps its open messages on disk until one of them has them
 * on its own. Nobody speaks for what all have there, so that it holds nothing of that. Throws StoreError if the folder
 * belongs to another network.
 */
export async function createSubmittingClient(options: ClientOptions<Network>): Promise<Client<Holdings>> {
  const { network, database, now, failed, connect } = options
  const signer = signerOf(options.key)
  const host = await Host.create({ ...options, topics: [] })
  const book = new AddressBook(connect)
  const outbox = await openOutbox(options, signer)
  const { rules, language } = termsOf(network)
  const accounts = rules && new RootedAccounts({ host, rules, now, peers: () => neighbours.all() })
  // Without an order everybody may pay what he does not have, under any number.
  const wallet =
    accounts &&
    (await walletFor(rules, {
      database,
      account: signal => accounts.ask(signer.peerId, signal),
      unknownBelow: outbox.unknownPayments,
      // The others have been asked by then.
      distrust: () => undefined
    }))
  const report = wallet
    ? endingAtRefusedPayments(options.report, wallet, failed)
    : skippingTakenNumbers(options.report, outbox)
  const firstUp = Promise.withResolvers<void>()
  const neighbours: PersistentPeers = new PersistentPeers(
    host,
    book,
    () => {
      firstUp.resolve()
      submitter.wake()
      wallet?.joined()
    },
    report
  )
  const submitter: Submitter = new Submitter({
    outbox,
    peers: () => neighbours.all(),
    submit: (peer, envelopes, signal) => submit(host, peer, network.id, envelopes, signal),
    unsigned: ({ sequence }) => wallet?.release(sequence),
    clock: () => performance.now(),
    report
  })
  const services = new ServiceList([
    host,
    submitter,
    neighbours,
    new Announcement('client', network.id, host, report)
  ])
  return {
    start: () => services.start(),
    stop: () => services.stop(),
    controls: controlsOf({
      role: 'client',
      host,
      book,
      holdings: () => nothing(rules, submitter.unsettled)
    }),
    connected: signal => unlessAborted(firstUp.promise, signal),
    problem: () => neighbours.problem,
    send: sending(language, signer, submitter, wallet),
    refuse: (reason, detail, id) => submitter.refusedBeforeSending(reason, detail, id),
    settled: async signal => {
      await submitter.settled(signal)
      return submitter.unsettled
    },
    look: async () => undefined,
    summary: () => submitter.summary()
  }
}

/** `rules`: where there is an order. */
function termsOf(network: Network): { readonly rules: Rules | undefined; readonly language: Language } {
  if (network.kind === 'set') return { rules: undefined, language: unorderedLanguageOf(network) }
  const rules = rulesOf(network)
  return { rules, language: languageOf(rules) }
}

/** Of what others have, beside messages of its own that wait. */
function nothing(rules: Rules | undefined, pool: number): Holdings {
  return rules === undefined
    ? { kind: 'set', transfers: 0, digest: EMPTY_ROOT }
    : chainHoldings(genesisCursor(rules).signed, pool)
}
