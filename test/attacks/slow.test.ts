import type { Socket } from 'node:net'
import { concat } from '#src/core/bytes.js'
import { encodeQuery } from '#src/core/query.js'
import { QUERY_PROTOCOL, RECEIPTS_PROTOCOL } from '#src/network/names.js'
import { varint } from '../core/protobuf.js'
import { RunningClient, RunningFollower } from '../helpers/peers.js'
import { Attacker, connectBare, openAtOnce, openingOf, type RawStream, whenClosed } from './attacker.js'
import { Besieged } from './besieged.js'

interface SlowAttack {
  readonly what: string
  readonly begin: (attacker: Attacker) => Promise<readonly RawStream[]>
}

describe('attacks that take their time', () => {
  let follower: RunningFollower
  const besieged = new Besieged({}, async sequencer => {
    follower = await RunningFollower.start(besieged.cleanup, besieged.net, [sequencer.address])
    return follower.address
  })

  const onBoth = (attacker: Attacker): Promise<readonly RawStream[]> =>
    Promise.all([attacker.open(QUERY_PROTOCOL), attacker.open(RECEIPTS_PROTOCOL)])

  const attacks: readonly SlowAttack[] = [
    { what: 'streams on which nothing is said', begin: onBoth },
    {
      what: 'a length prefix and then silence',
      begin: async attacker => {
        const streams = await onBoth(attacker)
        for (const stream of streams) await stream.send(Uint8Array.of(50))
        return streams
      }
    },
    {
      what: 'a frame of which one byte comes every second',
      begin: async attacker => {
        const streams = await onBoth(attacker)
        const drip = setInterval(() => {
          for (const stream of streams) stream.send(Uint8Array.of(100)).catch(() => undefined)
        }, 1000)
        besieged.cleanup.add(async () => clearInterval(drip))
        return streams
      }
    },
    {
      what: 'a reader of blocks that does not read',
      begin: async attacker => {
        const range = encodeQuery(besieged.net.network.id, { kind: 'range', from: 1, limit: 100 })
        const asking = concat(openingOf(QUERY_PROTOCOL), varint(BigInt(range.length)), range)
        const streams = await openAtOnce(attacker, 20)
        for (const stream of streams) {
          stream.stopReading()
          await stream.send(asking)
        }
        return streams
      }
    },
    {
      what: 'nine hundred streams for which no protocol is chosen',
      begin: attacker => openAtOnce(attacker, 900)
    }
  ]
  const streams = new Map<string, RawStream[]>()
  const sockets: Socket[] = []

  // All begin at once: each ends when its time at the attacked peer is up.
  before(async () => {
    const { cleanup, sequencer } = besieged
    // More than a stream's window holds, so that a page of blocks does not leave at once.
    await besieged.serve(60, 'x'.repeat(7900))
    await follower.has(8)
    for (const { what, begin } of attacks) {
      const begun: RawStream[] = []
      for (const { address } of [sequencer, follower])
        begun.push(...(await begin(await Attacker.connect(cleanup, address, what))))
      streams.set(what, begun)
    }
    for (let count = 0; count < 40; count += 1) sockets.push(await connectBare(cleanup, sequencer.address))
    for (const socket of sockets) socket.resume()
  })

  for (const { what } of attacks)
    it(`${what}: the streams are ended when their time is up, and others are served meanwhile`, async () => {
      await besieged.serve()
      for (const stream of streams.get(what) ?? []) await stream.ended()
    })

  it('forty connections on which nothing is said: they are closed when their time is up, and who comes anew is served meanwhile', async () => {
    const { cleanup, net, sequencer } = besieged
    const newcomer = await RunningClient.connected(cleanup, net, sequencer.address, 'newcomer')
    await newcomer.stop()
    await Promise.all(sockets.map(whenClosed))
  })

  it('after all of it the log holds the honest messages, each once', async () => {
    await besieged.outcome()
  })
})
