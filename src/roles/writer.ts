import { genesisCursor } from '../chain/cursor.js'
import { rulesOf } from '../chain/rules.js'
import { signerOf } from '../core/keys.js'
import { Host } from '../network/host.js'
import { AccountAsker } from '../node/account-asker.js'
import { AddressBook } from '../node/address-book.js'
import { Announcement } from '../node/announcement.js'
import { Neighbours } from '../node/neighbours.js'
import { Outbox } from '../node/outbox.js'
import { ServiceList } from '../node/service.js'
import { submit } from '../node/submission-client.js'
import { Submitter } from '../node/submitter.js'
import { unlessAborted } from '../node/waiting.js'
import type { Client, ClientOptions } from './client.js'
import { controlsOf } from './controls.js'
import { endingAtRefusedPayments, sending, walletFor } from './sending.js'

/**
 * A client of a network of equals: keeps its open messages on disk until one of them has them in its pool. Nobody
 * speaks for the log there, so that it holds no verified head. Throws StoreError if the folder belongs to another network.
 */
export async function createWriter(options: ClientOptions): Promise<Client> {
  const { network, database, now, failed, connect } = options
  const signer = signerOf(options.key)
  const rules = rulesOf(network)
  const host = await Host.create({ ...options, topics: [] })
  const book = new AddressBook(connect)
  const outbox = await Outbox.open(database, network, signer, now)
  const wallet = await walletFor(rules, {
    database,
    account: () => {
      const [peer] = neighbours.all()
      return peer && new AccountAsker(host, peer, rules, now).account(signer.peerId)
    },
    distrust: () => undefined
  })
  const report = wallet ? endingAtRefusedPayments(options.report, wallet, failed) : options.report
  const firstUp = Promise.withResolvers<void>()
  const neighbours: Neighbours = new Neighbours(
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
  const head = genesisCursor(rules).signed
  return {
    start: () => services.start(),
    stop: () => services.stop(),
    controls: controlsOf({ role: 'client', host, book, head: () => head, pool: () => submitter.unsettled }),
    connected: signal => unlessAborted(firstUp.promise, signal),
    send: sending(rules, signer, submitter, wallet),
    settled: async signal => {
      await submitter.settled(signal)
      return submitter.unsettled
    },
    look: async () => undefined,
    summary: () => submitter.summary()
  }
}
