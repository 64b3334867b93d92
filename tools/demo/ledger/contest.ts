import type { Hash } from '#src/core/bytes.js'
import { GRANT, LEAST_FEE } from './grants.js'
import type { Holder } from './holder.js'
import { readSigned, type SignedTransfer, signTransfer } from './signed-transfer.js'
import type { Stranger, Told } from './stranger.js'

/** Two transfers of one balance, under one number, to two others. */
export interface Contest {
  readonly pair: readonly [SignedTransfer, SignedTransfer]
  readonly told: readonly [Told, Told]
}

/** Hands them in at the same time, each somewhere else. */
export async function spendTwice(
  { signer }: Holder,
  network: Hash,
  receivers: readonly [string, string],
  strangers: readonly [Stranger, Stranger]
): Promise<Contest> {
  const all = { sequence: 1n, amount: GRANT - LEAST_FEE, fee: LEAST_FEE }
  const one = signTransfer(signer, network, { ...all, to: receivers[0] })
  const other = signTransfer(signer, network, { ...all, to: receivers[1] })
  const told = await Promise.all([strangers[0].hand(one), strangers[1].hand(other)])
  return { pair: [readSigned(one), readSigned(other)], told }
}
