import { generateKeyPair } from '@libp2p/crypto/keys'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { AbstractStreamMuxer } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { utf8 } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { Host } from '#src/network/host.js'
import { topicsOf } from '#src/network/names.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'

const { messages: TOPIC } = topicsOf(sha256(utf8('a network')))

describe('The gossip stream to a peer', () => {
  const cleanup = new Cleanup(afterEach)

  async function hostOf(): Promise<Host> {
    const key = await generateKeyPair('Ed25519')
    const host = await Host.create({ key, listen: ['/ip4/127.0.0.1/tcp/0'], topics: [TOPIC] })
    await host.start()
    cleanup.add(() => host.stop())
    return host
  }

  /** Opens a gossip stream, and leaves unanswered whatever stream is opened to it. */
  async function connectMute(address: string): Promise<void> {
    const libp2p = await createLibp2p({
      privateKey: await generateKeyPair('Ed25519'),
      transports: [tcp()],
      connectionEncrypters: [noise()],
      connectionMonitor: { enabled: false },
      streamMuxers: [
        () => {
          const factory = yamux()()
          return {
            protocol: factory.protocol,
            createStreamMuxer: connection => {
              const muxer = factory.createStreamMuxer(connection)
              if (muxer instanceof AbstractStreamMuxer) muxer.onRemoteStream = () => undefined
              return muxer
            }
          }
        }
      ]
    })
    cleanup.add(async () => await libp2p.stop())
    const connection = await libp2p.dial(multiaddr(address), { signal: deadline() })
    await connection.newStream('/meshsub/1.2.0', { signal: deadline() })
  }

  it('is opened at once, though twenty others leave theirs unanswered for as long as they may', async () => {
    const host = await hostOf()
    host.subscribe(TOPIC, () => 'accept')
    const address = present(host.addresses()[0])
    for (let index = 0; index < 20; index += 1) await connectMute(address)
    const guest = await hostOf()
    const peer = await guest.connect(address, deadline())
    // One after the other they would take 200 s.
    await guest.whenSubscribed(TOPIC, peer, deadline())
  })
})
