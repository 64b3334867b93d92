import { LIMITS } from '../core/limits.js'
import { describeError, type Report } from '../node/events.js'
import type { Service } from '../node/service.js'
import type { PeerOptions } from '../roles/peer-options.js'
import { WrongKey } from '../roles/sequencer.js'
import { errorCode, Failure, UsageError } from './failure.js'
import { openDatabase, readOrMakeIdentity } from './files.js'
import { printLine } from './output.js'

export interface PeerFiles {
  readonly key: string
  readonly data: string
  readonly listen: readonly string[]
}

/** Opens what a role needs, runs it, and closes the database whatever happens. */
export async function withPeer(
  files: PeerFiles,
  network: PeerOptions['network'],
  report: Report,
  use: (peer: PeerOptions & { readonly failure: Promise<never> }) => Promise<void>
): Promise<void> {
  const key = await readOrMakeIdentity(files.key)
  const failure = Promise.withResolvers<never>()
  failure.promise.catch(() => undefined)
  const database = await openDatabase(files.data)
  try {
    await use({
      key,
      network,
      database,
      report,
      listen: files.listen,
      now: () => Date.now(),
      failed: error => failure.reject(new Failure(error.message)),
      failure: failure.promise
    })
  } finally {
    await database.close()
  }
}

/** Starts a peer, lets it work until the work is done or it fails, and stops it within its time. */
export async function running(
  peer: Service,
  stopping: AbortSignal,
  failure: Promise<never>,
  work: () => Promise<void>
): Promise<void> {
  try {
    await peer.start().catch(asFailure)
    await Promise.race([work(), failure])
  } finally {
    const late = setTimeout(() => {
      printLine(`it did not stop within ${LIMITS.stopMs} ms; what was accepted is on disk`)
      process.exit(stopping.aborted ? 0 : 1)
    }, LIMITS.stopMs - 500)
    await peer.stop()
    clearTimeout(late)
  }
}

export function asFailure(error: unknown): never {
  if (errorCode(error) === 'EADDRINUSE' || /EADDRINUSE/.test(describeError(error)))
    throw new Failure(
      'the address is in use by another program; stop that one, or give another one with --listen MULTIADDR'
    )
  if (error instanceof WrongKey) throw new UsageError(error.message)
  throw error
}

/**
 * Fires at the first SIGINT or SIGTERM; a second one ends the process at once. Fires too where whoever
 * started this process over a channel, as localnet does, has gone without stopping it.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130)
      controller.abort(new Error(name))
    })
  process.once('disconnect', () => controller.abort(new Error('the parent has gone')))
  if (process.connected === false) controller.abort(new Error('the parent has gone'))
  // The channel is no reason to stay.
  process.channel?.unref()
  return controller.signal
}

export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
