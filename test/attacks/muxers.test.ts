import { concat } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import { DATA, frame, PING, RST, SYN, WINDOW } from '../helpers/yamux-frames.js'
import { Attacker, openingOf } from './attacker.js'
import { Besieged } from './besieged.js'

describe('attacks on the muxer', () => {
  const besieged = new Besieged()
  let attacker: Attacker

  beforeEach(async function () {
    const { cleanup, sequencer } = besieged
    attacker = await Attacker.connect(cleanup, sequencer.address, `attacker in ${this.currentTest?.title}`)
  })

  function openAndReset(round: number): Uint8Array {
    const first = 100_001 + 200 * round
    const streams = Array.from({ length: 100 }, (_, number) => first + 2 * number)
    return concat(...streams.flatMap(stream => [SYN, RST].map(flag => frame(WINDOW, flag, stream, 0))))
  }

  /** Takes steps until the connection is ended by the other side. */
  async function untilEnded(most: number, step: (round: number) => Promise<void>): Promise<void> {
    for (let round = 0; round < most && attacker.isConnected; round += 1) await step(round)
    await attacker.ended()
    await besieged.serve()
  }

  for (const [name, length] of [
    ['just over the limit', 1024 * 1024 + 1],
    ['of 4 GB', 0xffffffff]
  ] as const)
    it(`a frame ${name} that never comes to its end: the connection is ended at its first bytes`, async () => {
      const megabyte = new Uint8Array(1024 * 1024)
      await attacker.sendRaw(frame(DATA, SYN, 101, length))
      await untilEnded(64, () => attacker.sendRaw(megabyte))
    })

  it('pings without end whose answers are not read: the connection is ended, and little waits for it', async () => {
    const pings = concat(...Array.from({ length: 5_000 }, (_, number) => frame(PING, SYN, 0, number)))
    attacker.deafen()
    await untilEnded(2_000, () => attacker.sendRaw(pings))
  })

  it('streams without end, opened and reset, for which no protocol is chosen: the connection is ended', async () => {
    await untilEnded(1_000, round => attacker.sendRaw(openAndReset(round)))
  })

  for (const protocol of ['/ipfs/id/1.0.0', '/meshsub/1.2.0'])
    it(`streams of ${protocol} again and again, which nobody counts: the connection is ended`, async () => {
      await untilEnded(100, async () => {
        const stream = await attacker.openBare()
        await stream.send(openingOf(protocol))
        await stream.hearsOrEnds()
        stream.reset()
      })
    })

  it('streams for which no protocol is chosen, on one connection after another: a new one is ended at its first ones', async () => {
    const { cleanup, sequencer } = besieged
    const { burst } = LIMITS.bareStreamRate
    const floodUntilEnded = async (streams: number): Promise<void> => {
      for (let round = 0; 100 * round < streams; round += 1) await attacker.sendRaw(openAndReset(round))
      await attacker.ended()
    }
    for (let opened = 0; opened <= LIMITS.bareStreamsOfHostRate.burst; opened += burst) {
      await floodUntilEnded(2 * burst)
      attacker = await Attacker.connect(cleanup, sequencer.address, `attacker after ${opened} streams`)
    }
    // One connection alone might open twice as many.
    await floodUntilEnded(burst / 2)
    await besieged.serve()
  })

  it('frames of nothing without end, on many connections at once: others are served', async () => {
    const { cleanup, sequencer } = besieged
    const names = Array.from({ length: 16 }, (_, number) => `attacker ${number} with frames of nothing`)
    const attackers = await Promise.all(names.map(name => Attacker.connect(cleanup, sequencer.address, name)))
    const frames = concat(...Array.from({ length: 5_000 }, () => frame(WINDOW, 0, 99_001, 0)))
    await besieged.flood(10, async () => {
      await Promise.all(attackers.map(each => each.sendRaw(frames)))
    })
  })

  it('after all of it the log holds the honest messages, each once', async () => {
    await besieged.outcome()
  })
})
