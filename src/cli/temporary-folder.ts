import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeError } from '../node/events.js'
import { errorCode, Failure } from './failure.js'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** A folder of the moment, for its owner alone. It is removed whatever happens to `use`, and also where a signal ends the process. */
export async function withTemporaryFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'tallystick-')).catch((error: unknown) => {
    throw new Failure(
      `no temporary folder can be made in ${tmpdir()} (${errorCode(error) ?? describeError(error)}); name another place with the environment variable TMPDIR`
    )
  })
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  const ended = (signal: NodeJS.Signals): void => {
    remove()
    // Our listener has kept the signal from ending the process. Where there is another one, it decides.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
  }
  process.once('exit', remove)
  for (const signal of SIGNALS) process.once(signal, ended)
  try {
    return await use(folder)
  } finally {
    process.off('exit', remove)
    for (const signal of SIGNALS) process.off(signal, ended)
    remove()
  }
}
