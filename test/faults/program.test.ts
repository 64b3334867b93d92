import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bindToNetwork } from '#src/chain/store.js'
import { makeEncryptionKey, makeIdentity } from '#src/cli/files/key-files.js'
import { peerIdToString } from '#src/core/keys.js'
import { expectChain } from '#src/core/network.js'
import { networkOf } from '#src/rules/network-document.js'
import { deadline, present } from '../helpers/changes.js'
import { checkPeer, openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import {
  identity,
  makeNetwork,
  makeWorkNetwork,
  type NetworkWishes,
  type TestNetwork
} from '../helpers/networks.js'
import { ledgerOf } from '../helpers/payers.js'
import { RunningClient, RunningSequencer } from '../helpers/peers.js'
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

interface WrongStart {
  readonly what: string
  readonly code: 1 | 2
  /** What its one sentence must say. */
  readonly says: RegExp
  /** Makes the folder what the case needs, and gives the options. */
  readonly prepare: (folder: string, net: TestNetwork, cleanup: Cleanup) => Promise<readonly string[]>
}

function usage(what: string, args: readonly string[], says: RegExp): WrongStart {
  return { what, code: 2, says, prepare: async () => args }
}

/** A sequencer on its files, of which `change` spoils something. */
function sequencerWith(
  what: string,
  code: 1 | 2,
  says: RegExp,
  change: (folder: string, net: TestNetwork, cleanup: Cleanup) => Promise<readonly string[] | undefined>
): WrongStart {
  return {
    what,
    code,
    says,
    prepare: async (folder, net, cleanup) => {
      await writeSequencerFiles(folder, net)
      return [...SEQUENCER_OPTIONS, ...((await change(folder, net, cleanup)) ?? ANY_PORT)]
    }
  }
}

/** Turns one bit of a file over; in PEM it puts another letter of base64 there. */
async function changeByte(path: string, index: number): Promise<undefined> {
  const content = await readFile(path)
  const letter = content[index] ?? 0
  content[index] = path.includes('encryption') ? (letter === 0x41 ? 0x42 : 0x41) : letter ^ 1
  await writeFile(path, content)
  return undefined
}

/** A client with a network document of its own, at a real sequencer of another one. */
function clientOf(what: string, foreign: NetworkWishes, says: RegExp): WrongStart {
  return {
    what,
    code: 1,
    says,
    prepare: async (folder, net, cleanup) => {
      const sequencer = await RunningSequencer.start(cleanup, net)
      await writeSequencerFiles(folder, await makeNetwork(foreign))
      return [...CLIENT_OPTIONS, '--connect', sequencer.address]
    }
  }
}

function clientWithNetworkFile(what: string, content: string, says: RegExp): WrongStart {
  return {
    what,
    code: 1,
    says,
    prepare: async folder => {
      await writeFile(join(folder, 'network.json'), content)
      return CLIENT_OPTIONS
    }
  }
}

const WRONG_STARTS: readonly WrongStart[] = [
  usage('with no role', ['--json'], /required option '--role/),
  usage('with an unknown role', ['--role', 'king'], /king.*sequencer, client/),
  usage('with an unknown option', ['--role', 'client', '--speed', '3'], /--speed/),
  usage(
    'with an address that is none',
    ['--role', 'sequencer', '--listen', 'localhost'],
    /host:port.*multiaddr/
  ),
  usage('with a rate that is no number', ['--role', 'client', '--rate', 'fast'], /number over 0/),
  usage(
    'as a client without a network document',
    ['--role', 'client'],
    /no network document at config\/network.json.*--network FILE/
  ),
  clientWithNetworkFile(
    'with a network file that is no JSON',
    '{',
    /network.json is not a valid network document: it is not JSON/
  ),
  clientWithNetworkFile(
    'with a network document that lacks almost everything',
    '{"tallystick":1}',
    /network.json is not a valid network document: .*name/
  ),
  {
    what: 'with a folder for a network file',
    code: 1,
    says: /network.json cannot be read/,
    prepare: async folder => {
      await mkdir(join(folder, 'network.json'))
      return CLIENT_OPTIONS
    }
  },
  {
    what: 'with a network document whose schema is none',
    code: 1,
    says: /schema/,
    prepare: async (folder, net) => {
      const application = { type: 'messages', schema: { type: 'no' } }
      const network = expectChain(networkOf({ ...net.network.document, application }))
      await writeSequencerFiles(folder, { ...net, network })
      return [...SEQUENCER_OPTIONS, ...ANY_PORT]
    }
  },
  {
    what: "as a sequencer with another key than the network document's",
    code: 2,
    says: /the key in sequencer.key is 12D3Koo\w+, but .* names 12D3Koo\w+/,
    prepare: async (folder, net) => {
      const { key } = await makeNetwork({ sequencer: 'another' })
      await writeSequencerFiles(folder, { ...net, key })
      return [...SEQUENCER_OPTIONS, ...ANY_PORT]
    }
  },
  {
    what: 'as a follower that is to keep no blocks',
    code: 2,
    says: /--verify light is for a client/,
    prepare: async (folder, net) => {
      await writeSequencerFiles(folder, net)
      return ['--role', 'follower', '--network', 'network.json', '--verify', 'light']
    }
  },
  {
    what: 'as a client among equals that is to keep blocks',
    code: 2,
    says: /--verify full is nothing for it.*--role follower/,
    prepare: async folder => {
      const { network } = await makeWorkNetwork()
      await writeFile(join(folder, 'network.json'), JSON.stringify(network.document))
      return [...CLIENT_OPTIONS, '--verify', 'full']
    }
  },
  {
    what: 'as a client whose copy of the chain is of another network',
    code: 1,
    says: /data\/client\/chain is a folder of another network .*nothing was written there: move that folder away/,
    prepare: async (folder, net) => {
      await writeSequencerFiles(folder, net)
      const database = await openDatabase(join(folder, 'data/client/chain'))
      await bindToNetwork(database, (await makeNetwork({ sequencer: 'another' })).network)
      await database.close()
      return [...CLIENT_OPTIONS, '--verify', 'full']
    }
  },
  sequencerWith(
    'with a key file that holds no key',
    1,
    /sequencer.key holds no usable private key/,
    async folder => {
      await writeFile(join(folder, 'sequencer.key'), 'no key', { mode: 0o600 })
      return undefined
    }
  ),
  ...([8, 50] as const).map(byte =>
    sequencerWith(
      `with a key file in whose ${byte < 36 ? 'seed' : 'public half'} one bit has changed`,
      1,
      /sequencer.key holds no usable private key \(.*restore it from a copy/,
      folder => changeByte(join(folder, 'sequencer.key'), byte)
    )
  ),
  sequencerWith(
    'with an encryption key file in which one letter has changed',
    1,
    /sequencer.encryption.key is damaged: it names encryption key \w{16}, and holds key \w{16}; restore it/,
    async folder => {
      const file = join(folder, 'sequencer.encryption.key')
      await makeEncryptionKey(file)
      // Behind the first line, that of PEM, and what is the same in all keys.
      const at = (await readFile(file, 'utf8')).indexOf('-----\n') + 6 + 24
      return changeByte(file, at)
    }
  ),
  {
    what: 'as a client with a key file in whose seed one bit has changed',
    code: 1,
    says: /client.key holds no usable private key \(what it signs does not verify/,
    prepare: async (folder, net) => {
      await writeSequencerFiles(folder, net)
      await makeIdentity(join(folder, 'client.key'))
      await changeByte(join(folder, 'client.key'), 20)
      return [...CLIENT_OPTIONS, '--key', 'client.key']
    }
  },
  sequencerWith('with a key that others can read', 1, /chmod 600 sequencer.key/, async folder => {
    await chmod(join(folder, 'sequencer.key'), 0o644)
    return undefined
  }),
  sequencerWith(
    'as a sequencer on a port that is busy',
    1,
    /address is in use.*--listen/,
    async (_folder, net, cleanup) => {
      const busy = await RunningSequencer.start(cleanup, net)
      return ['--listen', busy.address.replace(/\/p2p\/.*$/, '')]
    }
  ),
  sequencerWith(
    'as a sequencer at an address that this machine does not have',
    1,
    /cannot listen at \/ip4\/192\.0\.2\.1\/tcp\/4100: this machine does not have the address; give one .* with --listen ADDRESS$/m,
    async () => ['--listen', '/ip4/192.0.2.1/tcp/4100']
  ),
  sequencerWith(
    'as a sequencer at an address that is not of TCP',
    2,
    /This program goes over TCP alone, and \/ip4\/udp does not; it must be host:port/m,
    async () => ['--listen', '/ip4/127.0.0.1/udp/4100']
  ),
  ...(process.platform === 'linux' ? ['/proc/nowhere', '/proc/nowhere/in/it'] : []).map(place =>
    sequencerWith(
      `on a data folder in which nothing can be made, ${place}`,
      1,
      /\/proc\/nowhere.* cannot be made as a folder \(ENOENT: nothing can be made there\); name another place$/m,
      async () => ['--data', place]
    )
  ),
  {
    what: "as a client with the sequencer's own key",
    code: 2,
    says: /the key in sequencer.key is the sequencer's, and a client needs a key of its own: name another file with --key FILE/,
    prepare: async (folder, net) => {
      await writeSequencerFiles(folder, net)
      return [...CLIENT_OPTIONS, '--key', 'sequencer.key']
    }
  },
  {
    what: 'as a client whose key is no member',
    code: 2,
    says: /the key in client.key is 12D3KooW\w+, which is no member of ".*", so that its messages would all be refused; name .* with --key FILE$/m,
    prepare: async folder => {
      await writeSequencerFiles(folder, await makeNetwork({ members: [await identity('somebody else')] }))
      await makeIdentity(join(folder, 'client.key'))
      return [...CLIENT_OPTIONS, '--key', 'client.key']
    }
  },
  sequencerWith(
    'on a data folder that another process uses',
    1,
    /sequencer is in use by another process.*--data/,
    async (folder, _net, cleanup) => {
      const database = await openDatabase(join(folder, 'sequencer'))
      cleanup.add(() => database.close())
      return undefined
    }
  ),
  sequencerWith('on a data folder of another network', 1, /another network/, async folder => {
    await filled(folder, (await makeNetwork({ name: 'another' })).network.canonical)
    return undefined
  }),
  sequencerWith('on a data folder that was damaged', 1, /position 0/, async (folder, { network }) => {
    await filled(folder, network.canonical, [Uint8Array.of(0x6d, 0, 0, 0, 0, 0, 0), new Uint8Array(100)])
    return undefined
  }),
  sequencerWith(
    'on a data folder that is a file',
    1,
    /sequencer cannot be opened as a database/,
    async folder => {
      await writeFile(join(folder, 'sequencer'), 'a file')
      return undefined
    }
  ),
  clientOf(
    'as a client of another sequencer than the one at the address',
    { sequencer: 'another' },
    /serves another network/
  ),
  clientOf(
    "as a client of another network than the sequencer's",
    { name: 'another' },
    /serves another network/
  )
]

/** Writes a sequencer's database by hand: its network document, and one more key. */
async function filled(
  folder: string,
  canonical: Uint8Array,
  more?: readonly [Uint8Array, Uint8Array]
): Promise<void> {
  const database = await openDatabase(join(folder, 'sequencer'))
  await database.put(Uint8Array.of(0x6e), canonical)
  if (more) await database.put(...more)
  await database.close()
}

describe('node dist/peer.js, wrongly started', () => {
  const cleanup = new Cleanup(after)
  const ended = new Map<WrongStart, Promise<Program>>()

  // Loading the program takes most of each test: four at a time, each test awaits its own.
  before(async () => {
    const net = await makeNetwork()
    const lanes: Promise<unknown>[] = Array.from({ length: 4 }, () => Promise.resolve())
    for (const [index, start] of WRONG_STARTS.entries()) {
      const folder = await cleanup.folder()
      const lane = index % lanes.length
      const run = present(lanes[lane]).then(async () => {
        const program = Program.start(cleanup, folder, await start.prepare(folder, net, cleanup))
        await program.exit()
        return program
      })
      ended.set(start, run)
      lanes[lane] = run.catch(() => undefined)
    }
  })

  for (const start of WRONG_STARTS)
    it(`${start.what}: says so in one sentence, exit code ${start.code}`, async () => {
      const program = await present(ended.get(start))
      const said = program.stderr.join('\n')
      assert.deepEqual(await program.exit(), { code: start.code, signal: null }, said)
      assert.match(said, start.says)
      assert.doesNotMatch(said, /^ +at /m, 'no stack trace')
      assert.doesNotMatch(said, /a defect of tallystick|node:internal|\[object |undefined/)
      assert.equal(program.stderr.filter(line => line.startsWith('error: ')).length, 1, said)
    })
})

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

  it('as a client of a ledger: executes each block, keeps it, and ends cleanly', async () => {
    const ledger = await makeNetwork({ blockSize: 1, ledger: await ledgerOf({ alice: 10n }) })
    const sequencer = await RunningSequencer.start(cleanup, ledger)
    await writeSequencerFiles(folder, ledger)
    const client = run([...CLIENT_OPTIONS, '--json', '--duration', '0', '--connect', sequencer.address])
    const alice = await RunningClient.connected(cleanup, ledger, sequencer.address, 'alice')
    const to = peerIdToString(ledger.signer.peerId)
    for (const amount of ['1', '2']) await alice.client.send({ to, amount }, deadline())
    await client.times('block', 2)
    assert.equal((await client.kill('SIGTERM')).code, 0)
    const kept = await checkPeer(join(folder, 'data/client/chain'), ledger, { receipts: false })
    assert.equal(kept.height, 2)
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
