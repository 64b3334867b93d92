import assert from 'node:assert/strict'
import { chmod, mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { networkOf } from '#src/core/network-document.js'
import { present } from '../helpers/changes.js'
import { checkPeer, openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork, type TestNetwork } from '../helpers/networks.js'
import { RunningSequencer } from '../helpers/peers.js'
import { Program, SEQUENCER_OPTIONS, writeSequencerFiles } from '../helpers/program.js'

const CLIENT_OPTIONS = [
  '--role',
  'client',
  '--network',
  'network.json',
  '--rate',
  '20',
  '--duration',
  '1'
] as const
const ANY_PORT = ['--listen', '/ip4/127.0.0.1/tcp/0'] as const

describe('node dist/peer.js', () => {
  const cleanup = new Cleanup(afterEach)
  let folder: string
  let net: TestNetwork

  beforeEach(async () => {
    folder = await cleanup.folder()
    net = await makeNetwork()
  })

  function run(args: readonly string[], input?: string): Program {
    return Program.start(cleanup, folder, args, input)
  }

  /** It ends with this exit code and says why in one sentence for people. */
  async function expectError(args: readonly string[], code: 1 | 2, sentence: RegExp): Promise<void> {
    const program = run(args)
    const exit = await program.exit()
    const said = program.stderr.join('\n')
    assert.deepEqual(exit, { code, signal: null }, said)
    assert.match(said, sentence)
    assert.doesNotMatch(said, /^ +at /m, 'no stack trace')
    assert.doesNotMatch(said, /a defect of tallystick|node:internal|\[object |undefined/)
    assert.equal(program.stderr.filter(line => line.startsWith('error: ')).length, 1, said)
  }

  const usage: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['no role', [], /--role/],
    ['an unknown role', ['--role', 'king'], /king.*sequencer, client/],
    ['an unknown option', ['--role', 'client', '--speed', '3'], /--speed/],
    ['an argument that belongs to nothing', ['--role', 'client', 'fast'], /argument/],
    ['an address that is none', ['--role', 'sequencer', '--listen', 'localhost:4100'], /multiaddr/],
    ['a rate that is no number', ['--role', 'client', '--rate', 'fast'], /number over 0/],
    ['a duration below 0', ['--role', 'client', '--duration', '-1'], /whole number/]
  ]
  for (const [what, args, sentence] of usage)
    it(`with ${what}: one clear sentence, exit code 2`, () => expectError(args, 2, sentence))

  it('as a client without a network document: says how to get one, exit code 2', () =>
    expectError(['--role', 'client'], 2, /no network document at config\/network.json.*--network FILE/))

  it('with a network file that is no JSON: one clear sentence, exit code 1', async () => {
    await writeFile(join(folder, 'network.json'), '{')
    await expectError(CLIENT_OPTIONS, 1, /network.json is not a valid network document: it is not JSON/)
  })

  it('with a network document that lacks something: says what, exit code 1', async () => {
    await writeFile(join(folder, 'network.json'), JSON.stringify({ ...net.network.document, limits: {} }))
    await expectError(CLIENT_OPTIONS, 1, /network.json is not a valid network document: \/limits/)
  })

  it('with a network document whose schema is none: says so, exit code 1', async () => {
    const document = { ...net.network.document, application: { type: 'messages', schema: { type: 'no' } } }
    await writeSequencerFiles(folder, { ...net, network: networkOf(document) })
    await expectError([...SEQUENCER_OPTIONS, ...ANY_PORT], 1, /schema/)
  })

  it('with a folder for a network file: one clear sentence, exit code 1', async () => {
    await mkdir(join(folder, 'network.json'))
    await expectError(CLIENT_OPTIONS, 1, /network.json cannot be read/)
  })

  it('with a key file that holds no key: one clear sentence, exit code 1', async () => {
    await writeSequencerFiles(folder, net)
    await writeFile(join(folder, 'sequencer.key'), 'no key', { mode: 0o600 })
    await expectError([...SEQUENCER_OPTIONS, ...ANY_PORT], 1, /sequencer.key holds no usable private key/)
  })

  it('with a key that others can read: says what to do, exit code 1', async () => {
    await writeSequencerFiles(folder, net)
    await chmod(join(folder, 'sequencer.key'), 0o644)
    await expectError([...SEQUENCER_OPTIONS, ...ANY_PORT], 1, /chmod 600 sequencer.key/)
  })

  it("as a sequencer with another key than the network document's: names both, exit code 2", async () => {
    await writeSequencerFiles(folder, {
      ...(await makeNetwork({ sequencer: 'another' })),
      network: net.network
    })
    await expectError(
      [...SEQUENCER_OPTIONS, ...ANY_PORT],
      2,
      /the key is 12D3Koo\w+, but .* names 12D3Koo\w+/
    )
  })

  it('as a sequencer on a port that is busy: one clear sentence, exit code 1', async () => {
    await writeSequencerFiles(folder, net)
    const busy = await RunningSequencer.start(cleanup, net)
    const address = busy.address.replace(/\/p2p\/.*$/, '')
    await expectError([...SEQUENCER_OPTIONS, '--listen', address], 1, /address is in use.*--listen/)
  })

  it('on a data folder that another process uses: says so, exit code 1', async () => {
    await writeSequencerFiles(folder, net)
    const database = await openDatabase(join(folder, 'sequencer'))
    cleanup.add(() => database.close())
    await expectError(
      [...SEQUENCER_OPTIONS, ...ANY_PORT],
      1,
      /sequencer is in use by another process.*--data/
    )
  })

  it('on a data folder of another network: says so, exit code 1', async () => {
    await writeSequencerFiles(folder, net)
    const first = run([...SEQUENCER_OPTIONS, ...ANY_PORT])
    await first.times('started', 1)
    assert.equal((await first.kill('SIGTERM')).code, 0)
    await writeSequencerFiles(folder, await makeNetwork({ name: 'another' }))
    await expectError([...SEQUENCER_OPTIONS, ...ANY_PORT], 1, /another network/)
  })

  it('on a data folder that is a file: one clear sentence, exit code 1', async () => {
    await writeSequencerFiles(folder, net)
    await writeFile(join(folder, 'sequencer'), 'a file')
    await expectError([...SEQUENCER_OPTIONS, ...ANY_PORT], 1, /sequencer cannot be opened as a database/)
  })

  it('on a data folder that was damaged: says where, exit code 1', async () => {
    await writeSequencerFiles(folder, net)
    const database = await openDatabase(join(folder, 'sequencer'))
    await database.put(Uint8Array.of(0x6e), net.network.canonical)
    await database.put(Uint8Array.of(0x6d, 0, 0, 0, 0, 0, 0), new Uint8Array(100))
    await database.close()
    await expectError([...SEQUENCER_OPTIONS, ...ANY_PORT], 1, /position 0/)
  })

  it('as a client of another sequencer than the one at the address: names both, exit code 1', async () => {
    const sequencer = await RunningSequencer.start(cleanup, net)
    await writeSequencerFiles(folder, await makeNetwork({ sequencer: 'another' }))
    await expectError([...CLIENT_OPTIONS, '--connect', sequencer.address], 1, /names 12D3Koo\w+ as sequencer/)
  })

  it("as a client of another network than the sequencer's: says so, exit code 1", async () => {
    const sequencer = await RunningSequencer.start(cleanup, net)
    await writeSequencerFiles(folder, await makeNetwork({ name: 'another' }))
    await expectError([...CLIENT_OPTIONS, '--connect', sequencer.address], 1, /serves another network/)
  })

  it('as a new user runs it: the sequencer makes its network and keys, a client joins and its messages are receipted', async () => {
    const sequencer = run(['--role', 'sequencer', '--json', ...ANY_PORT])
    await sequencer.times('started', 1)
    for (const file of ['keys/sequencer.key', 'keys/sequencer.encryption.key'])
      assert.equal((await stat(join(folder, file))).mode & 0o777, 0o600, file)
    const client = run([
      ...['--role', 'client', '--rate', '100', '--duration', '1', '--json'],
      ...['--connect', present(sequencer.of('started')[0]?.addresses?.[0])]
    ])
    assert.deepEqual(await client.exit(), { code: 0, signal: null }, client.stderr.join('\n'))
    assert.equal(client.of('receipt').length, 100)
    assert.deepEqual(
      client.of('summary').map(({ sent, accepted, refused }) => ({ sent, accepted, refused })),
      [{ sent: 100, accepted: 100, refused: 0 }]
    )
    assert.deepEqual(client.events.map(({ event }) => event).slice(-2), ['summary', 'stopped'])
    await sequencer.times('block', 1)
    assert.equal((await sequencer.kill('SIGTERM')).code, 0)
  })

  it('as a client with --stdin: each line is a message; what does not fit is refused with its reason', async () => {
    const sequencer = await RunningSequencer.start(cleanup, net)
    await writeSequencerFiles(folder, net)
    const lines = ['hello', '{"text":"an object"}', '', '{"texts":1}', '"quoted"', '{"text":"last"}']
    const client = run(
      ['--role', 'client', '--network', 'network.json', '--stdin', '--json', '--connect', sequencer.address],
      lines.join('\n')
    )
    assert.deepEqual(await client.exit(), { code: 0, signal: null }, client.stderr.join('\n'))
    assert.equal(client.of('receipt').length, 4)
    assert.deepEqual(
      client.of('refused').map(({ reason }) => reason),
      ['bad schema']
    )
    await sequencer.stop()
    assert.equal((await checkPeer(sequencer.folder, net)).pending, 4)
  })

  it('as a client with a line of JSON nested 100000 deep: refuses it and goes on with the next line', async () => {
    const sequencer = await RunningSequencer.start(cleanup, net)
    await writeSequencerFiles(folder, net)
    const deep = `{"data":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}},"text":"deep"}`
    const client = run(
      ['--role', 'client', '--network', 'network.json', '--stdin', '--json', '--connect', sequencer.address],
      `${deep}\n{"text":"next"}\n`
    )
    const exit = await client.exit()
    assert.doesNotMatch(client.stderr.join('\n'), /a defect of tallystick/)
    assert.deepEqual(exit, { code: 0, signal: null })
    assert.deepEqual([client.of('refused').length, client.of('receipt').length], [1, 1])
    await sequencer.check()
  })
})
