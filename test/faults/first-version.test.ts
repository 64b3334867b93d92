import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { utf8 } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { repositoryPath } from '../helpers/core.js'
import { identity, nameOf } from '../helpers/networks.js'
import { Program, tool } from '../helpers/program.js'

const LOOPBACK = '/ip4/127.0.0.1/tcp/0'
const NETWORK = ['--network', 'network.json'] as const

/** Of PKCS #8 (RFC 8410): what stands before the 32 bytes of an X25519 private key. */
const PKCS8_X25519 = '302e020100300506032b656e04220420'

/** The first version wrote X25519 keys as PEM, with no date. */
function encryptionKeyFile(): string {
  const secret = sha256(utf8('encryption key of sequencer'))
  const der = Buffer.concat([Buffer.from(PKCS8_X25519, 'hex'), secret])
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString()
}

describe('what the first version wrote', () => {
  const cleanup = new Cleanup(afterEach)

  /** A copy of a folder of the first version, with the private keys that the vectors leave out. */
  async function folderOf(kind: string, keys: Readonly<Record<string, string>>): Promise<string> {
    const folder = await cleanup.folder()
    await cp(repositoryPath(`test/vectors/first-version/${kind}`), folder, { recursive: true })
    for (const [file, name] of Object.entries(keys))
      await writeFile(join(folder, file), privateKeyToProtobuf(await identity(name)), { mode: 0o600 })
    return folder
  }

  async function started(folder: string, args: readonly string[], input?: string): Promise<Program> {
    const program = Program.start(cleanup, folder, [...args, ...NETWORK, '--json'], input)
    await program.times('started', 1)
    return program
  }

  async function stopped(program: Program): Promise<void> {
    assert.deepEqual(await program.kill('SIGTERM'), { code: 0, signal: null }, program.stderr.join('\n'))
  }

  function addressOf(program: Program): string {
    return present(program.of('started')[0]?.addresses?.[0])
  }

  async function count(folder: string, address: string): Promise<object> {
    const asked = await tool(folder, 'count', ...NETWORK, '--connect', address, '--json')
    assert.equal(asked.code, 0, asked.stderr)
    const { count, size, pending } = asked.json()
    return { count, size, pending }
  }

  it('a sequencer, a follower and clients go on with their folders, and unsent messages are sent once', async () => {
    const folder = await folderOf('sequencer', {
      'sequencer.key': 'sequencer',
      'follower.key': 'follower',
      'client.key': 'client',
      'waiting.key': 'waiting client'
    })
    await writeFile(join(folder, 'sequencer.encryption.key'), encryptionKeyFile(), { mode: 0o600 })
    const sequencer = await started(folder, [
      ...['--role', 'sequencer', '--key', 'sequencer.key', '--data', 'sequencer-data'],
      ...['--listen', LOOPBACK]
    ])
    const address = addressOf(sequencer)
    const follower = await started(folder, [
      ...['--role', 'follower', '--key', 'follower.key', '--data', 'follower-data'],
      ...['--connect', address]
    ])
    assert.deepEqual(await count(folder, address), { count: 3, size: 30, pending: 5 })

    const waiting = await started(folder, [
      ...['--role', 'client', '--key', 'waiting.key', '--data', 'waiting-data', '--connect', address],
      '--stdin'
    ])
    await waiting.times('summary', 1)
    assert.equal((await waiting.exit()).code, 0, waiting.stderr.join('\n'))
    const unsent = present(waiting.of('summary')[0]?.accepted)
    assert.ok(unsent > 0, 'the first version left messages without a receipt')

    const lines = Array.from({ length: 10 }, (_, index) => `of the new version ${index}\n`).join('')
    const client = Program.start(
      cleanup,
      folder,
      [
        ...['--role', 'client', '--key', 'client.key', '--data', 'client-data', '--connect', address],
        ...NETWORK,
        '--stdin',
        '--json'
      ],
      lines
    )
    assert.equal((await client.exit()).code, 0, client.stderr.join('\n'))
    assert.equal(client.of('summary')[0]?.accepted, 10)

    // What the waiting client sent again was in the log, so it has its first receipt again, and no second entry.
    assert.deepEqual(await count(folder, address), { count: 4, size: 40, pending: 5 })
    await follower.until('the follower has block 4', () =>
      follower.of('block').some(block => block.height === 4)
    )
    assert.deepEqual(await count(folder, addressOf(follower)), { count: 4, size: 40, pending: 5 })
    // The head that the first version's tool had seen is a prefix of the log.
    const head = await tool(folder, 'head', ...NETWORK, '--connect', address, '--data', 'tool-data', '--json')
    assert.equal(head.code, 0, head.stderr)
    await stopped(follower)
    await stopped(sequencer)
    for (const data of ['sequencer-data', 'follower-data']) {
      const verified = await tool(folder, 'verify', data, ...NETWORK, '--json')
      assert.deepEqual([verified.code, verified.json().valid, verified.json().height], [0, true, 4])
    }
  })

  it('an exported log and the proof of a message are valid', async () => {
    const folder = await folderOf('sequencer', {})
    const log = await tool(folder, 'verify', 'log.tallystick', ...NETWORK, '--json')
    assert.deepEqual([log.code, log.json().valid, log.json().size], [0, true, 20], log.stderr)
    const proof = await tool(folder, 'verify', 'proof.tlog', ...NETWORK, '--json')
    assert.deepEqual([proof.code, proof.json().valid], [0, true], proof.stderr)
    const data = await tool(folder, 'verify', 'sequencer-data', ...NETWORK, '--json')
    assert.deepEqual([data.code, data.json().valid, data.json().height], [0, true, 3], data.stderr)
  })

  it('a ledger in a sequencer’s order goes on with its folders and balances', async () => {
    const folder = await folderOf('ledger', {
      'sequencer.key': 'sequencer',
      'follower.key': 'follower',
      'client.key': 'client'
    })
    const exported = await tool(folder, 'verify', 'log.tallystick', ...NETWORK, '--json')
    assert.deepEqual([exported.code, exported.json().valid], [0, true], exported.stderr)
    const sequencer = await started(folder, [
      ...['--role', 'sequencer', '--key', 'sequencer.key', '--data', 'sequencer-data'],
      ...['--listen', LOOPBACK]
    ])
    const address = addressOf(sequencer)
    const transfer = JSON.stringify({ to: nameOf(await identity('other')), amount: '3', fee: '1' })
    const client = Program.start(
      cleanup,
      folder,
      [
        ...['--role', 'client', '--key', 'client.key', '--data', 'client-data', '--connect', address],
        ...NETWORK,
        '--stdin',
        '--json'
      ],
      `${transfer}\n`.repeat(3)
    )
    assert.equal((await client.exit()).code, 0, client.stderr.join('\n'))
    assert.equal(client.of('summary')[0]?.accepted, 3)
    assert.deepEqual(await count(folder, address), { count: 4, size: 12, pending: 0 })
    const follower = await started(folder, [
      ...['--role', 'follower', '--key', 'follower.key', '--data', 'follower-data'],
      ...['--connect', address]
    ])
    await follower.until('the follower has block 4', () =>
      follower.of('block').some(block => block.height === 4)
    )
    await stopped(follower)
    await stopped(sequencer)
    const verified = await tool(folder, 'verify', 'follower-data', ...NETWORK, '--json')
    assert.deepEqual([verified.code, verified.json().valid, verified.json().size], [0, true, 12])
  })

  it('a miner goes on with its folder, and its exported chain is valid', async () => {
    const folder = await folderOf('work', { 'miner.key': 'miner' })
    const exported = await tool(folder, 'verify', 'log.tallystick', ...NETWORK, '--json')
    assert.deepEqual([exported.code, exported.json().valid], [0, true], exported.stderr)
    const miner = await started(folder, [
      ...['--role', 'miner', '--key', 'miner.key', '--data', 'miner-data', '--listen', LOOPBACK],
      ...['--no-connect', '--mine', '1']
    ])
    await miner.until('it mines on', () => miner.of('block').some(block => block.height === 3))
    await stopped(miner)
  })

  it('a set of transfers with no order is as it was', async () => {
    const folder = await folderOf('none', { 'follower.key': 'follower' })
    const exported = await tool(folder, 'verify', 'set.tallystick', ...NETWORK, '--json')
    assert.deepEqual([exported.code, exported.json().valid], [0, true], exported.stderr)
    const follower = await started(folder, [
      ...['--role', 'follower', '--key', 'follower.key', '--data', 'follower-data', '--listen', LOOPBACK],
      '--no-connect'
    ])
    const shown = await tool(
      folder,
      'account',
      nameOf(await identity('other')),
      ...NETWORK,
      '--connect',
      addressOf(follower),
      '--json'
    )
    assert.equal(JSON.parse(shown.stdout).balance, '15', shown.stderr)
    await stopped(follower)
  })
})
