import assert from 'node:assert/strict'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, MessageStream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { concat } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import type { Rate } from '#src/core/rate-limiter.js'
import { guardedMuxer } from '#src/network/negotiation.js'
import { ConnectionHosts, StreamRates } from '#src/network/stream-rates.js'
import { Attacker } from '../attacks/attacker.js'
import { Changes, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { frame, PING, SYN, WINDOW } from '../helpers/yamux-frames.js'

/** An error that nobody catches ends a peer, and fails the test that it falls into. */
function ratesOf(rate: Rate): StreamRates {
  return new StreamRates({ ofConnection: rate, ofHost: rate }, () => performance.now())
}

describe('A connection that ends while its muxer still says something', () => {
  const cleanup = new Cleanup(afterEach)
  let attacker: Attacker
  let connection: Connection
  let wire: Wire

  beforeEach(async () => {
    const wires: Wire[] = []
    const libp2p = await createLibp2p({
      privateKey: await generateKeyPair('Ed25519'),
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      connectionMonitor: { enabled: false },
      streamMuxers: [
        () => {
          const inner = yamux()()
          const guarded = guardedMuxer(inner, {
            protocols: () => [],
            readers: new Set(),
            hosts: new ConnectionHosts(),
            own: ratesOf(LIMITS.ownStreamRate),
            bare: ratesOf(LIMITS.bareStreamRate)
          })
          return {
            protocol: inner.protocol,
            createStreamMuxer: stream => {
              wires.push(new Wire(stream))
              return guarded.createStreamMuxer(stream)
            }
          }
        }
      ]
    })
    cleanup.add(async () => await libp2p.stop())
    const address = String(present(libp2p.getMultiaddrs()[0]))
    const { promise, resolve } = Promise.withResolvers<Connection>()
    libp2p.addEventListener('connection:open', ({ detail }) => resolve(detail))
    attacker = await Attacker.connect(cleanup, address, 'attacker')
    connection = await promise
    wire = present(wires[0], 'the wire')
  })

  /** As many answers wait as may, but for fewer than there are streams, which are all reset when the connection ends. */
  async function fill(): Promise<void> {
    const pings = (count: number): Uint8Array[] =>
      Array.from({ length: count }, (_, number) => frame(PING, SYN, 0, number))
    const streams = Array.from({ length: STREAMS }, (_, number) =>
      frame(WINDOW, SYN, 100_001 + 2 * number, 0)
    )
    attacker.deafen()
    while (!wire.isFull) await say(...pings(100))
    await say(...streams, ...pings(LIMITS.unreadAnswers - STREAMS / 2))
    assert.equal(connection.status, 'open')
    assert.ok(connection.streams.length >= STREAMS)
  }

  /** Resolves when it has come. */
  async function say(...frames: readonly Uint8Array[]): Promise<void> {
    const bytes = concat(...frames)
    const come = wire.come + bytes.length
    await attacker.sendRaw(bytes)
    await wire.until('all that was said', () => wire.come >= come)
  }

  it('ended by a frame that no muxer sends, with more to say than may wait: no error goes uncaught', async () => {
    await fill()
    await attacker.sendRaw(frame(9, 0, 1, 0))
    await wire.ended()
  })

  it('ended by this side, with more to say than may wait: nothing is thrown', async () => {
    await fill()
    connection.abort(new Error('it is of no use'))
    await wire.ended()
  })
})

/** Fewer than may be open, and than may be opened at once without a protocol. */
const STREAMS = 800

/** What a muxer reads from and writes to. */
class Wire extends Changes {
  /** Bytes that have come. */
  come = 0

  constructor(private readonly stream: MessageStream) {
    super()
    stream.addEventListener('message', ({ data }) => {
      this.come += data.byteLength
      this.changed()
    })
    stream.addEventListener('close', () => this.changed())
  }

  /** Whether what is sent has to wait. */
  get isFull(): boolean {
    return this.stream.writableNeedsDrain
  }

  async ended(): Promise<void> {
    await this.until('its end', () => this.stream.status !== 'open')
  }
}
