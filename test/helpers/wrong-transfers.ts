import { decodeEnvelope } from '#src/core/envelope.js'
import { peerIdToString } from '#src/core/keys.js'
import { decodeMessage } from '#src/core/message.js'
import { type Wrong, wrongIn } from '#tools/demo/ledger/wrong-transfers.js'
import { type Made, madeOf } from './authors.js'
import type { Payer } from './payers.js'

/** What no honest client sends, one of a kind. A replay is not among them: it counts once. */
export const WRONG_TRANSFERS: readonly Wrong[] = wrongIn('sequencer').filter(({ told }) => told !== 'known')

/** Of a payer that has paid under number 1, under its next number unless the kind says otherwise. */
export function wrongTransfer(wrong: Wrong, payer: Payer, next: bigint, to: Payer): Made {
  const { signer, network } = payer
  const first = payer.pay(to, 1n, { fee: 1n, sequence: 1n }).envelope
  const envelope = wrong.make({ signer, network, next, to: peerIdToString(to.peerId), first })
  return madeOf(envelope, decodeMessage(decodeEnvelope(envelope).payload))
}
