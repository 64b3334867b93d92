import assert from 'node:assert/strict'
import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { present } from '../helpers/changes.js'
import { openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity, makeNetwork } from '../helpers/networks.js'
import { Program, writeSequencerFiles } from '../helpers/program.js'

describe('a place where a peer can keep nothing', () => {
  const cleanup = new Cleanup(afterEach)

  async function home(): Promise<string> {
    const folder = await cleanup.folder()
    // The network document alone is more than a block of the disk.
    const members = await Promise.all(Array.from({ length: 20 }, (_, index) => identity(`member ${index}`)))
    await writeSequencerFiles(folder, await makeNetwork({ members }))
    // A client that is no member is told so first.
    await writeFile(join(folder, 'client.key'), privateKeyToProtobuf(present(members[0])), { mode: 0o600 })
    return folder
  }

  function start(folder: string, role: string, data: string, fileBlocks?: number): Program {
    const files = ['--network', 'network.json', '--key', `${role}.key`, '--data', data]
    const args = ['--role', role, ...files, '--listen', '/ip4/127.0.0.1/tcp/0', '--no-connect', '--json']
    return Program.start(cleanup, folder, args, undefined, {}, fileBlocks)
  }

  /** It ends with this sentence, and not as of a defect. */
  async function says(program: Program, sentence: RegExp): Promise<void> {
    assert.deepEqual(await program.exit(), { code: 1, signal: null }, program.stderr.join('\n'))
    assert.match(program.stderr.at(-1) ?? '', sentence)
    assert.deepEqual(program.of('started'), [])
  }

  it('as its disk is full, is told with the cause and what to do: the data folder, and what is kept beside a key', async function () {
    // Windows has no limit on the size of a file.
    if (process.platform === 'win32') return this.skip()
    await says(
      start(await home(), 'follower', 'data', 1),
      /^error: the database in data cannot be written or read \(LEVEL_IO_ERROR: File too large, at data\/.*\); make it writable, with room on its disk, and start again/
    )
    await says(
      start(await home(), 'client', 'data', 1),
      /^error: it cannot be written down in .*client\.signed.* \(LEVEL_IO_ERROR: File too large, at .*\); make it writable, with room on its disk, or move it/
    )
  })

  it('as a file is in the way, or nothing can be made there, is told with the cause and what to do', async function () {
    const folder = await home()
    await writeFile(join(folder, 'file'), 'kept')
    for (const data of ['file', 'file/in/it'])
      await says(
        start(folder, 'follower', data),
        /\(ENOTDIR: a file is where a folder must be\); name a folder that this user can write with --data DIR$/
      )
    // Linux alone has /proc.
    if (process.platform !== 'linux') return this.skip()
    await says(
      start(folder, 'follower', '/proc/nowhere'),
      /^error: \/proc\/nowhere cannot be made as a folder \(ENOENT: nothing can be made there\); name another place$/
    )
  })

  it('as this user may not write there, is told with the cause and what to do', async function () {
    // Root may write anywhere.
    if (process.getuid?.() === 0) return this.skip()
    const folder = await home()
    await mkdir(join(folder, 'data'))
    await chmod(join(folder, 'data'), 0o555)
    cleanup.add(() => chmod(join(folder, 'data'), 0o755))
    await says(start(folder, 'follower', 'data'), /\(.*[Pp]ermission.*\); /)
  })

  it('as another process has its lock, is told with what to do, and that process goes on', async () => {
    const folder = await home()
    const first = start(folder, 'follower', 'data')
    await first.times('started', 1)
    await says(
      start(folder, 'follower', 'data'),
      /^error: the key follower\.key is in use by another process in this network.*; stop that one, or give this one a key/
    )
    await first.kill('SIGTERM')
    const held = await openDatabase(join(folder, 'data'))
    cleanup.add(() => held.close())
    await says(
      start(folder, 'follower', 'data'),
      /^error: data is in use by another process; stop that one, or give this one a folder of its own with --data DIR/
    )
    assert.notEqual(await held.get(Uint8Array.of(0x6e)), undefined)
  })

  it('as a file of its database is missing, is told with the file, what that means and what to do', async () => {
    const folder = await home()
    const first = start(folder, 'follower', 'data')
    await first.times('started', 1)
    await first.kill('SIGTERM')
    const names = await readdir(join(folder, 'data'))
    await rm(join(folder, 'data', present(names.find(name => name.startsWith('MANIFEST')))))
    await says(
      start(folder, 'follower', 'data'),
      /^error: data\/MANIFEST-\d+ is missing: CURRENT names it as the manifest; delete data, and its blocks are fetched again$/
    )
  })
})
