import assert from 'node:assert/strict'
import { concat } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import { Host } from '#src/network/host.js'
import { Attacker } from '../attacks/attacker.js'
import { varint } from '../core/protobuf.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity } from '../helpers/networks.js'

const PROTOCOL = '/words'
const BYTES = 1024 * 1024
const STREAM = { streams: 1, frameBytes: BYTES, unreadBytes: BYTES, unsentBytes: 2 * BYTES }

describe('What a peer sends on a line, slow or not', () => {
  const cleanup = new Cleanup(afterEach)

  for (const muxer of ['yamux', 'mplex'] as const)
    it(`goes by ${muxer} in frames so short that the other side answers while more is on its way`, async () => {
      const host = await Host.create({
        key: await identity('host'),
        listen: ['/ip4/127.0.0.1/tcp/0'],
        topics: []
      })
      await host.start()
      cleanup.add(() => host.stop())
      await host.serve(PROTOCOL, STREAM, async channel => {
        await channel.receive(deadline())
        await channel.send(new Uint8Array(BYTES), deadline())
      })
      const reader = await Attacker.connect(cleanup, present(host.addresses()[0]), 'reader', muxer)
      const stream = await reader.open(PROTOCOL)
      await stream.send(concat(varint(1n), new Uint8Array(1)))
      await stream.hears(BYTES)
      // What has come of each frame is told on its own.
      const longest = Math.max(...stream.chunks.map(({ length }) => length))
      assert.ok(longest <= LIMITS.sentFrameBytes, `a frame has ${longest} bytes`)
    })
})
