import { toHex } from '../../core/bytes.js'
import { describeError } from '../../core/events.js'
import { peerIdFromText, peerIdToString } from '../../core/keys.js'
import { LIMITS } from '../../core/limits.js'
import { within } from '../../lifecycle/waiting.js'
import { addressFrom, addressProblem } from '../../network/addresses.js'
import type { Controls, Holdings, PeerStatus } from '../../node/controls.js'
import { isNumbered, isNumberedOrder, type Order, type Reply } from './orders.js'

/**
 * Has a peer do what whoever started this process says over the channel between them, if there is one. Gives a
 * function that ends it.
 */
export function obey(controls: Controls<Holdings>, stopping: AbortSignal): () => void {
  const hear = async (message: unknown): Promise<void> => {
    if (!isNumbered(message)) return
    const { number } = message
    const reply = isNumberedOrder(message)
      ? await replyTo(message.order, controls, stopping).catch(refused)
      : refused('there is no such order')
    // Whoever has gone needs no answer.
    process.send?.({ number, reply }, undefined, undefined, () => undefined)
  }
  process.on('message', hear)
  return () => process.off('message', hear)
}

async function replyTo(order: Order, controls: Controls<Holdings>, stopping: AbortSignal): Promise<Reply> {
  switch (order.order) {
    case 'status':
      return replyWith(controls.status())
    case 'mine': {
      const mined = await controls.mine(order.count, within(order.count * LIMITS.mineMs, stopping))
      if (!mined.ok) return { reply: 'refused', reason: mined.reason }
      return { reply: 'mined', blocks: mined.blocks.map(({ height, id }) => ({ height, id: toHex(id) })) }
    }
    case 'avoid':
      controls.avoid(order.peers.map(peerIdFromText))
      return { reply: 'done' }
    case 'connect':
      controls.connect(order.addresses.map(sensible))
      return { reply: 'done' }
  }
}

/** No other one gets into the book. */
function sensible(address: string): string {
  const found = addressFrom(address)
  if (found === undefined)
    throw new TypeError(`${address} is no address of a peer: ${addressProblem(address)}`)
  return found
}

function replyWith({ peers, known, ...has }: PeerStatus<Holdings>): Reply {
  const connections = { peers: peers.map(peerIdToString), known }
  if (has.kind === 'set') {
    const { transfers, digest } = has
    return { reply: 'set', transfers, digest: toHex(digest), ...connections }
  }
  const { height, head, size, pool, hashRate } = has
  return { reply: 'status', height, head: toHex(head), size, pool, hashRate, ...connections }
}

function refused(reason: unknown): Reply {
  return { reply: 'refused', reason: describeError(reason) }
}
