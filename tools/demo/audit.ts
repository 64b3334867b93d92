import { envelopesBetween } from '#src/chain/store.js'
import { readEncryptionKeys } from '#src/cli/files/key-files.js'
import { equal, toHex } from '#src/core/bytes.js'
import { peerIdToString, VerifierCache } from '#src/core/keys.js'
import { expectChain } from '#src/core/network.js'
import { Opener } from '#src/core/sealing.js'
import { validateEnvelope } from '#src/core/validation.js'
import { rulesOf } from '#src/rules/rules.js'
import { messageRules } from '#src/validation/message-rules.js'
import type { Localnet, Peer } from '../localnet/index.js'
import { type Check, demand } from '../scenario/checks.js'
import { Reopened } from '../scenario/reopened.js'
import type { Inquiry } from './inquiry.js'
import { wrongKeyFor } from './sealing-checks.js'
import { acceptedIn, type Sending } from './sending.js'

/** P8 of the contract. */
const STOP_MS = 5_000

/** Stops all peers, as a check. */
export function stopCheck(net: Localnet, sequencer: Peer): Check {
  return {
    name: 'stop',
    what: 'SIGTERM ends the sequencer within 5 s; every process exits with 0',
    run: async () => {
      demand(sequencer.isRunning, `the sequencer ended before it was stopped: ${sequencer.stderr}`)
      const start = performance.now()
      const exits = await net.stopPeers()
      const ms = performance.now() - start
      for (const [peer, { code, signal }] of exits)
        demand(code === 0, `${peer.name} ended with ${signal ?? `exit code ${code}`}: ${peer.stderr}`)
      demand(ms < STOP_MS, `it took ${ms.toFixed(0)} ms`)
      return `${exits.size} processes; the sequencer took ${(ms / 1000).toFixed(2)} s`
    }
  }
}

/** What is on disk, against what was said while it ran. `close` after the checks have run. */
export function audit(
  net: Localnet,
  sending: Sending,
  inquiry: Inquiry
): { readonly checks: readonly Check[]; close(): Promise<void> } {
  const reopened = new Reopened(net, sending.sequencer.data)
  const checks: Check[] = [
    {
      name: 'database',
      what: 'reopened and verified from the genesis on; head, size, pending as said',
      run: async () => {
        const { header, id } = (await reopened.chain()).head()
        const pending = (await reopened.queue()).pending().count
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
        const [right, ...older] = await readEncryptionKeys(net.files.encryptionKey)
        const rules = rulesOf(expectChain(net.network))
        const keys = { right: new Opener([right, ...older]), wrong: new Opener([await wrongKeyFor(right)]) }
        const accepted = acceptedIn(sending)
        const envelopes = await envelopesBetween(await reopened.database(), 0, 2 ** 48 - 1)
        demand(envelopes.length === accepted, `${envelopes.length} on disk, ${accepted} accepted`)
        const verifiers = new VerifierCache()
        const receipted = receiptedLeaves(sending)
        for (const [position, envelope] of envelopes.entries()) {
          const verdict = await validateEnvelope(envelope, messageRules(rules, keys.right), verifiers)
          demand(verdict.ok, `position ${position}: ${verdict.ok ? '' : verdict.refusal.detail}`)
          const name = `${peerIdToString(verdict.author)} ${verdict.sequence} ${toHex(verdict.leaf)}`
          demand(receipted.get(position) === name, `position ${position} is not what its receipt says`)
          const closed = await validateEnvelope(envelope, messageRules(rules, keys.wrong), verifiers)
          demand(
            !closed.ok && closed.refusal.reason === 'does not open',
            `position ${position} opens with the wrong key`
          )
        }
        return `${envelopes.length} messages`
      }
    }
  ]
  return { checks, close: () => reopened.close() }
}

/** Author, sequence and leaf by position. */
function receiptedLeaves({ parts }: Sending): Map<number, string> {
  return new Map(
    parts.flatMap(({ peerId, receipts }) =>
      receipts.map(({ sequence, position, leaf }) => [position, `${peerId} ${sequence} ${leaf}`] as const)
    )
  )
}
