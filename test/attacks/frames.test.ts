import assert from 'node:assert/strict'
import { concat, utf8 } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import { encodeQuery } from '#src/core/query.js'
import { Hello } from '#src/core/wire/tallystick.js'
import { QUERY_PROTOCOL, RECEIPTS_PROTOCOL } from '#src/network/names.js'
import { varint } from '../core/protobuf.js'
import { present } from '../helpers/changes.js'
import { checkPeer } from '../helpers/check-peer.js'
import { RunningFollower } from '../helpers/peers.js'
import {
  Attacker,
  connectBare,
  connectWithoutMuxer,
  MULTISTREAM,
  openAtOnce,
  openingOf,
  type RawStream,
  whenClosed,
  whenFewAreLeft
} from './attacker.js'
import { Besieged } from './besieged.js'

const ENDLESS = new Uint8Array(100_000).fill(0x80)

describe('attacks by frames', () => {
  let follower: RunningFollower
  // The honest client's messages go through the follower: it and the sequencer must both serve it.
  const besieged = new Besieged({}, async sequencer => {
    follower = await RunningFollower.start(besieged.cleanup, besieged.net, [sequencer.address])
    return follower.address
  })
  let attackers: Attacker[]

  // One with each muxer at the sequencer, one at the follower. New ones each time: some of them are ended.
  beforeEach(async function () {
    const { cleanup, sequencer } = besieged
    const who = `attacker in ${this.currentTest?.title}`
    attackers = await Promise.all([
      Attacker.connect(cleanup, sequencer.address, who),
      Attacker.connect(cleanup, sequencer.address, `${who} with mplex`, 'mplex'),
      Attacker.connect(cleanup, follower.address, `${who} at the follower`)
    ])
  })

  const query = (): Uint8Array => encodeQuery(besieged.net.network.id, { kind: 'status' })
  const hello = (): Uint8Array => Hello.encode({ network: besieged.net.network.id })

  /** A stream of each protocol at each peer, with what an honest peer would send there. */
  async function streams(): Promise<{ readonly stream: RawStream; readonly honest: Uint8Array }[]> {
    const opened = attackers.map(async attacker => [
      { stream: await attacker.open(QUERY_PROTOCOL), honest: query() },
      { stream: await attacker.open(RECEIPTS_PROTOCOL), honest: hello() }
    ])
    return (await Promise.all(opened)).flat()
  }

  const badFrames: readonly (readonly [string, (honest: Uint8Array) => Uint8Array])[] = [
    ['a length prefix of 2^28', () => varint(2n ** 28n)],
    ['a length prefix of 2^32', () => varint(2n ** 32n)],
    ['a length prefix of 2^53', () => varint(2n ** 53n)],
    ['a length prefix of 2^63', () => varint(2n ** 63n)],
    ['a length prefix without end', () => ENDLESS],
    [
      'a length prefix that is longer than it needs to be',
      honest => concat(Uint8Array.of(0x80 | honest.length, 0), honest)
    ],
    [
      'a length just over the limit',
      () => concat(varint(BigInt(LIMITS.queryBytes + 1)), new Uint8Array(2000))
    ]
  ]
  for (const [what, make] of badFrames)
    it(`${what}: the stream is reset, nothing is answered`, async () => {
      const attacked = await streams()
      await Promise.all(attacked.map(({ stream, honest }) => stream.send(make(honest))))
      await besieged.serve()
      for (const { stream } of attacked) {
        await stream.ended()
        assert.ok(stream.wasReset)
        assert.equal(stream.received, 0)
      }
    })

  const badNegotiations: readonly (readonly [string, Uint8Array])[] = [
    ['a length prefix without end', ENDLESS],
    ['ten thousand names of protocols that nobody speaks', utf8('\u0002x\n'.repeat(10_000))],
    ['a name of a protocol that is too long', concat(varint(2000n), new Uint8Array(2000))]
  ]
  for (const [what, bytes] of badNegotiations)
    it(`${what} while a protocol is negotiated: the stream is reset`, async () => {
      const attacked = await Promise.all(
        attackers.flatMap(attacker => Array.from({ length: 4 }, () => attacker.openBare()))
      )
      await Promise.all(attacked.map(stream => stream.send(concat(MULTISTREAM, bytes))))
      await besieged.serve()
      for (const stream of attacked) await stream.ended()
    })

  for (const [what, bytes] of badNegotiations)
    it(`${what} on a connection that is not encrypted yet: it is closed`, async () => {
      const { cleanup, sequencer } = besieged
      for (const { address } of [sequencer, follower])
        for (const start of [new Uint8Array(0), MULTISTREAM]) {
          const socket = await connectBare(cleanup, address)
          const closed = whenClosed(socket)
          socket.write(concat(start, bytes))
          await besieged.serve(1)
          await closed
        }
    })

  for (const [what, bytes] of badNegotiations)
    it(`${what} while the muxer of a connection is negotiated: it is closed`, async () => {
      const { cleanup, sequencer } = besieged
      for (const { address } of [sequencer, follower]) {
        const stream = await connectWithoutMuxer(cleanup, address, `without muxer: ${what}`)
        await stream.send(concat(MULTISTREAM, bytes))
        await besieged.serve(1)
        await stream.ended()
      }
    })

  it('the end of the stream in the middle of a frame: it is ended, nothing is answered', async () => {
    const attacked = await streams()
    for (const { stream, honest } of attacked) {
      await stream.send(concat(varint(BigInt(honest.length)), honest.subarray(0, 20)))
      await stream.end()
    }
    await besieged.serve()
    for (const { stream } of attacked) {
      await stream.ended()
      assert.equal(stream.received, 0)
    }
  })

  it('a thousand streams on one connection: all but as many as the limit allows are reset', async () => {
    const streams = await openAtOnce(present(attackers[0]), 990)
    await Promise.all(streams.map(stream => stream.send(openingOf(QUERY_PROTOCOL))))
    await besieged.serve()
    await whenFewAreLeft(streams, LIMITS.queryStreams)
  })

  it('three thousand streams that are reset as soon as they are open: others are served', async () => {
    const asking = concat(openingOf(QUERY_PROTOCOL), varint(BigInt(query().length)), query())
    for (const stream of await openAtOnce(present(attackers[0]), 3000)) {
      await stream.send(asking)
      stream.reset()
    }
    await besieged.serve()
  })

  it('after all of it the log holds the honest messages, each once, at the sequencer and at the follower', async () => {
    const checked = await besieged.outcome()
    await follower.stop()
    const copy = await checkPeer(follower.folder, besieged.net, { receipts: false, openingKeys: 'sealed' })
    assert.deepEqual(copy.messages, checked.messages.slice(0, copy.size))
  })
})
