// The clients of the ledger's benchmark, all in one process: each pays from an account of its own, as fast as it may.
import 'core-js/actual/promise/with-resolvers.js'
import { readOrderedNetwork } from '#src/cli/files/files.js'
import { readIdentity } from '#src/cli/files/key-files.js'
import { answerAs, usageSoFar } from './children.js'
import { sendAll, sentBy, startClients } from './clients.js'
import { accountsIn, paymentsOf, spoken } from './payments.js'
import type { PayersArgument } from './transfers.js'

await answerAs<PayersArgument>(async ({ keys, perPayer, ...place }) => {
  const accounts = accountsIn(await readOrderedNetwork(place.network))
  const clients = await startClients(
    place,
    await Promise.all(keys.map(key => readIdentity(key))),
    () => undefined
  )
  const payments = clients.map((_, payer) => Array.from(paymentsOf(payer, accounts, perPayer), spoken))
  return {
    connected: async () => clients.length,
    /** Answers when each transfer has its receipt. */
    pay: async () => {
      await sendAll(clients, payer => payments[payer] ?? [])
      return sentBy(clients)
    },
    usage: async () => usageSoFar()
  }
})
