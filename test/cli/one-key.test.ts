import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { present } from '../helpers/changes.js'
import { ChatProcess } from '../helpers/chat-process.js'
import { Cleanup } from '../helpers/cleanup.js'
import { inFrontOf } from '../helpers/in-front.js'
import { makeNetwork } from '../helpers/networks.js'
import { RunningSequencer } from '../helpers/peers.js'
import { Program, tool } from '../helpers/program.js'

const IN_USE = /error: the key own\.key is in use by another process in this network, whatever data folder/

describe('one key', () => {
  const cleanup = new Cleanup(afterEach)

  /** A peer with the key `own.key` on this data folder, which nobody connects to. */
  function start(folder: string, role: string, data: string, ...more: readonly string[]): Program {
    const files = ['--network', 'network.json', '--key', 'own.key', '--data', data]
    const args = ['--role', role, ...files, '--listen', '/ip4/127.0.0.1/tcp/0', '--no-connect', ...more]
    return Program.start(cleanup, folder, [...args, '--json'])
  }

  async function refused(program: Program): Promise<void> {
    assert.deepEqual(await program.exit(), { code: 1, signal: null })
    assert.match(program.stderr.join('\n'), IN_USE)
    assert.match(program.stderr.join('\n'), /--key keys\/second\.key --data data\/second/)
    assert.deepEqual(program.of('started'), [], 'it has connected to nobody')
  }

  async function networkOf(ordering: string): Promise<string> {
    const folder = await cleanup.folder()
    const made = await tool(folder, 'init', '--network', 'network.json', '--ordering', ordering)
    assert.equal(made.code, 0, made.stderr)
    return folder
  }

  for (const [ordering, role, more] of [
    ['sequencer', 'follower', []],
    ['work', 'follower', []],
    ['work', 'miner', ['--mine', '0']],
    ['none', 'follower', []],
    ['sequencer', 'client', ['--duration', '0']],
    ['work', 'client', ['--duration', '0']]
  ] as const)
    it(`has one process at a time: a second ${role}, ordering ${ordering}, is told so at once, and the first goes on`, async () => {
      const folder = await networkOf(ordering)
      const first = start(folder, role, 'first', ...more)
      await first.times('started', 1)
      await refused(start(folder, role, 'second', ...more))
      await refused(start(folder, role, 'first', ...more))
      assert.ok(first.isRunning)
      // The lock ends with its process, however that ends.
      await first.kill('SIGKILL')
      const next = start(folder, role, 'first', ...more)
      await next.times('started', 1)
      assert.equal((await next.kill('SIGTERM')).code, 0)
    })

  it('has one process at a time also where that is a chat, or a client and a follower; another network is no matter', async () => {
    const folder = await networkOf('sequencer')
    const client = start(folder, 'client', 'client', '--duration', '0')
    await client.times('started', 1)
    await refused(start(folder, 'follower', 'follower'))
    const args = ['--no-connect', '--key', 'own.key']
    const chat = ChatProcess.start(cleanup, folder, [...args, '--network', 'network.json'])
    assert.equal((await chat.exit()).code, 1)
    assert.match(chat.stderr.join('\n'), IN_USE)
    const lobby = ChatProcess.start(cleanup, folder, args)
    await lobby.started()
    const second = ChatProcess.start(cleanup, folder, args)
    assert.equal((await second.exit()).code, 1)
    assert.match(second.stderr.join('\n'), IN_USE)
    lobby.signal('SIGTERM')
    assert.equal((await lobby.exit()).code, 0)
    assert.equal((await client.kill('SIGTERM')).code, 0)
  })

  it('is used where no lock can be had beside it by who signs nothing under numbers, as by a follower', async () => {
    const folder = await networkOf('sequencer')
    await writeFile(join(folder, 'own.signed'), 'in the way')
    const follower = start(folder, 'follower', 'follower')
    await follower.times('started', 1)
    assert.equal((await follower.kill('SIGTERM')).code, 0)
  })

  it('asks questions beside its own client, which goes on undisturbed', async () => {
    const net = await makeNetwork({ blockSize: 10 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const folder = await cleanup.folder()
    await writeFile(join(folder, 'network.json'), JSON.stringify(net.network.document))
    const files = ['--network', 'network.json', '--key', 'own.key', '--connect', sequencer.address]
    const client = Program.start(cleanup, folder, [
      ...['--role', 'client', ...files, '--data', 'own', '--rate', '10', '--duration', '0', '--json']
    ])
    await client.times('receipt', 5)
    for (let time = 0; time < 3; time += 1) {
      const counted = await tool(folder, 'count', ...files, '--data', 'tool')
      assert.equal(counted.code, 0, counted.stderr)
    }
    await client.times('receipt', client.of('receipt').length + 10)
    assert.doesNotMatch(client.stderr.join('\n'), /lost the connection/)
    assert.equal((await client.kill('SIGTERM')).code, 0)
    assert.equal(client.of('refused').length, 0)
  })
})

describe('attempts to connect that are cut off', () => {
  const cleanup = new Cleanup(afterEach)

  /** Cuts the connections off that come first, each after so many bytes of the answer; later ones it lets through. */
  async function cutting(
    address: string,
    after: readonly number[]
  ): Promise<{ readonly address: string; readonly count: () => number }> {
    let count = 0
    const cut = await inFrontOf(cleanup, address, (incoming, port) => {
      let left = after[count] ?? Number.POSITIVE_INFINITY
      count += 1
      const outgoing = connect({ host: '127.0.0.1', port })
      const end = (): void => {
        incoming.resetAndDestroy()
        outgoing.resetAndDestroy()
      }
      if (left === 0) end()
      incoming.pipe(outgoing)
      outgoing.on('data', (bytes: Buffer) => {
        left -= bytes.length
        if (left <= 0) end()
        else incoming.write(bytes)
      })
      for (const socket of [incoming, outgoing]) socket.on('error', () => undefined).on('close', end)
    })
    return { address: cut, count: () => count }
  }

  it('at any moment of the handshake: a client says what is true, dials again, and all its messages are accepted', async () => {
    const net = await makeNetwork({ blockSize: 10 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const cuts = [0, 1, 30, 200, 400, 700, 1_000, 1_500]
    const line = await cutting(sequencer.address, cuts)
    const folder = await cleanup.folder()
    await writeFile(join(folder, 'network.json'), JSON.stringify(net.network.document))
    const files = ['--network', 'network.json', '--key', 'own.key', '--data', 'own']
    const args = ['--role', 'client', ...files, '--connect', line.address, '--stdin', '--json']
    const client = Program.start(cleanup, folder, args, 'one\ntwo\nthree\n')
    assert.deepEqual(await client.exit(), { code: 0, signal: null }, client.stderr.join('\n'))
    assert.equal(present(client.of('summary')[0]).accepted, 3)
    assert.equal(line.count(), cuts.length + 1)
    assert.match(client.stderr.join('\n'), /trying again/)
    assert.doesNotMatch(client.stderr.join('\n'), /no peer answered/)
  })
})
