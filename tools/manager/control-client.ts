import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Failure, UsageError } from '#src/cli/failure.js'
import { parseJson } from '#src/cli/terminal/shapes.js'
import { isErrorCode, systemCode } from '#src/core/errors.js'
import { describeError } from '#src/core/events.js'
import { LIMITS } from '#src/core/limits.js'
import { linesOf } from '#src/core/lines.js'
import { findControlPath } from './control-path.js'
import { type NetworkEvent, readNetworkEvent } from './events.js'
import { type Outcome, type Request, readOutcome } from './requests.js'

/**
 * Asks the manager of the network in a folder, and hears what it says until it is done. Throws Failure where none
 * runs, or where it refuses.
 */
export async function ask(
  folder: string,
  request: Request,
  hear: (event: NetworkEvent) => void
): Promise<void> {
  const path = findControlPath(folder)
  const socket = path === undefined ? undefined : await connectTo(path, folder)
  if (socket === undefined)
    throw new Failure(
      'ERR_PEER_STATE',
      `no network runs in ${folder}; start one with: tallystick network up, or name its folder with --folder DIR`
    )
  try {
    await converse(socket, request, hear)
  } finally {
    socket.destroy()
  }
}

/** The process id of the manager that listens at this path. Undefined where nobody does. */
export async function managerAt(path: string, folder: string): Promise<number | undefined> {
  const socket = await connectTo(path, folder)
  if (socket === undefined) return undefined
  let pid = 0
  try {
    await converse(socket, { request: 'status' }, event => {
      if (event.event === 'network') pid = event.pid
    })
  } finally {
    socket.destroy()
  }
  return pid
}

/** Undefined where nobody listens there, or nothing is there. */
async function connectTo(path: string, folder: string): Promise<Socket | undefined> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return socket
  } catch (error) {
    socket.destroy()
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined
    if (code === 'EACCES')
      throw new Failure(
        'ERR_UNREACHABLE',
        `the network in ${folder} is another user's: its control socket is for its owner alone`
      )
    throw new Failure(
      'ERR_UNREACHABLE',
      `the control socket ${path} cannot be reached (${code ?? describeError(error)})`,
      { cause: error }
    )
  }
}

async function converse(
  socket: Socket,
  request: Request,
  hear: (event: NetworkEvent) => void
): Promise<void> {
  socket.setTimeout(maxPendingAge(request), () =>
    socket.destroy(
      new Failure(
        'ERR_UNREACHABLE',
        'the network manager does not answer; it may be busy, or stopped by a signal'
      )
    )
  )
  socket.write(`${JSON.stringify(request)}\n`)
  try {
    for await (const line of linesOf(socket, { most: LIMITS.controlBytes })) {
      if (!line.ok) throw new Error(`a line of its answer is ${line.fault}`)
      const value = parseJson(line.text)
      const outcome = readOutcome(value)
      if (outcome?.outcome === 'done') return
      if (outcome?.outcome === 'refused')
        throw outcome.code === 2 ? new UsageError(outcome.message) : refusalOf(outcome)
      const event = readNetworkEvent(value)
      if (event === undefined)
        throw new Failure(
          'ERR_OTHER_VERSION',
          'the network manager says what is not understood here; it may be of another version'
        )
      hear(event)
    }
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure('ERR_UNREACHABLE', `the network manager broke off (${describeError(error)})`, {
      cause: error
    })
  }
  throw new Failure('ERR_UNREACHABLE', 'the network manager ended before it had answered')
}

/** A manager of before says no code, and one of another version may say one that is not known here. */
function refusalOf({ message, error }: Extract<Outcome, { readonly outcome: 'refused' }>): Failure {
  return new Failure(isErrorCode(error) ? error : 'ERR_PEER_STATE', message)
}

/** How long an answer may take, ms. */
function maxPendingAge(request: Request): number {
  switch (request.request) {
    case 'status':
      return LIMITS.frameMs
    case 'mine':
      return request.count * LIMITS.mineMs + LIMITS.controlMs
    default:
      return LIMITS.controlMs
  }
}
