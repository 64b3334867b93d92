import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, linkSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { rm, symlink } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { Failure, UsageError } from '#src/cli/failure.js'
import { LIMITS } from '#src/core/limits.js'
import { ask } from '#tools/manager/control-client.js'
import { findControlPath } from '#tools/manager/control-path.js'
import { type Answering, ControlServer } from '#tools/manager/control-server.js'
import type { NetworkEvent } from '#tools/manager/events.js'
import { readOutcome } from '#tools/manager/requests.js'
import { present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'

const NETWORK: NetworkEvent = {
  event: 'network',
  folder: '',
  network: '',
  ordering: 'sequencer',
  topology: 'full',
  seed: 1,
  pid: process.pid,
  nodes: 0,
  groups: null
}

/** Answers `status`, and nothing else. */
const status: Answering = async (request, say) => {
  if (request.request !== 'status') throw new UsageError(`no ${request.request} here`)
  say(NETWORK)
}

describe('the control socket', () => {
  const cleanup = new Cleanup(afterEach)

  async function listen(folder: string, answer: Answering = status): Promise<ControlServer> {
    const control = await ControlServer.listen(folder, answer)
    cleanup.add(() => control.close())
    return control
  }

  async function asked(folder: string, request: Parameters<typeof ask>[1]): Promise<NetworkEvent[]> {
    const heard: NetworkEvent[] = []
    await ask(folder, request, event => heard.push(event))
    return heard
  }

  function pathOf(folder: string): string {
    return present(findControlPath(folder), 'the path')
  }

  /** All that comes back for these bytes. */
  async function raw(folder: string, bytes: string): Promise<string> {
    const socket = connect(pathOf(folder))
    socket.on('error', () => undefined)
    let said = ''
    socket.setEncoding('utf8').on('data', text => {
      said += text
    })
    socket.write(bytes)
    await once(socket, 'close')
    return said
  }

  it('is its owner’s alone, whatever the mask of the process', async () => {
    const folder = await cleanup.folder()
    const mask = process.umask(0)
    try {
      const control = await listen(folder)
      assert.equal(process.umask(), 0, 'the mask is as before')
      const { mode } = statSync(pathOf(folder))
      assert.equal(mode & 0o777, 0o600)
      await control.close()
    } finally {
      process.umask(mask)
    }
    assert.equal(existsSync(pathOf(folder)), false)
  })

  it('answers one request, and says why where it refuses', async () => {
    const folder = await cleanup.folder()
    await listen(folder)
    assert.deepEqual(await asked(folder, { request: 'status' }), [NETWORK])
    await assert.rejects(asked(folder, { request: 'heal' }), new UsageError('no heal here'))
  })

  it('tells the code of the error with it; what a manager of another version says has one as well', async () => {
    const folder = await cleanup.folder()
    const refusals = [new Failure('ERR_NOT_SETTLED', 'not yet'), new Error('a defect')]
    await listen(folder, async () => {
      throw refusals.shift() ?? new Error('nothing more is asked')
    })
    const [late, defect] = [{ code: 'ERR_NOT_SETTLED', message: 'not yet' }, { code: 'ERR_PEER_FAILED' }]
    await assert.rejects(asked(folder, { request: 'heal' }), late)
    await assert.rejects(asked(folder, { request: 'heal' }), defect)
    for (const more of [{}, { error: 'ERR_OF_LATER' }]) {
      const outcome = { outcome: 'refused', message: 'no', code: 1, ...more }
      assert.deepEqual(readOutcome(outcome), outcome)
    }
  })

  it('refuses what is no request, at once, and goes on', async () => {
    const folder = await cleanup.folder()
    await listen(folder)
    for (const line of ['', 'status', '{}', '[]', '{"request":"fly"}', '{"request":"mine","node":1}'])
      assert.match(await raw(folder, `${line}\n`), /^\{"outcome":"refused","message":"the request is not/)
    assert.match(await raw(folder, 'x'.repeat(LIMITS.controlBytes + 1)), /a line has more than 65536 bytes/)
    const twice = '{"request":"status"}\n{"request":"status"}\n'
    assert.equal((await raw(folder, twice)).split('\n').length, 3, 'one answer, its outcome, the end')
    assert.deepEqual(await asked(folder, { request: 'status' }), [NETWORK])
  })

  it('takes so many connections at once, and others again when they have gone', async () => {
    const folder = await cleanup.folder()
    await listen(folder)
    const idle: Socket[] = []
    for (let count = 0; count < LIMITS.controlConnections; count += 1) {
      const socket = connect(pathOf(folder))
      await once(socket, 'connect')
      idle.push(socket)
    }
    await assert.rejects(asked(folder, { request: 'status' }), /broke off|ended before/)
    for (const socket of idle) socket.end()
    await Promise.all(idle.map(socket => once(socket.resume(), 'close')))
    assert.deepEqual(await asked(folder, { request: 'status' }), [NETWORK])
  })

  it('is one for each folder: a second manager is told who has it', async () => {
    const folder = await cleanup.folder()
    await listen(folder)
    const other = join(await cleanup.folder(), 'link')
    await symlink(folder, other)
    for (const way of [folder, other])
      await assert.rejects(
        ControlServer.listen(way, status),
        new RegExp(`^Failure: a network runs in .* already, as process ${process.pid}; stop it with`)
      )
    assert.deepEqual(await asked(folder, { request: 'status' }), [NETWORK])
  })

  it('that a dead manager left behind is replaced', async () => {
    const folder = await cleanup.folder()
    const server = createServer().listen(join(folder, 'other.sock'))
    await once(server, 'listening')
    // A socket keeps its inode under another name: nobody listens there once this one is closed.
    linkSync(join(folder, 'other.sock'), join(folder, 'control.sock'))
    server.close()
    await once(server, 'close')
    assert.ok(existsSync(pathOf(folder)))
    await assert.rejects(asked(folder, { request: 'status' }), /^Failure: no network runs in .*network up/)
    await listen(folder)
    assert.deepEqual(await asked(folder, { request: 'status' }), [NETWORK])
  })

  it('takes the place of nothing that is no socket', async () => {
    const folder = await cleanup.folder()
    writeFileSync(pathOf(folder), 'mine')
    await assert.rejects(ControlServer.listen(folder, status), /is no socket/)
    assert.equal(readFileSync(pathOf(folder), 'utf8'), 'mine')
  })

  it('is asked in vain where no network runs, or where something else answers', async () => {
    const folder = await cleanup.folder()
    await assert.rejects(asked(folder, { request: 'status' }), /^Failure: no network runs in/)
    await assert.rejects(asked(join(folder, 'none'), { request: 'status' }), /^Failure: no network runs in/)
    const server = createServer(socket => socket.end('hello\n')).listen(pathOf(folder))
    await once(server, 'listening')
    cleanup.add(async () => {
      server.close()
    })
    await assert.rejects(asked(folder, { request: 'status' }), /it may be of another version/)
    await assert.rejects(ControlServer.listen(folder, status), Failure)
  })

  it('stands elsewhere where the folder has too long a path, in a folder that is its owner’s alone', async () => {
    const folder = join(await cleanup.folder(), 'x'.repeat(100))
    mkdirSync(folder)
    const control = await listen(folder)
    const path = pathOf(folder)
    assert.notEqual(dirname(path), folder)
    assert.equal(statSync(dirname(path)).mode & 0o777, 0o700)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.deepEqual(await asked(folder, { request: 'status' }), [NETWORK])
    await assert.rejects(ControlServer.listen(folder, status), /as process/)
    await control.close()
    assert.equal(findControlPath(folder), undefined)
    assert.equal(existsSync(dirname(path)), false)

    // One that a dead manager left behind, and whose folder has gone with the temporary files.
    writeFileSync(`${folder}/control.sock.path`, path)
    await listen(folder)
    assert.notEqual(pathOf(folder), path)
    assert.deepEqual(await asked(folder, { request: 'status' }), [NETWORK])
  })

  it('says what to do where no path is short enough', async () => {
    const folder = join(await cleanup.folder(), 'x'.repeat(100))
    mkdirSync(folder)
    const environment: { TMPDIR?: string } = process.env
    const { TMPDIR } = environment
    environment.TMPDIR = folder
    try {
      await assert.rejects(ControlServer.listen(folder, status), /name a shorter --folder DIR/)
    } finally {
      if (TMPDIR === undefined) delete environment.TMPDIR
      else environment.TMPDIR = TMPDIR
    }
    await rm(folder, { recursive: true })
  })

  it('answers who is waiting before it is closed, with its path gone already', async () => {
    const folder = await cleanup.folder()
    const { promise, resolve } = Promise.withResolvers<void>()
    const heard = Promise.withResolvers<void>()
    const control = await listen(folder, () => {
      heard.resolve()
      return promise
    })
    const path = pathOf(folder)
    const waiting = asked(folder, { request: 'heal' }).then(() => existsSync(path))
    await heard.promise
    resolve()
    await control.close()
    assert.equal(await waiting, false)
  })
})
