import { ERRORS, TallystickError } from '../../core/errors.js'
import type { Report } from '../../core/events.js'
import { signerOf } from '../../core/keys.js'
import { LIMITS } from '../../core/limits.js'
import type { Network } from '../../core/network.js'
import type { Service } from '../../lifecycle/service.js'
import { Wakeup } from '../../lifecycle/waiting.js'
import type { ControlledPeer, Holdings } from '../../node/controls.js'
import type { PeerOptions } from '../../node/peer-options.js'
import { diskProblem, Failure } from '../failure.js'
import type { FolderKind } from '../files/folder-contents.js'
import type { FolderOwner } from '../files/folder-owner.js'
import { readOrMakeIdentity } from '../files/key-files.js'
import { withKeyLock } from '../files/marks.js'
import { withOwnedFolder } from '../files/owned-folder.js'
import { outliveReaders, printLine } from '../terminal/terminal.js'
import { type ClosedNetworkOptions, closedNetwork } from './closed-network.js'
import { listenProblem } from './listening.js'
import { obey } from './obeying.js'

export interface PeerFiles extends ClosedNetworkOptions {
  readonly key: string
  readonly data: string
  /** Where it is kept what the key has signed; beside the key where it is left out. */
  readonly marks?: string
  /** Of a sequencer's folder. */
  readonly ofMark?: Pick<FolderOwner, 'mark' | 'isTakenFromMark'>
  readonly listen: readonly string[]
}

/** Opens what a role needs, runs it, and closes the database whatever happens. What the peer cannot go on after ends it, too. */
export async function withPeer<N extends Network>(
  files: PeerFiles,
  kind: FolderKind,
  network: N,
  report: Report,
  stopping: AbortController,
  use: (peer: PeerOptions<N>) => Promise<void>
): Promise<void> {
  const closed = await closedNetwork(files, network)
  const key = await readOrMakeIdentity(files.key)
  // Who signs under numbers must not go on with what another one has numbered.
  const isNumbering = kind === 'sequencer' || kind === 'client'
  const { peerId } = signerOf(key)
  const owner = { kind, network, ...(isNumbering && { peerId }), ...files.ofMark }
  const run = (): Promise<void> =>
    withOwnedFolder(files.data, owner, database =>
      use({
        ...closed,
        key,
        network,
        database,
        report,
        listen: files.listen,
        now: () => Date.now(),
        failed: error => stopping.abort(endedBy(error))
      })
    )
  // Who numbers what it signs has taken the mark of its key, and that lock, already.
  await (isNumbering ? run() : withKeyLock({ key: files.key, peerId, network }, run))
}

/** What a peer says that cannot go on. */
function endedBy(error: Error): Failure {
  const problem = diskProblem(error)
  if (problem !== undefined)
    return new Failure(problem, `${error.message}; ${ERRORS[problem].remedy}`, { cause: error })
  const code = error instanceof TallystickError ? error.code : 'ERR_PEER_FAILED'
  return new Failure(code, error.message, { cause: error })
}

/**
 * Starts a peer, lets it work until the work is done or `stopping` fires, and stops it. Meanwhile it obeys whoever
 * started this process, if it is one that can be told anything. Throws what it failed of.
 */
export async function running(
  peer: Service & Partial<ControlledPeer<Holdings>>,
  stopping: AbortSignal,
  work: () => Promise<void>
): Promise<void> {
  const release = peer.controls && obey(peer.controls, stopping)
  try {
    await peer.start().catch(asFailure)
    await work()
  } finally {
    release?.()
    await peer.stop()
  }
  if (stopping.reason instanceof Failure) throw stopping.reason
}

export function asFailure(error: unknown): never {
  throw listenProblem(error) ?? error
}

interface StopOptions {
  /** ms */
  readonly within?: number
  /** The exit code where it does not stop in time. */
  readonly lateCode?: () => 0 | 1
  /** The command ends when the reader of its output has gone. */
  readonly printsOnly?: boolean
}

/**
 * Fires at the first SIGINT or SIGTERM; a second one ends the process at once. Fires too where whoever
 * started this process over a channel, as localnet does, has gone without stopping it. Whatever the process
 * is at, it ends `within` ms later: what was accepted is on disk before it is announced.
 */
export function stopController({
  within: ms = LIMITS.stopMs,
  lateCode = () => 0,
  printsOnly = false
}: StopOptions = {}): AbortController {
  if (!printsOnly) outliveReaders()
  const controller = new AbortController()
  controller.signal.addEventListener('abort', () => {
    const late = setTimeout(() => {
      printLine('it did not stop in time and was ended; what was accepted is on disk')
      process.exit(controller.signal.reason instanceof Failure ? 1 : lateCode())
    }, ms - 500)
    late.unref()
  })
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130)
      controller.abort(new Error(name))
    })
  process.once('disconnect', () => controller.abort(new Error('the parent has gone')))
  if (process.connected === false) controller.abort(new Error('the parent has gone'))
  // The channel is no reason to stay.
  process.channel?.unref()
  return controller
}

/** One for each SIGHUP from this call on, until `stopping` fires. Those that come while one is seen to are one more. */
export function hangups(stopping: AbortSignal): AsyncIterable<'SIGHUP'> {
  const heard = new Wakeup()
  let isDue = false
  process.on('SIGHUP', () => {
    isDue = true
    heard.wake()
  })
  async function* each(): AsyncIterable<'SIGHUP'> {
    while (!stopping.aborted) {
      if (!isDue) await heard.wait(stopping)
      if (!isDue || stopping.aborted) continue
      isDue = false
      yield 'SIGHUP'
    }
  }
  return each()
}

export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
