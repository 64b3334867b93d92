import assert from 'node:assert/strict'
import { join } from 'node:path'
import { runClient } from '#src/cli/peer/client-command.js'
import type { Said } from '#src/cli/terminal/input.js'
import type { PeerEvent } from '#src/core/events.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork, makeWorkNetwork, type TestNetwork } from '../helpers/networks.js'
import { RunningSequencer } from '../helpers/peers.js'
import { Program, SequencerProcess, writeSequencerFiles } from '../helpers/program.js'
import { RunningEqual } from '../helpers/running-equal.js'

describe('a client that is told to stop', () => {
  const cleanup = new Cleanup(afterEach)

  /** Five messages, and the order to stop as soon as the last of them has been handed in. */
  async function stoppedAtOnce(net: TestNetwork, address: string): Promise<PeerEvent[]> {
    const folder = await cleanup.folder()
    await writeSequencerFiles(folder, net)
    const stopping = new AbortController()
    async function* texts(): AsyncIterable<Said> {
      for (let count = 1; count <= 5; count += 1) yield { ok: true, value: { text: `message ${count}` } }
      stopping.abort(new Error('SIGTERM'))
    }
    const events: PeerEvent[] = []
    const files = {
      network: join(folder, 'network.json'),
      key: join(folder, 'client.key'),
      data: join(folder, 'client'),
      listen: [],
      connect: [address]
    }
    const summary = await runClient(
      files,
      { kind: 'made up', read: texts },
      event => events.push(event),
      stopping
    )
    assert.deepEqual([summary.sent, summary.accepted, summary.refused], [5, 5, 0])
    return events
  }

  it('takes the receipts of what it has sent before it ends', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net)
    const events = await stoppedAtOnce(net, sequencer.address)
    assert.equal(events.filter(({ event }) => event === 'receipt').length, 5)
  })

  it('takes the word of a peer that it has what was sent, among equals, before it ends', async () => {
    const net = await makeWorkNetwork()
    const equal = await RunningEqual.start(cleanup, net)
    const events = await stoppedAtOnce(net, equal.address)
    assert.equal(events.filter(({ event }) => event === 'accepted').length, 5)
  })

  it('ends with exit code 0 where no receipt comes, and sends the rest in its next run', async () => {
    const net = await makeNetwork()
    const sequencer = await SequencerProcess.start(cleanup, net)
    const folder = await cleanup.folder()
    await writeSequencerFiles(folder, net)
    const args = [
      ...['--role', 'client', '--network', 'network.json', '--key', 'client.key', '--data', 'client'],
      ...['--connect', sequencer.address, '--rate', '5', '--json']
    ]
    const first = Program.start(cleanup, folder, [...args, '--duration', '0'])
    await first.times('receipt', 1)
    sequencer.program.freeze()
    assert.deepEqual(await first.kill('SIGTERM'), { code: 0, signal: null })
    sequencer.program.signal('SIGCONT')
    const again = Program.start(cleanup, folder, [...args, '--duration', '1'])
    assert.equal((await again.exit()).code, 0)
    const receipted = [first, again].flatMap(program => program.of('receipt').map(({ sequence }) => sequence))
    assert.deepEqual(
      receipted,
      receipted.map((_, index) => index + 1)
    )
    assert.ok(receipted.length > first.of('receipt').length)
  })

  it('ends by itself, with its summary, where the sequencer answers nothing and more is to be read and sent', async () => {
    const net = await makeNetwork()
    const sequencer = await SequencerProcess.start(cleanup, net)
    const folder = await cleanup.folder()
    await writeSequencerFiles(folder, net)
    const lines = Array.from({ length: 4000 }, (_, index) => `line ${index}\n`).join('')
    const args = [
      ...['--role', 'client', '--network', 'network.json', '--key', 'client.key', '--data', 'client'],
      ...['--connect', sequencer.address, '--stdin', '--json']
    ]
    const client = Program.startOpen(cleanup, folder, args, lines)
    await client.times('receipt', 1)
    sequencer.program.freeze()
    assert.deepEqual(await client.kill('SIGTERM'), { code: 0, signal: null })
    assert.deepEqual(
      client.events.slice(-2).map(({ event }) => event),
      ['summary', 'stopped']
    )
    assert.doesNotMatch(client.stderr.join('\n'), /did not stop in time/)
  })

  it('as submit, does not take the receipt of a message that was left over for that of its own', async () => {
    const net = await makeNetwork()
    // Each run of it takes one message of an author; all that come later wait.
    const sequencer = await RunningSequencer.start(cleanup, net, {
      rates: { author: { perSecond: 1e-9, burst: 1 } }
    })
    const folder = await cleanup.folder()
    await writeSequencerFiles(folder, net)
    const submit = (text: string): Program =>
      Program.startTool(cleanup, folder, [
        ...['submit', text, '--network', 'network.json', '--key', 'client.key', '--data', 'client'],
        ...['--connect', sequencer.address, '--json']
      ])
    assert.equal((await submit('first').exit()).code, 0)
    const second = submit('second')
    await second.says(/^connected to /)
    assert.equal((await second.kill('SIGTERM')).code, 1)
    await sequencer.restart()
    const third = submit('third')
    await third.times('receipt', 1)
    assert.deepEqual(await third.kill('SIGTERM'), { code: 1, signal: null })
    assert.deepEqual(
      third.of('receipt').map(({ sequence }) => sequence),
      [2]
    )
    assert.match(
      JSON.stringify(third.events.at(-1)),
      /stopped before it was known what became of the message/
    )
  })
})

describe('a follower that is told to stop', () => {
  const cleanup = new Cleanup(afterEach)

  it('ends by itself where the sequencer answers nothing', async () => {
    const net = await makeNetwork()
    const sequencer = await SequencerProcess.start(cleanup, net)
    const folder = await cleanup.folder()
    await writeSequencerFiles(folder, net)
    const follower = Program.start(cleanup, folder, [
      ...['--role', 'follower', '--network', 'network.json', '--key', 'follower.key', '--data', 'follower'],
      ...['--listen', '/ip4/127.0.0.1/tcp/0', '--connect', sequencer.address, '--json']
    ])
    await follower.says(/^connected to /)
    sequencer.program.freeze()
    assert.deepEqual(await follower.kill('SIGTERM'), { code: 0, signal: null })
    assert.equal(follower.of('stopped').length, 1)
    assert.doesNotMatch(follower.stderr.join('\n'), /did not stop in time/)
  })
})
