import { type PeerIdBytes, toHex } from '../../core/bytes.js'
import type { Message } from '../../core/message.js'
import { readTransfer } from './transfer.js'

/**
 * The accounts that decide what a block makes of a state, each once: of its messages in order the author and the
 * receiver, up to the first one that is no transfer; where all are, of its producer, too.
 */
export function touchedBy(
  messages: readonly (Message | undefined)[],
  producer: PeerIdBytes
): readonly PeerIdBytes[] {
  const touched = new Map<string, PeerIdBytes>()
  const add = (id: PeerIdBytes): void => {
    if (!touched.has(toHex(id))) touched.set(toHex(id), id)
  }
  for (const message of messages) {
    const read = message && readTransfer(message.body, 0n)
    if (message === undefined || read?.ok !== true) return [...touched.values()]
    add(message.author)
    add(read.transfer.to)
  }
  add(producer)
  return [...touched.values()]
}
