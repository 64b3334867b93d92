import { peerIdFromText } from '#src/core/keys.js'
import { type Check, demand } from '../../scenario/checks.js'
import { makeHolder } from './holder.js'
import type { Outcome } from './outcome.js'
import type { Survey } from './survey.js'

/** None where there is no order: nothing is proved there. */
export function proofChecks({ ordering, clients }: Outcome, survey: Survey): Check[] {
  if (ordering === 'none') return []
  return [
    {
      name: 'account proofs',
      what: "each client's account, and that a new key has none, is proved by the last block's state",
      run: async () => {
        const [first] = await survey.views()
        const nobody = await makeHolder()
        let proofs = 0
        for (const { peer, asker } of await survey.askers()) {
          for (const { account } of clients) {
            const { balance } = (await asker.account(peerIdFromText(account))).account
            demand(balance === first?.balances.get(account), `${peer} proves ${balance} for ${account}`)
            proofs += 1
          }
          const { balance, sequence } = (await asker.account(nobody.signer.peerId)).account
          demand(balance === 0n && sequence === 0n, `${peer} proves ${balance} for a key that is new`)
          proofs += 1
        }
        return `${proofs} proofs`
      }
    }
  ]
}
