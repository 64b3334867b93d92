import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describeError } from '../../core/events.js'
import { LIMITS } from '../../core/limits.js'
import { causeOf, Failure } from '../failure.js'
import { replaceFile } from './written-files.js'

/** In the folder that says what a key has signed: which process signs with the key now. */
const HOLDER_FILE = 'HOLDER.json'

/**
 * Who signs with a key, beside LevelDB's lock, which does not hold where its file is deleted as a left-over, and on disks
 * that two hosts share without locks. Each process writes its name into one file when it takes the key, before it reads
 * what was signed; and looks at that file after each write of what it signs, before that leaves. So what the one has
 * shown to others is on disk before the other one reads it, and the one shows nothing after that.
 */
export class KeyHolder {
  private constructor(
    private readonly path: string,
    private readonly key: string,
    private readonly record: string
  ) {}

  /** This process alone holds the key from now on. `folder`: what the key has signed; `key`: its file. */
  static async take(folder: string, key: string): Promise<KeyHolder> {
    const path = join(folder, HOLDER_FILE)
    const holder = { id: randomBytes(16).toString('hex'), pid: process.pid, host: hostname() }
    const record = `${JSON.stringify(holder)}\n`
    await replaceFile(path, record)
    return new KeyHolder(path, key, record)
  }

  /** Throws Failure where another process has taken the key, or the file is gone. */
  async expectHeld(): Promise<void> {
    const { path, key, record } = this
    let found: string
    try {
      found = await readFile(path, 'utf8')
    } catch (error) {
      throw new Failure(
        'ERR_MARK_LOST',
        `the folder beside the key ${key} that says what it has signed is gone, or cannot be read (${path}: ${causeOf(error)}); so this process signs nothing more. Put that folder back before the next start: without it nothing keeps this key from signing a second time what it has signed`,
        { cause: error }
      )
    }
    if (found === record) return
    throw new Failure(
      'ERR_KEY_IN_USE',
      `another process signs with the key ${key}${nameOf(found)}; so this one signs nothing more, as both would use the same numbers. One process at a time may have this key and its folders: stop the other one, and delete no LOCK file, which is what keeps them apart`
    )
  }

  /** Looks at the file again and again until `signal` fires: who signs nothing for a while would notice late. */
  watch(lost: (failure: Failure) => void, signal: AbortSignal): void {
    const timer = setInterval(() => {
      this.expectHeld().catch(error => {
        if (!signal.aborted)
          lost(
            error instanceof Failure
              ? error
              : new Failure('ERR_PEER_FAILED', describeError(error), { cause: error })
          )
      })
    }, LIMITS.keyHeldMs)
    timer.unref()
    signal.addEventListener('abort', () => clearInterval(timer), { once: true })
  }
}

/** In words; empty where the file does not tell. */
function nameOf(record: string): string {
  try {
    const value: unknown = JSON.parse(record)
    if (typeof value !== 'object' || value === null || !('pid' in value && 'host' in value)) return ''
    return ` (process ${value.pid} on host ${value.host})`
  } catch {
    return ''
  }
}
