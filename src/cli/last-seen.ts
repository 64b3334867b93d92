import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SignedHeader } from '../core/block.js'
import { type Hash, hashFromHex, toHex } from '../core/bytes.js'
import type { LogHead } from '../node/asker.js'
import { errorCode, Failure } from './failure.js'
import { replaceFile } from './files.js'

/** The head that the tool saw last in each network: a log that has shrunk or changed since is a lie. */
export class LastSeenHeads {
  readonly #path: string

  constructor(folder: string, network: Hash) {
    this.#path = join(folder, `head-${toHex(network)}.json`)
  }

  /** Undefined before the first time. */
  async read(): Promise<LogHead | undefined> {
    let text: string
    try {
      text = await readFile(this.#path, 'utf8')
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      throw new Failure(`${this.#path} cannot be read (${errorCode(error)})`)
    }
    const head = parseHead(text)
    if (head === undefined)
      throw new Failure(
        `${this.#path} does not hold the head last seen; delete it to trust the next head as the first`
      )
    return head
  }

  async write({ header, id }: SignedHeader): Promise<void> {
    const seen = { height: header.height, id: toHex(id), size: header.size, log: toHex(header.log) }
    await replaceFile(this.#path, `${JSON.stringify(seen)}\n`)
  }
}

function parseHead(text: string): LogHead | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('size' in value) || !('log' in value))
      return undefined
    const { size, log } = value
    const root = typeof log === 'string' ? hashFromHex(log) : undefined
    return typeof size === 'number' && Number.isSafeInteger(size) && root ? { size, log: root } : undefined
  } catch {
    return undefined
  }
}
