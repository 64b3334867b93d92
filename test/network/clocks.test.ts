import assert from 'node:assert/strict'
import { MuteTimes } from '#src/network/connection-watch.js'
import { Author } from '../helpers/authors.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork } from '../helpers/networks.js'
import { RunningSequencer } from '../helpers/peers.js'
import { RawPeer } from '../helpers/raw-peer.js'

const TIMEOUT = 60_000
const DAY = 86_400_000

describe('clocks that are set forward and back', () => {
  const cleanup = new Cleanup(afterEach)
  /** The wall clock, and the monotonic one; neither passes by itself. */
  let now: number
  let clock: number
  let sequencer: RunningSequencer
  let alice: Author
  let peer: RawPeer

  beforeEach(async () => {
    now = 1_800_000_000_000
    clock = 1_000
    const net = await makeNetwork({ blockTimeout: TIMEOUT })
    sequencer = await RunningSequencer.start(cleanup, net, { now: () => now, clock: () => clock })
    alice = await Author.create(net, 'alice')
    peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
  })

  /** One more message has its receipt, and the sequencer has looked whether a block is due. */
  async function says(): Promise<void> {
    const { envelope, leaf } = alice.say({ text: 'hello' })
    await peer.publish(envelope)
    await peer.receiptOf(leaf)
  }

  async function restart(): Promise<RawPeer> {
    await peer.host.stop()
    await sequencer.restart()
    return RawPeer.connect(cleanup, sequencer.net, sequencer.address, alice.key)
  }

  function counts(): number[] {
    return sequencer.blocks.map(({ header }) => header.count)
  }

  it('a block timeout survives a clock that is set back: it comes as late as without', async () => {
    await says()
    now -= DAY
    clock += TIMEOUT - 1
    await says()
    assert.deepEqual(counts(), [])
    clock += 1
    await says()
    await sequencer.events.times('block', 1)
    const [first = 0] = counts()
    assert.ok(first >= 2, 'the ones that waited are in it')
    assert.equal((await sequencer.check()).height, sequencer.blocks.length)
  })

  it('a block timeout is not over because the clock was set forward', async () => {
    await says()
    now += DAY
    await says()
    clock += TIMEOUT - 1
    await says()
    assert.deepEqual(counts(), [])
    clock += 1
    await says()
    await sequencer.events.times('block', 1)
    assert.ok((counts()[0] ?? 0) >= 3)
  })

  it('a restart does not begin a block timeout anew, and a clock that was set back meanwhile does not lengthen it', async () => {
    await says()
    now += TIMEOUT - 1
    peer = await restart()
    await says()
    assert.deepEqual(counts(), [])
    now -= DAY
    peer = await restart()
    await says()
    assert.deepEqual(counts(), [], 'nobody can tell how long it was down')
    clock += TIMEOUT
    await says()
    await sequencer.events.times('block', 1)

    // The next one is old enough by the time of the next start.
    const before = sequencer.blocks.length
    await says()
    now += TIMEOUT
    peer = await restart()
    await sequencer.events.times('block', before + 1)
    await sequencer.check()
  })

  it('times of blocks never go back, whatever the clock does', async () => {
    for (const [index, jump] of [0, -DAY, DAY, -2 * DAY].entries()) {
      now += jump
      await says()
      clock += TIMEOUT
      await says()
      await sequencer.events.times('block', index + 1)
    }
    const times = sequencer.blocks.map(({ header }) => header.time)
    assert.deepEqual(
      times,
      times.toSorted((one, other) => one - other)
    )
    await sequencer.check()
  })

  it('for how long there has been no gossip on a connection is measured by a monotonic clock from the first look on', async () => {
    const times = new MuteTimes(() => clock, 500)
    const [one, other] = [{}, {}]
    assert.equal(times.isOver(one, true), false)
    now += DAY
    clock += 499
    assert.deepEqual([times.isOver(one, true), times.isOver(other, true)], [false, false])
    clock += 1
    assert.deepEqual([times.isOver(one, true), times.isOver(other, true)], [true, false])
    assert.deepEqual([times.isOver(one, false), times.isOver(one, true)], [false, false])
  })
})
