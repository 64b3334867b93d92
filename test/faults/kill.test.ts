import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { toHex } from '#src/core/bytes.js'
import { deadline } from '../helpers/changes.js'
import { type CheckedPeer, checkPeer, expectReceiptsHold } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork } from '../helpers/networks.js'
import { RunningClient } from '../helpers/peers.js'
import { SequencerProcess } from '../helpers/program.js'
import { RawPeer } from '../helpers/raw-peer.js'

/** The sequencer made its own encryption key: what is sealed to it is not opened here. */
function checkData({ data, net }: SequencerProcess): Promise<CheckedPeer> {
  return checkPeer(data, net, { openingKeys: 'sealed' })
}

describe('a sequencer that is killed', () => {
  const cleanup = new Cleanup(afterEach)

  it('with 99 messages pending has 99 pending and no block when it runs again, and one more makes block 1', async () => {
    const net = await makeNetwork()
    const sequencer = await SequencerProcess.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(99)
    await client.receipted(99)
    assert.deepEqual(await sequencer.program.kill('SIGKILL'), { code: null, signal: 'SIGKILL' })

    await sequencer.start()
    const reader = await RawPeer.connect(cleanup, net, sequencer.address)
    const { height, size, pending } = await reader.asker.status()
    assert.deepEqual({ height, size, pending }, { height: 0, size: 0, pending: 99 })

    await client.send(1)
    await client.receipted(100)
    await sequencer.program.times('block', 1)
    await sequencer.program.kill('SIGKILL')
    const checked = await checkData(sequencer)
    assert.deepEqual([checked.height, checked.size, checked.pending], [1, 100, 0])
    expectReceiptsHold(checked, client.receipts)
  })

  it('ten times at random moments under load loses no message that has a receipt, and none of its clients', async () => {
    const net = await makeNetwork({ blockSize: 10 })
    const sequencer = await SequencerProcess.start(cleanup, net)
    const clients = await Promise.all(
      ['alice', 'bob', 'carol'].map(name => RunningClient.connected(cleanup, net, sequencer.address, name))
    )
    const [alice] = clients
    assert.ok(alice)
    const moments: number[] = []
    const each = 60
    const kills = 10
    let height = 0
    for (let round = 1; round <= kills; round += 1) {
      await Promise.all(clients.map(client => client.send(each, `round ${round}`)))
      // While receipts come in: after any of those that Alice still waits for.
      const [least, most] = [alice.receipts.length, round * each]
      const moment = least < most ? randomInt(least, most) + 1 : most
      moments.push(moment)
      await alice.receipted(moment)
      await sequencer.program.kill('SIGKILL')
      const checked = await checkData(sequencer)
      expectReceiptsHold(
        checked,
        clients.flatMap(client => client.receipts)
      )
      height = checked.height
      await sequencer.start()
    }
    const sent = kills * each * clients.length
    await Promise.all(clients.map(client => client.client.settled(deadline())))
    await sequencer.program.times('block', sent / 10 - height)
    await sequencer.program.kill('SIGKILL')
    const checked = await checkData(sequencer)
    assert.deepEqual([checked.height, checked.messages.length], [sent / 10, sent], `killed at ${moments}`)
    for (const client of clients) {
      const author = toHex(client.peerId)
      const sequences = checked.messages
        .filter(message => message.author === author)
        .map(({ sequence }) => Number(sequence))
      assert.deepEqual(
        sequences.toSorted((a, b) => a - b),
        Array.from({ length: kills * each }, (_, index) => index + 1),
        'no message of a client is lost, none is there twice'
      )
      expectReceiptsHold(checked, client.receipts)
    }
  }).timeout(300_000)

  it('by SIGTERM under load has all that it receipted on disk, and ends with exit code 0', async () => {
    const net = await makeNetwork({ blockSize: 10 })
    const sequencer = await SequencerProcess.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(300)
    await client.receipted(50)
    assert.deepEqual(await sequencer.program.kill('SIGTERM'), { code: 0, signal: null })
    assert.equal(sequencer.program.of('stopped').length, 1)
    const checked = await checkData(sequencer)
    expectReceiptsHold(checked, client.receipts)
    await sequencer.start()
    await client.receipted(300)
    await sequencer.program.times('block', 30 - checked.height)
    assert.deepEqual(await sequencer.program.kill('SIGINT'), { code: 0, signal: null })
    const later = await checkData(sequencer)
    assert.deepEqual([later.height, later.pending], [30, 0])
    expectReceiptsHold(later, client.receipts)
  })
})
