// Plain gossipsub, nothing else done: publishes to the parent, which acknowledges so that nothing is lost.
import 'core-js/actual/promise/with-resolvers.js'
import { randomBytes } from 'node:crypto'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromText, peerIdToString } from '#src/core/keys.js'
import { Host } from '#src/network/host.js'
import { answerAs } from './children.js'
import { ACK_EVERY, type GossipArgument, TOPICS } from './gossip.js'

const WINDOW = 4 * ACK_EVERY

await answerAs<GossipArgument>(async ({ address, peer, messages, bytes, muxers }) => {
  const host = await Host.create({
    key: await generateKeyPair('Ed25519'),
    listen: [],
    topics: Object.values(TOPICS),
    muxers
  })
  await host.start()
  let acknowledged = 0
  let wake: (() => void) | undefined
  host.subscribe(TOPICS.acks, (_, data) => {
    // The count so far: an early one that is lost does not matter.
    acknowledged = Buffer.from(data).readUInt32BE()
    wake?.()
    return 'ignore'
  })
  await host.connect(address, AbortSignal.timeout(10_000))
  await host.whenSubscribed(TOPICS.messages, peerIdFromText(peer), AbortSignal.timeout(10_000))
  const payload = randomBytes(bytes)
  const untilAcknowledged = async (least: number): Promise<void> => {
    while (acknowledged < least)
      await new Promise<void>(resolve => {
        wake = resolve
      })
  }
  return {
    peer: async () => peerIdToString(host.peerId),
    publish: async () => {
      const all = Math.ceil(messages / ACK_EVERY) * ACK_EVERY
      for (let sent = 0; sent < all; sent += 1) {
        await untilAcknowledged(sent + 1 - WINDOW)
        const data = Buffer.from(payload)
        data.writeUInt32BE(sent, 0)
        await host.publish(TOPICS.messages, data)
      }
      await untilAcknowledged(all)
      return all
    }
  }
})
