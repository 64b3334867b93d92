import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import type { Connection, Libp2p, MessageStream, Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { AbstractStreamMuxer } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { toHex, utf8 } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { LIMITS } from '#src/core/limits.js'
import { Host, type HostOptions } from '#src/network/host.js'
import { Liveness } from '#src/network/liveness.js'
import { topicsOf } from '#src/network/names.js'
import { BreakableLine } from '../helpers/breakable-line.js'
import { Changes, deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'

const ANYWHERE = ['/ip4/127.0.0.1/tcp/0']
const { messages: TOPIC } = topicsOf(sha256(utf8('a network')))

describe('The gossip stream to a peer', () => {
  const cleanup = new Cleanup(afterEach)

  async function hostOf(options: Partial<HostOptions> = {}): Promise<Host> {
    const key = await generateKeyPair('Ed25519')
    const host = await Host.create({ key, listen: ANYWHERE, topics: [TOPIC], ...options })
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

  it('is opened again, on the same connection, where the other side resets it, as that of Go does at an RPC that is too long for it', async () => {
    const host = await hostOf()
    host.subscribe(TOPIC, () => 'accept')
    const libp2p = await createLibp2p({
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      services: {
        identify: identify(),
        gossip: gossipsub({ globalSignaturePolicy: 'StrictNoSign', msgIdFn: ({ data }) => sha256(data) })
      }
    })
    cleanup.add(async () => await libp2p.stop())
    const { gossip } = libp2p.services
    gossip.subscribe(TOPIC)
    const heard = Promise.withResolvers<void>()
    gossip.addEventListener('message', () => heard.resolve())
    const connection = await libp2p.dial(multiaddr(present(host.addresses()[0])), { signal: deadline() })
    const opened = (): Stream | undefined =>
      connection.streams.find(
        ({ direction, protocol, status }) =>
          direction === 'inbound' && protocol.startsWith('/meshsub/') && status === 'open'
      )
    const signal = deadline()
    // Then it carries something.
    for (; gossip.getSubscribers(TOPIC).length === 0; await setImmediate()) signal.throwIfAborted()
    const first = present(opened())
    first.abort(new Error('an RPC that is too long'))
    for (; opened() === undefined; await setImmediate()) signal.throwIfAborted()
    for (; (await host.publish(TOPIC, randomBytes(8))) === 0; await setImmediate()) signal.throwIfAborted()
    await heard.promise
    assert.equal(connection.status, 'open')
  })

  for (const end of ['dialler', 'listener'] as const)
    it(`goes on, both ways, on another connection with the same peer when its own breaks towards the ${end} only`, async () => {
      const [server, guest] = [await hostOf(), await hostOf()]
      const [atServer, atGuest] = [new Heard(server), new Heard(guest)]
      const address = present(server.addresses()[0])
      const line = await BreakableLine.to(cleanup, address)
      await guest.connect(line.address, deadline())
      await atServer.hears(guest)
      await atGuest.hears(server)
      // An address without a PeerId is dialled whoever is connected.
      await guest.connect(address.replace(/\/p2p\/.*$/, ''), deadline())
      line.reset(end)
      await atServer.hears(guest)
      await atGuest.hears(server)
      assert.equal(line.opened, 1, 'nobody has dialled the line again')
    })

  it('does not come about where the peer that was dialled says nothing of what it subscribes to: the connection is ended', async () => {
    const mute = await hostOf({ topics: [TOPIC, '/another'] })
    const address = present(mute.addresses()[0])
    const guest = await hostOf({ gossipStreamMs: 1_000 })
    const asking = await hostOf({ topics: [], gossipStreamMs: 1_000 })
    const peer = await asking.connect(address, deadline())
    await guest.connect(address, deadline())
    const signal = deadline()
    await guest.whenDisconnected(peer, signal)
    await mute.whenDisconnected(guest.peerId, signal)
    signal.throwIfAborted()
    assert.deepEqual(
      mute.peers().map(toHex),
      [toHex(asking.peerId)],
      'who wants to hear nothing is left alone'
    )
  })
})

const LOOKS_UNTIL_PING = LIMITS.pingMs / LIMITS.watchMs

/** Whether it is dead is found out by pings, and by whether anything comes. */
describe('A connection on which no ping is answered', () => {
  const cleanup = new Cleanup(afterEach)
  let clock: number
  let liveness: Liveness
  let line: BreakableLine
  let connection: Connection
  let guest: Libp2p
  /** Has something come from the other side. */
  let tell: () => Promise<void>

  async function libp2pOf(listen: string[], follow: (connection: MessageStream) => void): Promise<Libp2p> {
    const libp2p = await createLibp2p({
      privateKey: await generateKeyPair('Ed25519'),
      addresses: { listen },
      transports: [tcp()],
      connectionProtector: () => ({
        protect: async connection => {
          follow(connection)
          return connection
        }
      }),
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionMonitor: { enabled: false },
      connectionManager: { inboundConnectionThreshold: 100 }
    })
    cleanup.add(async () => await libp2p.stop())
    return libp2p
  }

  beforeEach(async () => {
    clock = 0
    liveness = new Liveness(() => clock)
    const server = await libp2pOf(ANYWHERE, () => undefined)
    guest = await libp2pOf([], connection => liveness.follow(connection))
    line = await BreakableLine.to(cleanup, String(present(server.getMultiaddrs()[0])))
    const opened = Promise.withResolvers<Stream>()
    await server.handle('/words', stream => opened.resolve(stream))
    connection = await guest.dial(multiaddr(line.address), { signal: deadline() })
    const hearing = await connection.newStream('/words', { signal: deadline() })
    hearing.send(utf8('begin'))
    const saying = await opened.promise
    tell = async () => {
      const heard = Promise.withResolvers<void>()
      hearing.addEventListener('message', () => heard.resolve(), { once: true })
      saying.send(utf8('word'))
      await heard.promise
    }
  })

  /** Each in a turn of the event loop of its own. */
  async function look(count = 1): Promise<void> {
    for (; count > 0; count -= 1) {
      await setImmediate()
      clock += LIMITS.watchMs
      liveness.look([connection])
    }
  }

  it('is ended after a bounded number of looks where nothing else comes either; time in which the process was stopped is none', async () => {
    line.stall()
    await look(LOOKS_UNTIL_PING + LIMITS.pingSilenceMs / LIMITS.watchMs - 2)
    clock += 3_600_000
    await look()
    assert.equal(connection.status, 'open')
    await look(2)
    assert.notEqual(connection.status, 'open')
  })

  it('is pinged soon where its peer makes another one, and few of many with it', async () => {
    const all = [connection]
    while (all.length < 3 * LIMITS.doubtedConnections)
      all.push(await guest.dial(multiaddr(line.address), { force: true, signal: deadline() }))
    line.stall()
    liveness.look(all)
    liveness.doubt(all)
    await setImmediate()
    liveness.look(all)
    const pinged = all.filter(({ streams }) => streams.some(({ protocol }) => protocol !== '/words'))
    assert.deepEqual(
      pinged.map(({ id }) => id),
      all.slice(-LIMITS.doubtedConnections).map(({ id }) => id)
    )
  })

  it('is left alone for a while where other things come, as on a slow line, on which the answer stands behind them', async () => {
    await tell()
    line.stall('dialler')
    await look(LOOKS_UNTIL_PING)
    for (let passed = 0; passed < LIMITS.pingAnswerMs - LIMITS.watchMs; passed += LIMITS.watchMs) {
      await tell()
      await look()
      assert.equal(connection.status, 'open')
    }
    await tell()
    await look(2)
    assert.notEqual(connection.status, 'open')
  })
})

/** All that a host hears on the topic. */
class Heard extends Changes {
  count = 0

  constructor(host: Host) {
    super()
    host.subscribe(TOPIC, () => {
      this.count += 1
      this.changed()
      return 'accept'
    })
  }

  /** Resolves when it has heard one more, of those that this one publishes. */
  async hears(from: Host): Promise<void> {
    const late = deadline()
    const before = this.count
    while (this.count === before) {
      late.throwIfAborted()
      await from.publish(TOPIC, randomBytes(10))
      await this.until('one more', () => this.count > before, 250).catch(() => undefined)
    }
  }
}
