import assert from 'node:assert/strict'
import type { Database } from '#src/chain/store.js'
import { Author, envelopesOf } from '../helpers/authors.js'
import { checkPeer, expectReceiptsHold } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork } from '../helpers/networks.js'
import { RunningClient, RunningFollower, RunningSequencer } from '../helpers/peers.js'
import { SequencerProcess } from '../helpers/program.js'
import { RawPeer } from '../helpers/raw-peer.js'

describe('a disk that fails', () => {
  const cleanup = new Cleanup(afterEach)

  /** Writes fail while `full` holds the first letter of one of their keys. */
  function fullFor(full: { readonly keys: string }): (database: Database) => void {
    return database => {
      database.hooks.prewrite.add(({ key }: { key: Uint8Array }) => {
        if (full.keys.includes(String.fromCharCode(key[0] ?? 0))) throw new Error('the disk is full')
      })
    }
  }

  async function setUp(full: { keys: string }): Promise<RunningSequencer> {
    const net = await makeNetwork({ blockSize: 5 })
    return RunningSequencer.start(cleanup, net, { opened: fullFor(full) })
  }

  it('of a sequencer, while messages are written: it is told once, nobody gets a receipt, and after a restart all do', async () => {
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

  it('of a sequencer, while a block is written: it is told once, no block is shown, and a restart makes it of the same messages', async () => {
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

  it('of a sequencer for real, in the middle of a batch: the program ends with what to do, and goes on once there is room', async function () {
    if (process.platform === 'win32') return this.skip()
    const net = await makeNetwork({ blockSize: 5 })
    const sequencer = await SequencerProcess.start(cleanup, net, 128)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(200)
    assert.deepEqual(await sequencer.program.exit(), { code: 1, signal: null })
    assert.match(
      sequencer.program.stderr.join('\n'),
      /^error: .*File too large.*; make room on that disk and start again: what was accepted is there$/m
    )
    const receipted = client.receipts.length
    const full = await checkPeer(sequencer.data, net, { openingKeys: 'sealed' })
    expectReceiptsHold(full, client.receipts)
    assert.ok(receipted < 200)
    await sequencer.start()
    await client.receipted(200)
    await sequencer.program.times('block', 40 - full.height)
    await sequencer.program.kill('SIGTERM')
    const checked = await checkPeer(sequencer.data, net, { openingKeys: 'sealed' })
    assert.deepEqual([checked.height, checked.pending], [40, 0])
    expectReceiptsHold(checked, client.receipts)
  })

  it('of a follower, while a block is written: it is told once, and a restart fetches the block again', async () => {
    const net = await makeNetwork({ blockSize: 5 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const full = { keys: '' }
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address], 'follower', {
      opened: fullFor(full)
    })
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(5)
    await follower.has(1)
    full.keys = 'h'
    follower.mayFail = true
    await client.send(5)
    await follower.events.until('the failure', () => follower.events.failures.length > 0)
    assert.deepEqual(
      follower.blocks.map(({ header }) => header.height),
      [1]
    )
    full.keys = ''
    await follower.restart()
    await follower.has(2)
    assert.equal(follower.events.failures.length, 1)
    assert.equal((await follower.check()).height, 2)
  })
})
