import assert from 'node:assert/strict'
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SequencerMark } from '#src/chain/signed-mark.js'
import { claimFolder } from '#src/cli/files/folder-owner.js'
import { makeIdentity } from '#src/cli/files/key-files.js'
import { withMark } from '#src/cli/files/marks.js'
import { expectPrivate } from '#src/cli/files/private-folder.js'
import { createFile, replaceFile } from '#src/cli/files/written-files.js'
import { signerOf } from '#src/core/keys.js'
import { makeControlPath, removeControlPath } from '#tools/manager/control-path.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork } from '../helpers/networks.js'
import { RunningSequencer } from '../helpers/peers.js'
import { Program, tool, writeSequencerFiles } from '../helpers/program.js'

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8)
}

describe("a client's folder", () => {
  const cleanup = new Cleanup(afterEach)

  async function run(folder: string, address: string): Promise<Program> {
    const args = ['--role', 'client', '--network', 'network.json', '--key', 'client.key', '--data', 'data']
    const more = ['--connect', address, '--rate', '20', '--duration', '1', '--json']
    const program = Program.start(cleanup, folder, [...args, ...more])
    assert.equal((await program.exit()).code, 0, program.stderr.join('\n'))
    return program
  }

  /** The client's database, or the one beside its key. */
  async function assertPrivate(data: string): Promise<void> {
    assert.equal(await modeOf(data), '700')
    const names = await readdir(data)
    assert.ok(
      names.some(name => name.endsWith('.log')),
      'the database is there'
    )
    for (const name of names) assert.equal((await stat(join(data, name))).mode & 0o077, 0, name)
  }

  it('is its owner’s alone, and so is each file in it; one of an earlier version is made so, and the client says it', async () => {
    const net = await makeNetwork({ blockSize: 10 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const folder = await cleanup.folder()
    await writeSequencerFiles(folder, net)
    const data = join(folder, 'data')
    await run(folder, sequencer.address)
    await assertPrivate(data)
    await chmod(data, 0o755)
    for (const name of await readdir(data)) await chmod(join(data, name), 0o644)
    const again = await run(folder, sequencer.address)
    assert.match(again.stderr.join('\n'), /data could be read by others; it is its owner's alone now/)
    await assertPrivate(data)
  })

  it('is its owner’s alone where a command sends one message, too', async () => {
    const net = await makeNetwork({ blockSize: 10 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const folder = await cleanup.folder()
    await writeSequencerFiles(folder, net)
    const files = ['--network', 'network.json', '--key', 'client.key', '--data', 'data']
    const { code, stderr } = await tool(folder, 'submit', 'a text', ...files, '--connect', sequencer.address)
    assert.equal(code, 0, stderr)
    await assertPrivate(join(folder, 'data'))
    const marks = join(folder, 'client.signed')
    assert.equal(await modeOf(marks), '700')
    const [mark = ''] = await readdir(marks)
    await assertPrivate(join(marks, mark))
  })

  it('gets other modes for its database’s files alone, whatever else lies in it', async () => {
    const folder = await cleanup.folder()
    const names = ['000003.log', 'CURRENT', 'LOCK', 'LOG', 'notes.txt', 'script.sh']
    for (const name of names) await writeFile(join(folder, name), '')
    for (const name of names) await chmod(join(folder, name), 0o755)
    await chmod(folder, 0o755)
    await expectPrivate(folder)
    assert.equal(await modeOf(folder), '700')
    const modes = await Promise.all(names.map(name => modeOf(join(folder, name))))
    assert.deepEqual(modes, ['600', '600', '600', '600', '755', '755'])
  })

  it('is refused with the command that mends it where it cannot be made private', async () => {
    await assert.rejects(expectPrivate('/proc/self'), {
      message: /can be read by others.*chmod 700 \/proc\/self/
    })
  })
})

describe('files that the program makes', () => {
  const cleanup = new Cleanup(afterEach)

  it('are new ones: a link that lies at their place or beside it is not written through', async () => {
    const folder = await cleanup.folder()
    const victim = join(folder, 'victim')
    await writeFile(victim, 'as it was')
    for (const name of ['made', 'replaced']) {
      const path = join(folder, name)
      await symlink(victim, `${path}.${process.pid}.tmp`)
      await symlink(victim, path)
    }
    await assert.rejects(createFile(join(folder, 'made'), 'a secret', 0o600), /exists already/)
    await replaceFile(join(folder, 'replaced'), 'a secret', 0o600)
    assert.equal(await readFile(join(folder, 'replaced'), 'utf8'), 'a secret')
    assert.equal(await modeOf(join(folder, 'replaced')), '600')
    // So long that the socket's path stands in a file.
    const deep = join(folder, 'd'.repeat(120))
    await mkdir(deep)
    const first = makeControlPath(deep)
    const [pointer = ''] = await readdir(deep)
    removeControlPath(deep, first)
    await symlink(victim, join(deep, pointer))
    const second = makeControlPath(deep)
    assert.equal(await readFile(join(deep, pointer), 'utf8'), second)
    removeControlPath(deep, second)
    assert.equal(await readFile(victim, 'utf8'), 'as it was')
  })

  it('lie in folders that no other user can write into, whatever the mask of the process, and what a key has signed in one for its owner alone', async () => {
    const net = await makeNetwork()
    const home = await cleanup.folder()
    const key = join(home, 'keys', 'sequencer.key')
    const mask = process.umask(0)
    try {
      const identity = await makeIdentity(key)
      const { peerId } = signerOf(identity)
      await withMark({ key, peerId, network: net.network }, SequencerMark.open, async () => undefined)
      await claimFolder(join(home, 'data'), { kind: 'follower', network: net.network })
    } finally {
      process.umask(mask)
    }
    const marks = join(home, 'keys', 'sequencer.signed')
    const [mark = ''] = await readdir(marks)
    const modes = await Promise.all(
      [join(home, 'keys'), join(home, 'data'), marks, join(marks, mark)].map(modeOf)
    )
    assert.deepEqual(modes, ['755', '755', '700', '700'])
  })

  it('no part of the program opens a file for writing in another way', async () => {
    const root = fileURLToPath(new URL('../../../', import.meta.url))
    const folders = ['src', 'tools'].map(async folder =>
      (await readdir(join(root, folder), { recursive: true })).map(name => join(folder, name))
    )
    const names = (await Promise.all(folders)).flat().filter(name => name.endsWith('.ts'))
    let found = 0
    for (const name of names) {
      const source = await readFile(join(root, name), 'utf8')
      for (const [call] of source.matchAll(/\b(?:writeFile|writeFileSync|createWriteStream)\([^\n]*/g)) {
        found += 1
        assert.match(call, /flags?: 'wx'/, `${name}: ${call}`)
      }
      assert.doesNotMatch(source, /\b(?:appendFile|appendFileSync|openSync)\(|\bopen\([^)\n]*, '[wa]/, name)
    }
    assert.ok(found > 3)
  })
})
