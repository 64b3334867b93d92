import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import type { EvidenceKind } from '#src/core/evidence-shape.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork, type TestNetwork } from '../helpers/networks.js'
import { RunningClient, RunningFollower, RunningSequencer } from '../helpers/peers.js'

/** Every client is a light client. The liar is the real sequencer on another folder, as a dishonest operator would run it. */
describe('a light client', () => {
  const cleanup = new Cleanup(afterEach)

  /** Sends on its own account until so many blocks are there. */
  async function fill(net: TestNetwork, address: string, messages: number, who: string): Promise<void> {
    const client = await RunningClient.connected(cleanup, net, address, who)
    await client.send(messages, who)
    await client.receipted(messages)
    await client.stop()
  }

  /** Once its receipts are on disk. */
  async function looks({ client }: RunningClient): Promise<void> {
    await client.settled(deadline())
    await client.look(deadline())
  }

  /** The client holds the head of two blocks and receipts in both; then another log of so many messages is at the address. */
  async function betrayed(net: TestNetwork, messages: number): Promise<RunningClient> {
    const liar = await RunningSequencer.start(cleanup, net)
    await fill(net, liar.address, messages, 'mallory')
    await liar.stop()
    const honest = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, honest.address, 'victim')
    await client.send(6)
    await client.receipted(6)
    await honest.events.times('block', 2)
    await looks(client)
    assert.equal(client.client.summary().proved, 6)
    await honest.stop()
    await RunningSequencer.start(cleanup, net, { listen: honest.address }, liar.folder)
    await client.events.times('connected', 2)
    return client
  }

  async function expectConvicted(client: RunningClient, kinds: readonly EvidenceKind[]): Promise<void> {
    await looks(client)
    await client.events.times('evidence', 1)
    const { kind, detail } = present(client.events.of('evidence')[0])
    assert.ok(kinds.includes(kind), kind)
    assert.match(await client.failure(), /the sequencer has lied: .*nothing more is sent/)
    assert.match(detail, /^it (signed|gave)/)
  }

  it('holds the head it has verified over a restart, and finds its messages where their receipts say', async () => {
    const net = await makeNetwork({ blockSize: 3 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(7)
    await client.receipted(7)
    await sequencer.events.times('block', 2)
    await looks(client)
    assert.equal(client.client.summary().proved, 6, 'the seventh is in no block yet')
    await client.stop()
    await fill(net, sequencer.address, 2, 'another')
    await sequencer.events.times('block', 3)
    await client.start()
    await client.client.connected(deadline())
    await looks(client)
    assert.equal(client.client.summary().proved, 1)
    assert.equal(client.events.count('evidence'), 0)
  })

  it('does so through a follower as well, and takes no harm from one that is behind', async () => {
    const net = await makeNetwork({ blockSize: 3 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address])
    await follower.events.times('connected', 1)
    const client = await RunningClient.connected(cleanup, net, follower.address)
    await client.send(3)
    await client.receipted(3)
    await follower.has(1)
    await looks(client)
    assert.equal(client.client.summary().proved, 3)
    const late = await RunningFollower.start(cleanup, net, [follower.address], 'late')
    await late.has(1)
    assert.equal(client.events.count('evidence'), 0)
    assert.deepEqual(client.events.failures, [])
  })

  it('catches a sequencer that equivocates: another block at the height it has verified', async () => {
    const net = await makeNetwork({ blockSize: 3 })
    const client = await betrayed(net, 6)
    await expectConvicted(client, ['fork'])
  })

  it('catches a sequencer that rewrites an old block, however many it has added since', async () => {
    const net = await makeNetwork({ blockSize: 3 })
    const client = await betrayed(net, 24)
    await expectConvicted(client, ['fork', 'receipt'])
  })

  it('catches a sequencer that drops a message it has given a receipt for', async () => {
    const net = await makeNetwork({ blockSize: 3 })
    const honest = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, honest.address, 'victim')
    await client.send(2)
    await client.receipted(2)
    await honest.stop()
    const forgetful = await RunningSequencer.start(cleanup, net)
    await fill(net, forgetful.address, 3, 'mallory')
    await forgetful.stop()
    await RunningSequencer.start(cleanup, net, { listen: honest.address }, forgetful.folder)
    await client.events.times('connected', 2)
    await expectConvicted(client, ['receipt'])
  })

  /** A sequencer of two blocks, a copy of its folder with one, and a client that has verified both. */
  async function withOlderCopy(): Promise<{
    readonly net: TestNetwork
    readonly honest: RunningSequencer
    readonly copy: string
    readonly client: RunningClient
  }> {
    const net = await makeNetwork({ blockSize: 3 })
    const honest = await RunningSequencer.start(cleanup, net)
    await fill(net, honest.address, 3, 'somebody')
    await honest.stop()
    const copy = join(await cleanup.folder(), 'copy')
    await cp(honest.folder, copy, { recursive: true })
    await honest.start()
    const client = await RunningClient.connected(cleanup, net, honest.address, 'victim')
    await client.send(3)
    await client.receipted(3)
    await honest.events.times('block', 2)
    await looks(client)
    return { net, honest, copy, client }
  }

  it('catches a sequencer that rolls back: it refuses a log that has shrunk', async () => {
    const { net, honest, copy, client } = await withOlderCopy()
    await honest.stop()
    await RunningSequencer.start(cleanup, net, { listen: honest.address }, copy)
    assert.match(await client.failure(), /the log has shrunk: .*block 1 .*block 2/)
    assert.equal(client.events.count('evidence'), 0, 'nothing is signed that proves it')
  })

  it('sends nothing to a sequencer whose log has shrunk, after a restart neither, and says what to do', async () => {
    const { net, honest, copy, client } = await withOlderCopy()
    await client.stop()
    await honest.stop()
    const shrunk = await RunningSequencer.start(cleanup, net, { listen: honest.address }, copy)
    for (const start of [1, 2]) {
      await client.start()
      await client.client.send({ text: `waits ${start}` }, deadline())
      assert.match(
        await client.failure(),
        /the log has shrunk: .*Ask its operator to bring back the newest copy/
      )
      assert.equal(client.client.summary().sent, 0)
      await client.stop()
    }
    assert.equal(shrunk.events.count('block'), 0)
    assert.equal(client.events.count('receipt'), 3, 'the three of before')
  })

  it('keeps the evidence: it sends nothing more to that sequencer, after a restart neither', async () => {
    const net = await makeNetwork({ blockSize: 3 })
    const client = await betrayed(net, 6)
    await expectConvicted(client, ['fork'])
    await client.stop()
    await client.start()
    assert.equal(client.events.count('evidence'), 2)
    assert.equal(client.events.failures.length, 2)
    const sent = client.client.summary().sent
    await client.client.send({ text: 'never' }, deadline()).catch(() => undefined)
    assert.equal(client.client.summary().sent, sent)
  })

  it('hears of evidence that others have found, and stops as well', async () => {
    const net = await makeNetwork({ blockSize: 3 })
    const one = await RunningSequencer.start(cleanup, net)
    const follower = await RunningFollower.start(cleanup, net, [one.address])
    await follower.events.times('connected', 1)
    const client = await RunningClient.connected(cleanup, net, follower.address, 'listener')
    await fill(net, one.address, 3, 'alice')
    await follower.has(1)
    await one.stop()
    const other = await RunningSequencer.start(cleanup, net, { listen: one.address, signsAgain: true })
    await follower.events.times('connected', 2)
    await fill(net, other.address, 3, 'bob')
    await follower.events.times('evidence', 1)
    await client.events.times('evidence', 1)
    assert.match(await client.failure(), /has lied/)
    const known = present(client.events.of('evidence')[0])
    assert.equal(known.kind, present(follower.events.of('evidence')[0]).kind)

    await other.stop()
    const late = await RunningClient.start(cleanup, net, follower.address, 'late')
    await late.events.times('evidence', 1)
    assert.match(await late.failure(), /has lied/, 'from a follower that takes no messages any more')
  })

  it('raises no alarm over an honest sequencer that is restarted again and again', async () => {
    const net = await makeNetwork({ blockSize: 3 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    for (let round = 1; round <= 4; round += 1) {
      await client.send(4, `round ${round}`)
      await client.receipted(4 * round)
      await sequencer.events.times('block', Math.floor((4 * round) / 3))
      await looks(client)
      await sequencer.restart()
      await client.events.times('connected', round + 1)
      await looks(client)
    }
    assert.equal(client.client.summary().proved, 15)
    assert.equal(client.events.count('evidence'), 0)
    assert.deepEqual(client.events.failures, [])
  })
})
