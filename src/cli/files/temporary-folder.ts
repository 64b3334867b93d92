import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { causeOf, Failure } from '../failure.js'
import { removeAtTheEnd } from './left-overs.js'

/** A folder of the moment, for its owner alone. It is removed whatever happens to `use`, and also where a signal ends the process. */
export async function withTemporaryFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'tallystick-')).catch((error: unknown) => {
    throw new Failure(
      'ERR_CANNOT_WRITE',
      `no temporary folder can be made in ${tmpdir()} (${causeOf(error)}); name another place with the environment variable TMPDIR`,
      { cause: error }
    )
  })
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  const release = removeAtTheEnd(remove)
  try {
    return await use(folder)
  } finally {
    release()
    remove()
  }
}
