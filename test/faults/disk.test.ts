import assert from 'node:assert/strict'
import { Author, envelopesOf } from '../helpers/authors.js'
import { expectReceiptsHold } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork } from '../helpers/networks.js'
import { RunningClient, RunningSequencer } from '../helpers/peers.js'
import { RawPeer } from '../helpers/raw-peer.js'

describe('a disk that fails under a sequencer', () => {
  const cleanup = new Cleanup(afterEach)

  /** A sequencer whose writes fail while `full` holds for the first letter of one of their keys. */
  async function setUp(full: { keys: string }): Promise<RunningSequencer> {
    const net = await makeNetwork({ blockSize: 5 })
    return RunningSequencer.start(cleanup, net, {
      opened: database => {
        database.hooks.prewrite.add(({ key }: { key: Uint8Array }) => {
          if (full.keys.includes(String.fromCharCode(key[0] ?? 0))) throw new Error('the disk is full')
        })
      }
    })
  }

  it('while messages are written: it is told once, nobody gets a receipt, and after a restart all do', async () => {
    const full = { keys: '' }
    const sequencer = await setUp(full)
    const client = await RunningClient.connected(cleanup, sequencer.net, sequencer.address)
    await client.send(3)
    await client.receipted(3)
    full.keys = 'm'
    sequencer.mayFail = true
    await client.send(4)
    await sequencer.events.until('the failure', () => sequencer.events.failures.length > 0)
    const late = await Author.create(sequencer.net, 'late')
    const peer = await RawPeer.connect(cleanup, sequencer.net, sequencer.address, late.key)
    const made = late.say({ text: 'too late' })
    await peer.publish(made.envelope)
    assert.equal((await peer.refusalOf(made.leaf)).reason, 'busy', 'it takes nothing more')
    assert.equal((await peer.asker.status()).pending, 3, 'and still answers')
    assert.equal(client.receipts.length, 3)
    assert.equal(sequencer.events.failures.length, 1)
    full.keys = ''
    await sequencer.restart()
    await client.receipted(7)
    await sequencer.events.times('block', 1)
    const checked = await sequencer.check()
    assert.deepEqual([checked.height, checked.size, checked.pending], [1, 5, 2])
    expectReceiptsHold(checked, client.receipts)
  })

  it('while a block is written: it is told once, no block is shown, and a restart makes it of the same messages', async () => {
    const full = { keys: 'h' }
    const sequencer = await setUp(full)
    sequencer.mayFail = true
    const alice = await Author.create(sequencer.net, 'alice')
    const peer = await RawPeer.connect(cleanup, sequencer.net, sequencer.address, alice.key)
    await peer.publish(...envelopesOf(alice.says(5)))
    await peer.receipted(5)
    await sequencer.events.until('the failure', () => sequencer.events.failures.length > 0)
    const { height, pending } = await peer.asker.status()
    assert.deepEqual([height, pending], [0, 5])
    assert.deepEqual([sequencer.blocks, peer.blocks], [[], []])
    full.keys = ''
    await sequencer.restart()
    await sequencer.events.times('block', 1)
    const checked = await sequencer.check()
    assert.deepEqual([checked.height, checked.size, checked.pending], [1, 5, 0])
    expectReceiptsHold(checked, peer.receipts)
    assert.equal(sequencer.events.failures.length, 1)
  })
})
