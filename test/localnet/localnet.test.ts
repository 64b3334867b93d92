import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { peerIdToString } from '#src/core/keys.js'
import { sequencerOf } from '#src/core/network.js'
import { Localnet, type LocalnetOptions, type Peer } from '#tools/localnet/index.js'
import { Cleanup } from '../helpers/cleanup.js'
import { isAlive } from './processes.js'

function pidOf(peer: Peer): number {
  assert.ok(peer.pid !== undefined)
  return peer.pid
}

describe('localnet', () => {
  const cleanup = new Cleanup(afterEach)

  async function create(options?: LocalnetOptions): Promise<Localnet> {
    const net = await Localnet.create(options)
    cleanup.add(() => net.stop())
    return net
  }

  it('starts peers as processes, each with its key and its own free port', async () => {
    const net = await create()
    const sequencer = await net.startSequencer()
    const clients = await Promise.all([net.startClient({ stdin: true }), net.startClient({ stdin: true })])

    assert.deepEqual(
      net.peers.map(({ name, role }) => [name, role]),
      [
        ['sequencer', 'sequencer'],
        ['client-1', 'client'],
        ['client-2', 'client']
      ]
    )
    assert.equal(sequencer.peerId, peerIdToString(sequencerOf(net.network)))
    assert.match(
      sequencer.addresses[0] ?? '',
      new RegExp(`^/ip4/127.0.0.1/tcp/\\d+/p2p/${sequencer.peerId}$`)
    )
    const all = [sequencer, ...clients]
    assert.equal(new Set(all.map(peer => peer.peerId)).size, 3)
    assert.equal(new Set(all.flatMap(peer => peer.addresses)).size, 3)
    for (const peer of all) {
      assert.ok(peer.isRunning && (await isAlive(pidOf(peer))))
      assert.ok(existsSync(peer.key) && existsSync(peer.data))
    }
  })

  it('tells the events of peers as they come, to those who wait and those who listen', async () => {
    const net = await create({ network: { blockSize: 3 } })
    const heard: string[] = []
    net.onEvent((peer, { event }) => heard.push(`${peer.name} ${event}`))
    const sequencer = await net.startSequencer()
    const client = await net.startClient({ stdin: true })
    const block = sequencer.event('block', ({ height }) => height === 1)
    for (const text of ['one', 'two']) await client.write(text)
    await client.write({ text: 'three', kind: 'number' })
    await client.write({ word: 'four' })

    const { count, size, id } = await block
    assert.deepEqual([count, size], [3, 3])
    assert.match(id, /^[0-9a-f]{64}$/)
    const receipt = await client.event('receipt', ({ position }) => position === 2)
    assert.equal(receipt.sequence, 3)
    assert.match(receipt.leaf, /^[0-9a-f]{64}$/)
    assert.equal((await client.event('refused')).reason, 'bad schema')
    // What has come already is found as well.
    assert.equal((await sequencer.event('block')).id, id)

    client.endInput()
    assert.deepEqual(await client.exit(), { code: 0, signal: null })
    const { sent, accepted, refused } = await client.event('summary')
    assert.deepEqual([sent, accepted, refused], [3, 3, 1])
    const told = heard.filter(line => line.startsWith('client-1 ')).map(line => line.split(' ')[1])
    assert.equal(told[0], 'started')
    assert.deepEqual(told.slice(1, -2).sort(), ['receipt', 'receipt', 'receipt', 'refused'])
    assert.deepEqual(told.slice(-2), ['summary', 'stopped'])
  })

  it('sends at a rate for a duration, and the client ends by itself', async () => {
    const net = await create()
    await net.startSequencer()
    const client = await net.startClient({ rate: 20, duration: 1 })
    assert.deepEqual(await client.exit({ within: 30_000 }), { code: 0, signal: null })
    assert.equal((await client.event('summary')).accepted, 20)
  })

  it('restarts a killed sequencer on the same folder and address; its clients find it again', async () => {
    const net = await create()
    const sequencer = await net.startSequencer()
    const client = await net.startClient({ stdin: true })
    await client.write('before')
    await client.event('receipt', ({ position }) => position === 0)
    const { pid, addresses } = sequencer

    sequencer.kill('SIGKILL')
    assert.deepEqual(await sequencer.exit(), { code: null, signal: 'SIGKILL' })
    assert.equal(sequencer.isRunning, false)
    await client.write('meanwhile')
    await sequencer.restart()

    assert.notEqual(sequencer.pid, pid)
    assert.deepEqual(sequencer.addresses, addresses)
    const receipt = await client.event('receipt', ({ position }) => position === 1)
    assert.equal(receipt.sequence, 2)
  })

  it('restarts a client with other work on the same folder, which continues its sequence', async () => {
    const net = await create()
    await net.startSequencer()
    const client = await net.startClient({ rate: 50, duration: 1 })
    await client.exit({ within: 30_000 })
    const { peerId } = client
    await client.restart({ stdin: true })
    assert.equal(client.peerId, peerId)
    await client.write('one more')
    assert.equal((await client.event('receipt')).sequence, 51)
  })

  it('refuses to restart what still runs', async () => {
    const net = await create()
    const sequencer = await net.startSequencer()
    await assert.rejects(sequencer.start(), /^Failure: sequencer runs already, as process \d+$/)
    assert.ok(sequencer.isRunning)
  })

  it('says which event did not come, and shows what the peer said last', async () => {
    const net = await create()
    const sequencer = await net.startSequencer()
    await assert.rejects(
      sequencer.event('block', undefined, { within: 50 }),
      /^Failure: sequencer: no such "block" event came within 50 ms/
    )
    const waiting = sequencer.event('block')
    sequencer.kill('SIGKILL')
    await assert.rejects(waiting, /^Failure: sequencer: ended by SIGKILL/)
  })

  it('gives the error of a peer that does not start, with what it said, and leaves none of it', async () => {
    const net = await create()
    const other = await create()
    const sequencer = await net.startSequencer()
    const taken = sequencer.addresses[0]?.replace(/\/p2p\/.*$/, '')
    assert.ok(taken !== undefined)
    await assert.rejects(
      other.startSequencer({ listen: taken }),
      /^Failure: sequencer: ended with exit code 1; it said:\n.*the address is in use by another program/s
    )
    assert.deepEqual(other.peers, [])
  })

  it('starts no client before its sequencer, and no two peers of one name', async () => {
    const net = await create()
    await assert.rejects(net.startClient(), /^Failure: start the sequencer before its clients/)
    await net.startSequencer()
    await assert.rejects(net.startSequencer(), /^Failure: there is a peer named sequencer already/)
  })

  it('stops all peers in order; no process is left and none is started any more', async () => {
    const net = await create()
    const sequencer = await net.startSequencer()
    await Promise.all([net.startClient({ duration: 0 }), net.startClient({ stdin: true })])
    const pids = net.peers.map(pidOf)

    const exits = await net.stopPeers()

    assert.deepEqual(
      [...exits].map(([{ name }, exit]) => [name, exit]).sort(),
      ['client-1', 'client-2', 'sequencer'].map(name => [name, { code: 0, signal: null }])
    )
    for (const pid of pids) assert.equal(await isAlive(pid), false)
    await assert.rejects(net.startClient(), /^Failure: client-3 is not started: the network is stopping/)
    await assert.rejects(sequencer.restart(), /^Failure: sequencer is not started: the network is stopping/)
  })

  it('stops peers that are only just starting', async () => {
    const net = await create()
    const starting = assert.rejects(net.startSequencer(), /^Failure: sequencer: ended /)
    const [sequencer] = net.peers
    assert.ok(sequencer !== undefined)
    const pid = pidOf(sequencer)
    await net.stop()
    await starting
    assert.equal(await isAlive(pid), false)
  })

  it('kills a peer that does not stop', async () => {
    const net = await create()
    const sequencer = await net.startSequencer()
    sequencer.kill('SIGSTOP')
    assert.deepEqual(await sequencer.stop({ within: 100 }), { code: null, signal: 'SIGKILL' })
    assert.equal(await isAlive(pidOf(sequencer)), false)
  })

  it('removes its temporary folder, also when it is stopped twice', async () => {
    const net = await Localnet.create()
    await net.startSequencer()
    assert.ok(existsSync(net.files.network))
    await net.stop()
    await net.stop()
    assert.equal(existsSync(net.folder), false)
  })

  it('keeps a given folder, and goes on with the network in it', async () => {
    const folder = await cleanup.folder()
    const before = await create({ folder, network: { name: 'kept', blockSize: 2 } })
    await before.startSequencer()
    const client = await before.startClient({ stdin: true })
    await client.write('one')
    await client.event('receipt')
    await before.stop()

    await assert.rejects(Localnet.create({ folder, network: { blockSize: 3 } }), /exists already/)
    const after = await create({ folder })
    assert.deepEqual(after.network, before.network)
    const sequencer = await after.startSequencer()
    const again = await after.startClient({ stdin: true })
    await again.write('two')
    assert.equal((await sequencer.event('block')).size, 2)
  })

  it('makes a network without a sequencer, whose miners are found by followers', async () => {
    const easy = { target: '207fffff', interval: 1000 }
    const net = await create({ ordering: 'work', network: easy })
    const miner = await net.startMiner({ mine: 1 })
    const follower = await net.startFollower({ connect: miner.addresses })
    const { id } = await follower.event('block', ({ height }) => height === 1)
    assert.equal((await miner.event('block')).id, id)
    const [next] = await miner.mine(1)
    assert.equal((await follower.event('block', ({ height }) => height === 2)).id, next?.id)
    await assert.rejects(create({ folder: net.folder, ordering: 'work' }), /exists already/)
  })

  it('leaves no folder behind where no network can be made', async () => {
    const environment: { TMPDIR?: string } = process.env
    const { TMPDIR } = environment
    const empty = await cleanup.folder()
    environment.TMPDIR = empty
    try {
      await assert.rejects(
        Localnet.create({ network: { blockSize: 0 } }),
        /^Failure: no network can be made from .*blockSize/
      )
    } finally {
      if (TMPDIR === undefined) delete environment.TMPDIR
      else environment.TMPDIR = TMPDIR
    }
    assert.deepEqual(await readdir(empty), [])
  })
})
