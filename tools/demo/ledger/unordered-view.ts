import { TransferSet } from '#src/applications/ledger/transfer-set.js'
import { equal, type Hash, toHex } from '#src/core/bytes.js'
import { peerIdToString, VerifierCache } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { EMPTY_ROOT } from '#src/core/merkle.js'
import type { SetNetwork } from '#src/core/network.js'
import { validateEnvelope } from '#src/core/validation.js'
import type { SetQueries } from '#src/replication/set/set-queries.js'
import { messageRulesOf } from '#src/validation/message-rules.js'
import { demand } from '../../scenario/checks.js'
import { readSigned, type SignedTransfer } from './signed-transfer.js'
import type { View } from './view.js'

/** All transfers of a peer, each verified, and all its balances. Throws where they are not those of its digest. */
export async function unorderedView(peer: string, asker: SetQueries, network: SetNetwork): Promise<View> {
  const { count, digest } = await asker.status()
  const ids = await idsFrom(asker, '')
  const set = ids.reduce((before, id) => before.add(id), TransferSet.empty())
  demand(
    set.size === count && equal(set.digest(), digest),
    `${peer} tells of ${count} transfers, and of another digest than those that it names have`
  )
  const rules = messageRulesOf(network)
  const verifiers = new VerifierCache()
  const transfers: SignedTransfer[] = []
  for (let start = 0; start < ids.length; start += LIMITS.transferIds)
    for (const envelope of await asker.transfers(ids.slice(start, start + LIMITS.transferIds))) {
      const verdict = await validateEnvelope(envelope, rules, verifiers)
      demand(
        verdict.ok,
        `${peer} shows a transfer that is not valid: ${verdict.ok ? '' : verdict.refusal.detail}`
      )
      transfers.push(readSigned(envelope))
    }
  const balances = await asker.balances()
  return {
    peer,
    digest: toHex(digest),
    head: undefined,
    balances: new Map(balances.map(({ id, balance }) => [peerIdToString(id), balance])),
    transfers,
    blocks: []
  }
}

async function idsFrom(asker: SetQueries, prefix: string): Promise<Hash[]> {
  const summary = await asker.summary(prefix)
  if (summary.kind === 'ids') return [...summary.ids]
  const ids: Hash[] = []
  for (const [index, digest] of summary.digests.entries())
    if (!equal(digest, EMPTY_ROOT)) ids.push(...(await idsFrom(asker, prefix + index.toString(16))))
  return ids
}
