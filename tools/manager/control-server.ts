import { once } from 'node:events'
import { statSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { causeOf, Failure } from '#src/cli/failure.js'
import { parseJson } from '#src/cli/terminal/shapes.js'
import { ERRORS, systemCode, TallystickError } from '#src/core/errors.js'
import { describeError } from '#src/core/events.js'
import { LIMITS } from '#src/core/limits.js'
import { type LineFault, linesOf } from '#src/core/lines.js'
import { onParentExit } from '../localnet/parent-exit.js'
import { managerAt } from './control-client.js'
import { findControlPath, makeControlPath, removeControlPath } from './control-path.js'
import type { NetworkEvent } from './events.js'
import { type Outcome, type Request, readRequest } from './requests.js'

/** Does what is asked for, and says what there is to say of it. Throws Failure where it cannot be done. */
export type Answering = (request: Request, say: (event: NetworkEvent) => void) => Promise<void>

/**
 * Listens at the control socket of a folder, which only its owner can open. While it does, no other manager runs
 * on this folder.
 */
export class ControlServer {
  readonly #open = new Map<Socket, Promise<void>>()
  readonly #release: () => void

  private constructor(
    private readonly folder: string,
    private readonly path: string,
    private readonly server: Server,
    private readonly answer: Answering
  ) {
    server.on('connection', socket => this.#take(socket))
    // Whoever dies without closing it leaves it behind: the next one finds nobody there.
    this.#release = onParentExit(() => removeControlPath(folder, path))
  }

  /** Throws Failure where another manager runs on the folder. */
  static async listen(folder: string, answer: Answering): Promise<ControlServer> {
    const earlier = findControlPath(folder)
    if (earlier !== undefined) {
      const pid = await managerAt(earlier, folder)
      if (pid !== undefined) throw runsAlready(folder, `as process ${pid}`)
      removeControlPath(folder, earlier)
    }
    const path = makeControlPath(folder)
    const server = createServer()
    // Bound before `listen` returns: at no moment it is open to others.
    const mask = process.umask(0o177)
    try {
      server.listen(path)
    } finally {
      process.umask(mask)
    }
    try {
      await once(server, 'listening')
    } catch (error) {
      // Two that start at once may both find nobody; the databases of the nodes let in only one of them, too.
      if (systemCode(error) === 'EADDRINUSE')
        throw runsAlready(folder, `and has just been started, or ${path} is no socket`)
      removeControlPath(folder, path)
      throw new Failure('ERR_CANNOT_WRITE', `no control socket can be made at ${path} (${causeOf(error)})`, {
        cause: error
      })
    }
    const control = new ControlServer(folder, path, server, answer)
    if ((statSync(path).mode & 0o077) === 0) return control
    await control.close()
    throw new Failure(
      'ERR_CANNOT_WRITE',
      `${path} would be open to others: this file system keeps no rights; name another --folder DIR`
    )
  }

  /** Listens no more, and resolves when those who have asked have their answers. */
  async close(): Promise<void> {
    this.server.close()
    removeControlPath(this.folder, this.path)
    this.#release()
    const late = setTimeout(() => {
      for (const socket of this.#open.keys()) socket.destroy()
    }, LIMITS.frameMs)
    await Promise.all(this.#open.values())
    clearTimeout(late)
  }

  #take(socket: Socket): void {
    // A reader that has gone is no error.
    socket.on('error', () => undefined)
    if (this.#open.size >= LIMITS.controlConnections) {
      socket.destroy()
      return
    }
    const served = this.#serve(socket).finally(() => this.#open.delete(socket))
    this.#open.set(socket, served)
  }

  /** One request, its answers, and the end. */
  async #serve(socket: Socket): Promise<void> {
    const asking = endAfter(socket, LIMITS.frameMs)
    const outcome = await this.#outcome(socket, () => clearTimeout(asking))
    clearTimeout(asking)
    say(socket, outcome)
    socket.end()
    const leaving = endAfter(socket, LIMITS.frameMs)
    if (!socket.destroyed) await once(socket, 'close')
    clearTimeout(leaving)
  }

  async #outcome(socket: Socket, heard: () => void): Promise<Outcome> {
    try {
      const request = await requestOn(socket)
      heard()
      await this.answer(request, event => say(socket, event))
      return { outcome: 'done' }
    } catch (error) {
      const code = error instanceof TallystickError ? error.code : 'ERR_PEER_FAILED'
      const { exitCode = 1 } = ERRORS[code]
      return { outcome: 'refused', message: describeError(error), code: exitCode, error: code }
    }
  }
}

const WHAT_IS_WRONG: Readonly<Record<LineFault, string>> = {
  'too long': `a line has more than ${LIMITS.controlBytes} bytes`,
  'not UTF-8': 'the request is not UTF-8'
}

async function requestOn(socket: Socket): Promise<Request> {
  for await (const line of linesOf(socket.iterator({ destroyOnReturn: false }), {
    most: LIMITS.controlBytes
  })) {
    if (!line.ok) throw new Failure('ERR_OTHER_VERSION', WHAT_IS_WRONG[line.fault])
    const request = readRequest(parseJson(line.text))
    // What comes after it is read and forgotten, so that its end is heard.
    socket.resume()
    if (request !== undefined) return request
    throw new Failure(
      'ERR_OTHER_VERSION',
      'the request is not understood; it may be of another version of tallystick'
    )
  }
  throw new Failure('ERR_OTHER_VERSION', 'nothing was asked')
}

function say(socket: Socket, value: NetworkEvent | Outcome): void {
  if (socket.writable) socket.write(`${JSON.stringify(value)}\n`)
}

function endAfter(socket: Socket, ms: number): NodeJS.Timeout {
  return setTimeout(() => socket.destroy(), ms)
}

function runsAlready(folder: string, how: string): Failure {
  return new Failure(
    'ERR_PEER_STATE',
    `a network runs in ${folder} already, ${how}; stop it with: tallystick network stop, or name another --folder DIR`
  )
}
