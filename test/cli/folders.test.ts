import assert from 'node:assert/strict'
import { chmod, cp, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { networkIn } from '#src/chain/store.js'
import { FOLDER_KINDS, type FolderKind } from '#src/cli/files/folder-contents.js'
import { claimFolder, type FolderOwner } from '#src/cli/files/folder-owner.js'
import { withOwnedFolder } from '#src/cli/files/owned-folder.js'
import { withReadOnly } from '#src/cli/files/reading-folder.js'
import { Outbox } from '#src/client/outbox.js'
import { signerOf } from '#src/core/keys.js'
import { Author } from '../helpers/authors.js'
import { present } from '../helpers/changes.js'
import { checkPeer, openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { folderBytes } from '../helpers/folder-bytes.js'
import { makeNetwork, type TestNetwork } from '../helpers/networks.js'
import { ProducingLog } from '../helpers/producing-log.js'
import { Program, SEQUENCER_OPTIONS, tool, toolWith, writeSequencerFiles } from '../helpers/program.js'

const BLOCK_SIZE = 20
const MESSAGES = 50
const ANY_PORT = ['--listen', '/ip4/127.0.0.1/tcp/0'] as const

/** A sequencer's folder with two blocks in tables, and ten messages in no block in the write-ahead log. */
async function fillLog(folder: string, net: TestNetwork): Promise<void> {
  const messages = (await Author.create(net, 'alice')).says(MESSAGES)
  for (const upTo of [2 * BLOCK_SIZE, MESSAGES]) {
    // Each open moves the log into a table.
    const database = await openDatabase(folder)
    const log = await ProducingLog.start(net, database)
    for (const message of messages.slice(0, upTo)) log.queue.add(message)
    await log.reaches(upTo === MESSAGES ? MESSAGES - 2 * BLOCK_SIZE : upTo, upTo === MESSAGES ? 0 : 2)
    await log.close()
    await database.close()
  }
}

describe('a data folder that is only looked at', () => {
  const cleanup = new Cleanup(after)
  let net: TestNetwork
  let home: string
  let sound: string

  before(async () => {
    net = await makeNetwork({ blockSize: BLOCK_SIZE })
    home = await cleanup.folder()
    await writeSequencerFiles(home, net)
    sound = join(home, 'sound')
    await mkdir(sound)
    await fillLog(sound, net)
  })

  async function copyOf(name: string): Promise<string> {
    const copy = join(home, name)
    await cp(sound, copy, { recursive: true, preserveTimestamps: true })
    return copy
  }

  /** What verify and export find there; the folder is the same before and after, and no temporary folder is left. */
  async function lookAt(folder: string): Promise<{ readonly pending: unknown; readonly exported: string }> {
    const temporary = await cleanup.folder()
    const before = await folderBytes(folder)
    const verified = await toolWith(
      { TMPDIR: temporary },
      home,
      ...['verify', folder, '--network', 'network.json', '--json']
    )
    assert.equal(verified.code, 0, verified.stderr + verified.stdout)
    const { valid, height, size, pending } = { pending: undefined, ...verified.json() }
    assert.deepEqual([valid, height, size], [true, 2, 2 * BLOCK_SIZE])
    const exported = await toolWith(
      { TMPDIR: temporary },
      home,
      ...['export', 'log.tally', '--force', '--from', folder, '--network', 'network.json', '--json']
    )
    assert.equal(exported.code, 0, exported.stderr)
    assert.equal(await folderBytes(folder), before, 'not a byte was written')
    assert.deepEqual(await readdir(temporary), [])
    return { pending, exported: (await readFile(join(home, 'log.tally'))).toString('hex') }
  }

  it('verify and export --from write nothing into it, also where nothing can be written there', async () => {
    const looked = await lookAt(await copyOf('writable'))
    assert.equal(looked.pending, MESSAGES - 2 * BLOCK_SIZE)
    const readOnly = await copyOf('read-only')
    for (const name of await readdir(readOnly)) await chmod(join(readOnly, name), 0o444)
    await chmod(readOnly, 0o555)
    cleanup.add(() => chmod(readOnly, 0o755))
    assert.deepEqual(await lookAt(readOnly), looked)
  })

  it('a torn last write is no obstacle, and is left as it is', async () => {
    const torn = await copyOf('torn')
    const log = present((await readdir(torn)).find(name => name.endsWith('.log')))
    const bytes = await readFile(join(torn, log))
    await truncate(join(torn, log), bytes.length - 5)
    assert.ok(Number((await lookAt(torn)).pending) < MESSAGES - 2 * BLOCK_SIZE)
  })

  it('tables that do not belong to it are not written to, as an older copy over a newer folder has them', async () => {
    const folder = await copyOf('overlaid')
    const tables = (await readdir(folder)).filter(name => name.endsWith('.ldb'))
    // LevelDB is about to make a table of the log, under one of the next numbers.
    for (let number = 1; number < 40; number += 1) {
      const name = `${String(number).padStart(6, '0')}.ldb`
      if (!tables.includes(name)) await writeFile(join(folder, name), `left over ${number}`)
    }
    const before = await folderBytes(folder)
    await withReadOnly(folder, async database => assert.notEqual(await networkIn(database), undefined))
    assert.equal(await folderBytes(folder), before)
  })

  it('that a running peer has open is refused, and the peer goes on', async () => {
    const data = await copyOf('running')
    const holder = await openDatabase(data)
    cleanup.add(() => holder.close())
    const { code, stderr } = await tool(home, 'verify', data, '--network', 'network.json')
    assert.equal(code, 1)
    assert.match(stderr, /running is in use by a peer that runs; stop it, or name its multiaddr/)
    assert.notEqual(await holder.get(Uint8Array.of(0x6e)), undefined)
  })

  it('whose files come and go under a running peer is said to be in use, by an audit and by a start, and never to be damaged', async () => {
    const data = await copyOf('changing')
    const holder = await openDatabase(data)
    cleanup.add(() => holder.close())
    // As between a look at the manifest and a look at the tables.
    for (const name of await readdir(data)) if (name.endsWith('.ldb')) await rm(join(data, name))
    const audit = await tool(home, 'verify', data, '--network', 'network.json')
    assert.match(audit.stderr, /changing is in use by a peer that runs/)
    const script = `
      import { openDatabase } from ${JSON.stringify(new URL('../../../dist/cli/files/files.js', import.meta.url).href)}
      await openDatabase(process.argv[1]).catch(error => console.error(error.message))`
    const start = Program.startScript(cleanup, home, script, [data])
    await start.says(/changing is in use by another process/)
  })

  it('the temporary folder is gone also where SIGINT ends the audit', async () => {
    const temporary = await cleanup.folder()
    const folder = await copyOf('interrupted')
    const script = `
      import { withReadOnly } from ${JSON.stringify(new URL('../../../dist/cli/files/reading-folder.js', import.meta.url).href)}
      await withReadOnly(process.argv[1], async () => {
        console.error('reading')
        await new Promise(resolve => setTimeout(resolve, 60_000))
      })`
    const child = Program.startScript(cleanup, home, script, [folder], { TMPDIR: temporary })
    await child.says(/reading/)
    assert.equal((await readdir(temporary)).length, 1)
    assert.deepEqual(await child.kill('SIGINT'), { code: null, signal: 'SIGINT' })
    assert.deepEqual(await readdir(temporary), [])
  })

  it('without a place for temporary files, verify says what to do, and so does a start that has to recognize the folder', async () => {
    for (const place of ['not-there', 'network.json']) {
      const ran = await toolWith(
        { TMPDIR: join(home, place) },
        home,
        ...['verify', sound, '--network', 'network.json']
      )
      assert.equal(ran.code, 1)
      assert.match(
        ran.stderr,
        /^error: no temporary folder can be made in .*; name another place with .*TMPDIR\n$/
      )
    }
    const started = Program.start(
      cleanup,
      home,
      [...SEQUENCER_OPTIONS, ...ANY_PORT, '--data', await copyOf('started')],
      undefined,
      { TMPDIR: join(home, 'not-there') }
    )
    assert.equal((await started.exit()).code, 1)
    assert.match(started.stderr.join('\n'), /^error: no temporary folder can be made in/)
  })

  it('that is not there, or is no folder, is told in a sentence by each command that takes one', async () => {
    for (const name of ['not-there', 'network.json'])
      for (const command of [
        ['export', 'out.tally', '--evidence', '--from', name],
        ['export', 'out.tally', '--from', name],
        ['verify', name]
      ]) {
        const ran = await tool(home, ...command, '--network', 'network.json')
        assert.ok(ran.code === 1 || ran.code === 2, ran.stderr)
        assert.match(ran.stderr, /^error: .*\n$/, command.join(' '))
        assert.doesNotMatch(ran.stderr, /a defect of tallystick/)
      }
  })

  it('any file of the database that is missing is named, by verify and by a start, and nothing is written', async () => {
    const names = (await readdir(sound)).filter(name => /^(CURRENT|MANIFEST-.*|.*\.log|.*\.ldb)$/.test(name))
    assert.ok(names.some(name => name.endsWith('.log')) && names.some(name => name.endsWith('.ldb')))
    for (const name of names) {
      const folder = await copyOf(`without-${name}`)
      await rm(join(folder, name))
      const before = await folderBytes(folder)
      const missing = new RegExp(`${name.replace('.', '\\.')} is missing`)
      await assert.rejects(
        withReadOnly(folder, async () => undefined),
        missing
      )
      const owner = { kind: 'sequencer', network: net.network, peerId: net.sequencer } as const
      const start = withOwnedFolder(folder, owner, async () => undefined)
      await assert.rejects(start, missing)
      await assert.rejects(
        start,
        /do not delete .*signs a position a second time convicts itself.*tallystick restore/
      )
      assert.equal(await folderBytes(folder), before)
    }
    const folder = join(home, 'without-log')
    await cp(sound, folder, { recursive: true })
    await rm(join(folder, present(names.find(name => name.endsWith('.log')))))
    const { code, stderr } = await tool(home, 'verify', folder, '--network', 'network.json')
    assert.equal(code, 1)
    assert.match(stderr, /\d+\.log is missing: it is the write-ahead log/)
  })

  it('a damaged file is named by verify with its folder, and with what to do', async () => {
    const folder = await copyOf('corrupt')
    const table = present((await readdir(folder)).find(name => name.endsWith('.ldb')))
    const bytes = await readFile(join(folder, table))
    await writeFile(
      join(folder, table),
      bytes.map(byte => byte ^ 0xff)
    )
    const { code, stderr } = await tool(home, 'verify', folder, '--network', 'network.json')
    assert.equal(code, 1)
    assert.match(
      stderr,
      /the database in .*corrupt is damaged \(.*\); start its peer on it, which says how to mend it/
    )
  })

  it('a table of another length than the manifest says is named', async () => {
    const folder = await copyOf('short-table')
    const table = present((await readdir(folder)).find(name => name.endsWith('.ldb')))
    await truncate(join(folder, table), 100)
    await assert.rejects(
      withReadOnly(folder, async () => undefined),
      /\.ldb is damaged: it has 100 bytes and must have \d+/
    )
  })

  it('a folder that was never opened, and one that was opened at any time, miss nothing', async () => {
    const folder = join(home, 'new')
    await mkdir(folder)
    const owner = { kind: 'follower', network: net.network } as const
    for (let time = 0; time < 4; time += 1)
      await withOwnedFolder(folder, owner, database =>
        database.put(Uint8Array.of(0x6e), net.network.canonical)
      )
  })
})

describe('whose a data folder is', () => {
  const cleanup = new Cleanup(after)
  let net: TestNetwork
  let other: TestNetwork
  let home: string

  before(async () => {
    net = await makeNetwork({ blockSize: BLOCK_SIZE })
    other = await makeNetwork({ name: 'another' })
    home = await cleanup.folder()
  })

  const ownerOf = (kind: FolderKind, { network, sequencer } = net): FolderOwner => ({
    kind,
    network,
    ...((kind === 'sequencer' || kind === 'client') && { peerId: sequencer })
  })

  it('is written in it: every other role, network and identity refuses it before it writes anything', async () => {
    const bob = (await Author.create(net, 'bob')).peerId
    for (const kind of FOLDER_KINDS) {
      const folder = join(home, kind)
      await withOwnedFolder(folder, ownerOf(kind), async () => undefined)
      const before = await folderBytes(folder)
      const strangers = [
        ...FOLDER_KINDS.filter(each => each !== kind).map(each => ownerOf(each)),
        ownerOf(kind, other),
        ...(kind === 'client' ? [{ ...ownerOf(kind), peerId: bob }] : [])
      ]
      for (const stranger of strangers)
        await assert.rejects(
          withOwnedFolder(folder, stranger, async () => assert.fail('it was opened')),
          /is the folder of .* and this peer needs the folder of .*nothing was written there/
        )
      assert.equal(await folderBytes(folder), before)
      await withOwnedFolder(folder, ownerOf(kind), async () => undefined)
    }
  })

  it('is recognized where an earlier version wrote it: refused to others, taken and marked by its owner', async () => {
    const logs = join(home, 'old-sequencer')
    await mkdir(logs)
    await fillLog(logs, net)
    const outbox = join(home, 'old-client')
    await mkdir(outbox)
    const alice = await Author.create(net, 'alice')
    const database = await openDatabase(outbox)
    const messages = await Outbox.open(database, net.network, signerOf(alice.key), () => Date.now())
    await messages.add([{ body: new Uint8Array(2) }], 'open')
    await database.close()
    for (const [folder, owner] of [
      [logs, ownerOf('sequencer')],
      [outbox, { ...ownerOf('client'), peerId: alice.peerId }]
    ] as const) {
      const before = await folderBytes(folder)
      const kinds = FOLDER_KINDS.filter(kind => kind !== owner.kind).map(kind => ownerOf(kind))
      const others = [...kinds, ownerOf(owner.kind, other)]
      if (owner.kind === 'client') others.push(ownerOf('client'))
      for (const each of others) {
        await assert.rejects(claimFolder(folder, each), /nothing was written there/)
        assert.equal(await folderBytes(folder), before, `${owner.kind} for ${each.kind}`)
      }
      await claimFolder(folder, owner)
      assert.match(await readFile(join(folder, 'OWNER.json'), 'utf8'), new RegExp(`"kind":"${owner.kind}"`))
    }
  })

  it('that holds foreign files is refused by each role: no file is written, no mode changed', async () => {
    const modesIn = (folder: string): Promise<number[]> =>
      Promise.all(['.', 'notes.txt'].map(async name => (await stat(join(folder, name))).mode & 0o777))
    for (const kind of FOLDER_KINDS)
      for (const isTools of [false, true]) {
        const folder = join(home, `foreign-${kind}-${isTools}`)
        await mkdir(folder)
        await writeFile(join(folder, 'notes.txt'), 'mine')
        // An empty database makes no other folder of it.
        if (isTools) await (await openDatabase(folder)).close()
        await chmod(folder, 0o755)
        const [before, modes] = [await folderBytes(folder), await modesIn(folder)]
        await assert.rejects(
          withOwnedFolder(folder, ownerOf(kind), async () => assert.fail('it was opened')),
          /is not empty, and it is not the folder of a peer \(it holds notes\.txt\); nothing was written there: name an empty folder/
        )
        assert.equal(await folderBytes(folder), before)
        assert.deepEqual(await modesIn(folder), modes)
      }
    // What a crash leaves before the record has its name, and what a file system has at its root, are in no peer's way.
    const begun = join(home, 'begun')
    await mkdir(join(begun, 'lost+found'), { recursive: true })
    await writeFile(join(begun, 'OWNER.json.0123456789abcdef.tmp'), '')
    await claimFolder(begun, ownerOf('client'))
  })

  it('a record that is damaged is no record of anybody', async () => {
    const folder = join(home, 'damaged')
    await claimFolder(folder, ownerOf('follower'))
    for (const text of ['', '{}', '{"tallystick":1,"kind":"king","network":"","networkName":""}', 'null']) {
      await writeFile(join(folder, 'OWNER.json'), text)
      await assert.rejects(claimFolder(folder, ownerOf('follower')), /does not say whose folder this is/)
    }
  })

  it('holds between the programs: a client refuses a sequencer’s folder, a sequencer a client’s, and the tool both', async () => {
    const folder = await cleanup.folder()
    await writeSequencerFiles(folder, net)
    const sequencer = Program.start(cleanup, folder, [...SEQUENCER_OPTIONS, ...ANY_PORT])
    await sequencer.times('started', 1)
    const connect = ['--connect', present(sequencer.of('started')[0]?.addresses?.[0])]
    const client = ['--role', 'client', '--network', 'network.json', '--json', ...connect]
    const sent = Program.start(cleanup, folder, [...client, '--data', 'client', '--stdin'], 'hello\n')
    assert.deepEqual(await sent.exit(), { code: 0, signal: null }, sent.stderr.join('\n'))
    await sequencer.kill('SIGTERM')
    const [log, outbox] = [
      await folderBytes(join(folder, 'sequencer')),
      await folderBytes(join(folder, 'client'))
    ]
    // The tool keeps what it has seen in no peer's folder, whether the peer runs or not.
    for (const [data, whose] of [
      ['sequencer', 'the sequencer'],
      ['client', 'the client']
    ] as const) {
      const counted = await tool(folder, 'count', '--network', 'network.json', '--data', data, ...connect)
      assert.equal(counted.code, 1)
      assert.match(
        counted.stderr,
        new RegExp(`error: ${data} is the folder of ${whose} .*nothing was written there: .*--data DIR`)
      )
    }
    assert.deepEqual(
      (await readdir(join(folder, 'sequencer'))).filter(name => name.startsWith('head-')),
      []
    )
    const wrongClient = Program.start(
      cleanup,
      folder,
      [...client, '--data', 'sequencer', '--stdin'],
      'hello\n'
    )
    assert.deepEqual(await wrongClient.exit(), { code: 1, signal: null })
    await wrongClient.says(/error: sequencer is the folder of the sequencer \S+ in the network/)
    const options = SEQUENCER_OPTIONS.map((option, index) =>
      SEQUENCER_OPTIONS[index - 1] === '--data' ? 'client' : option
    )
    const wrongSequencer = Program.start(cleanup, folder, [...options, ...ANY_PORT])
    assert.deepEqual(await wrongSequencer.exit(), { code: 1, signal: null })
    await wrongSequencer.says(/error: client is the folder of the client \S+ in the network/)
    assert.deepEqual(
      [await folderBytes(join(folder, 'sequencer')), await folderBytes(join(folder, 'client'))],
      [log, outbox]
    )
    await checkPeer(join(folder, 'sequencer'), net, { openingKeys: 'sealed' })
  })
})
