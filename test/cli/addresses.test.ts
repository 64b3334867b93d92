import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { unreached } from '#src/cli/peer/client-command.js'
import { peerCommand } from '#src/cli/peer/peer-command.js'
import { hostAndPort } from '#src/network/addresses.js'
import { asError } from '#src/network/connection-errors.js'
import { Host } from '#src/network/host.js'
import { toolCommand } from '#tools/tool-command.js'
import { PATIENCE, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity, makeNetwork, nameOf } from '../helpers/networks.js'
import { Program, SequencerProcess, tool } from '../helpers/program.js'

/** All options of all commands that take an address, by the words that lead to them. */
function* optionsWithAddresses(
  command: Command,
  words = command.name()
): Iterable<readonly [string, unknown]> {
  for (const option of command.options)
    if (['--connect', '--listen'].includes(option.long ?? ''))
      yield [`${words} ${option.long}`, option.parseArg]
  for (const part of command.commands) yield* optionsWithAddresses(part, `${words} ${part.name()}`)
}

describe('An address', () => {
  const cleanup = new Cleanup(afterEach)
  const options = [...optionsWithAddresses(toolCommand()), ...optionsWithAddresses(peerCommand())]

  for (const [words, parse] of options)
    it(`is taken as host:port by ${words}`, () => {
      assert.ok(typeof parse === 'function', 'it takes any text')
      for (const [text, address] of [
        ['127.0.0.1:4200', '/ip4/127.0.0.1/tcp/4200'],
        ['[::1]:4200', '/ip6/::1/tcp/4200'],
        ['localhost:4200', '/dns/localhost/tcp/4200'],
        ['/ip4/127.0.0.1/tcp/4200', '/ip4/127.0.0.1/tcp/4200']
      ])
        assert.deepEqual([parse(text, undefined)].flat(), [address])
      for (const text of ['127.0.0.1', '4200', '::1:4200', 'a b', '/nonsense'])
        assert.throws(() => parse(text, undefined), /host:port, such as .*, or a multiaddr/, text)
    })

  for (const [words, parse] of options)
    it(`that this program cannot dial is refused by ${words}, which names the way`, () => {
      assert.ok(typeof parse === 'function', 'it takes any text')
      for (const way of ['udp/4100/quic-v1', 'tcp/4100/ws', 'tcp/4100/tls/ws', 'udp/4100', 'tcp/4100/http'])
        assert.throws(
          () => parse(`/ip4/127.0.0.1/${way}`, undefined),
          ({ message }: Error) =>
            message.includes(
              `goes over TCP alone, and /ip4/${way.replace('/4100', '')} does not; it must be host:port`
            ),
          way
        )
      for (const text of [
        '/dns4/example.org/tcp/4100',
        '/ip6zone/eth0/ip6/fe80::1/tcp/4100',
        '/dnsaddr/example.org'
      ])
        assert.deepEqual([parse(text, undefined)].flat(), [text])
    })

  it('that peers tell of and nobody here can dial is told as such, and not as a peer that takes members only', async () => {
    const host = await Host.create({ key: await identity('alice'), listen: [], topics: [] })
    cleanup.add(() => host.stop())
    await host.start()
    for (const address of ['/ip4/127.0.0.1/udp/4100/quic-v1', '/ip4/127.0.0.1/tcp/4100/ws', '/ip4/127.0.0.1'])
      await assert.rejects(host.connect(address, AbortSignal.timeout(PATIENCE)), {
        name: 'WrongAddress',
        message: `${address} is no address over TCP, and this program dials no other one`
      })
  })

  it('with the PeerId of another peer is told as that, at once and at the end, by a client and by the commands that ask', async () => {
    const sequencer = await SequencerProcess.start(cleanup, await makeNetwork())
    const { folder } = sequencer
    const there = present(sequencer.program.of('started')[0]?.peerId)
    const other = nameOf(await identity('somebody else'))
    const address = sequencer.address.replace(there, other)
    const wrong = `${address} names ${other}, but the peer there is ${there}; ask its operator`
    const { code, stderr } = await tool(folder, 'head', '--network', 'network.json', '--connect', address)
    assert.equal(code, 1)
    assert.ok(stderr.startsWith(`error: ${wrong}`), stderr)
    assert.match(stderr, /name it right with --connect ADDRESS\n$/)
    const at = ['--network', 'network.json', '--connect', address]
    const client = Program.start(cleanup, folder, ['--role', 'client', ...at, '--stdin'], 'one\n')
    await client.until('it tells', () => client.stderr.some(line => line.includes(wrong)))
    const host = await Host.create({ key: await identity('alice'), listen: [], topics: [] })
    cleanup.add(() => host.stop())
    await host.start()
    const error = await host.connect(address, AbortSignal.timeout(PATIENCE)).catch(asError)
    assert.ok(error instanceof Error)
    const end = unreached([address], error)
    assert.ok(end.includes(`: ${wrong}`) && end.endsWith('name it right with --connect ADDRESS'), end)
    assert.doesNotMatch(end, /start a peer there|does not answer/)
  })

  it('is that of the options that are there', () => {
    assert.ok(options.length > 20, `${options.length}`)
  })

  it('as host:port leads to a peer, whoever goes there: a client, a follower, and the commands that ask and verify', async () => {
    const sequencer = await SequencerProcess.start(cleanup, await makeNetwork({ blockSize: 1 }))
    const folder = await cleanup.folder()
    await writeFile(join(folder, 'network.json'), JSON.stringify(sequencer.net.network.document))
    const address = hostAndPort(sequencer.address)
    assert.match(address, /^127\.0\.0\.1:\d+$/)
    const at = ['--network', 'network.json', '--connect', address]
    const run = async (...args: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await tool(folder, ...args)
      assert.equal(code, 0, `${args.join(' ')}: ${stderr}`)
      return stdout
    }
    await run('submit', 'one', ...at)
    assert.equal(JSON.parse(await run('count', '--json', ...at)).count, 1)
    await run('node', ...at)
    await run('export', 'log', ...at)
    assert.match(await run('verify', address, '--network', 'network.json'), /^VALID: 1 blocks/)
    const listen = ['--listen', '127.0.0.1:0', '--json']
    const follower = Program.start(cleanup, folder, ['--role', 'follower', ...at, ...listen])
    await follower.times('block', 1)
    const [listens = ''] = present(follower.of('started')[0]?.addresses)
    assert.match(listens, /^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\//)
    await run('head', '--network', 'network.json', '--connect', hostAndPort(listens))
  })
})
