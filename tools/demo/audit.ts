import { readEncryptionKeys } from '#src/cli/files/key-files.js'
import { equal, toHex } from '#src/core/bytes.js'
import { VerifierCache } from '#src/core/keys.js'
import { expectChain } from '#src/core/network.js'
import { Opener } from '#src/core/sealing.js'
import { validateEnvelope } from '#src/core/validation.js'
import { rulesOf } from '#src/rules/rules.js'
import { messageRules } from '#src/validation/message-rules.js'
import type { Localnet } from '../localnet/index.js'
import { type Check, demand } from '../scenario/checks.js'
import type { Reopened } from '../scenario/reopened.js'
import type { Inquiry } from './inquiry.js'
import { wrongKeyFor } from './sealing-checks.js'
import { acceptedIn, type Sending } from './sending.js'

/** What is on disk, against what was said while it ran. */
export function auditChecks(net: Localnet, sending: Sending, inquiry: Inquiry, folder: Reopened): Check[] {
  return [
    {
      name: 'database',
      what: 'reopened and verified from the genesis on; head, size, pending as said',
      run: async () => {
        const { header, id } = (await folder.chain()).head()
        const pending = (await folder.queue()).pending().count
        const found = `block ${header.height}, ${header.size} messages, ${pending} pending`
        const said = await inquiry.status()
        demand(equal(id, said.head) && header.height === said.height, `another head: ${toHex(id)}`)
        demand(
          header.size === said.size && pending === said.pending,
          `${found}; the sequencer said otherwise`
        )
        return found
      }
    },
    {
      name: 'messages on disk',
      what: 'each as its receipt says: signed, sealed, fitting the schema',
      run: async () => {
        const [right] = await readEncryptionKeys(net.files.encryptionKey)
        const closed = messageRules(rulesOf(expectChain(net.network)), new Opener([await wrongKeyFor(right)]))
        const log = await folder.log()
        const accepted = acceptedIn(sending)
        demand(log.length === accepted, `${log.length} on disk, ${accepted} accepted`)
        const verifiers = new VerifierCache()
        const receipted = receiptedLeaves(sending)
        for (const { position, envelope, name, leaf } of log) {
          demand(
            receipted.get(position) === `${name} ${leaf}`,
            `position ${position} is not what its receipt says`
          )
          const verdict = await validateEnvelope(envelope, closed, verifiers)
          demand(
            !verdict.ok && verdict.refusal.reason === 'does not open',
            `position ${position} opens with the wrong key`
          )
        }
        return `${log.length} messages`
      }
    }
  ]
}

/** Author, sequence and leaf by position. */
function receiptedLeaves({ parts }: Sending): Map<number, string> {
  return new Map(
    parts.flatMap(({ peerId, receipts }) =>
      receipts.map(({ sequence, position, leaf }) => [position, `${peerId} ${sequence} ${leaf}`] as const)
    )
  )
}
