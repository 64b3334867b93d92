import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { peerCommand } from '#src/cli/peer-command.js'
import { hostAndPort } from '#src/network/addresses.js'
import { toolCommand } from '#src/tool-command.js'
import { present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork } from '../helpers/networks.js'
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
