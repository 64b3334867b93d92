import { type Database, expectStored } from '../chain/store.js'
import type { PeerIdBytes } from '../core/bytes.js'
import { decodeEnvelope } from '../core/envelope.js'
import { VerifierCache } from '../core/keys.js'
import { decodeMessage } from '../core/message.js'
import { type Network, sequencerOf } from '../core/network.js'
import { type Receipt, readReceipt } from '../core/receipt.js'
import { LAST_SEQUENCE, NEXT, numbered, VERIFIED_HEAD_KEY } from './outbox-entries.js'

/** Whether a folder is a client's, and holds no log. A light client has the head that it verified last, before its first message. */
export async function isOutbox(database: Database): Promise<boolean> {
  return (await database.get(NEXT)) !== undefined || (await database.get(VERIFIED_HEAD_KEY)) !== undefined
}

/** The author of the messages in an outbox; undefined where there are none. Throws StoreError. */
export async function authorIn(database: Database, network: Network): Promise<PeerIdBytes | undefined> {
  const first = async (prefix: string): Promise<Uint8Array | undefined> => {
    const range = { gte: numbered(prefix, 0n), lte: numbered(prefix, LAST_SEQUENCE), limit: 1 }
    const [value] = await database.values(range).all()
    return value
  }
  const envelope = await first('o')
  if (envelope !== undefined)
    return expectStored(
      'a message in the outbox',
      () => decodeMessage(decodeEnvelope(envelope).payload).author
    )
  const receipt = await first('q')
  if (receipt === undefined) return undefined
  const read = (): Receipt => readReceipt(receipt, network.id, sequencerOf(network), new VerifierCache())
  return expectStored('a receipt', read).author
}
