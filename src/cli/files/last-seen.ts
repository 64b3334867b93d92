import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { genesisCursor } from '../../chain/cursor.js'
import { type CheckpointedHeader, encodeStoredHeader, readStoredHeader } from '../../core/block.js'
import { fromHex, toHex } from '../../core/bytes.js'
import { systemCode } from '../../core/errors.js'
import { VerifierCache } from '../../core/keys.js'
import { BlockReader } from '../../query/block-reader.js'
import type { Rules } from '../../rules/rules.js'
import { causeOf, Failure } from '../failure.js'
import { replaceFile } from './written-files.js'

/** The head that the tool saw last in a network: a log that has shrunk or changed since is a lie. */
export class LastSeenHead {
  readonly #path: string

  constructor(
    folder: string,
    private readonly rules: Rules
  ) {
    this.#path = join(folder, `head-${toHex(rules.network.id)}.json`)
  }

  /** The genesis before the first time. */
  async read(): Promise<CheckpointedHeader> {
    let text: string
    try {
      text = await readFile(this.#path, 'utf8')
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return genesisCursor(this.rules).signed
      throw new Failure('ERR_CANNOT_READ', `${this.#path} cannot be read (${causeOf(error)})`, {
        cause: error
      })
    }
    const head = parseHead(text, this.rules)
    if (head === undefined)
      throw new Failure(
        'ERR_WRONG_CONTENT',
        `${this.#path} does not hold the head last seen; delete it to trust the next head as the first`
      )
    return head
  }

  /** Unless another process has stored a later one. */
  async raise(head: CheckpointedHeader): Promise<void> {
    if ((await this.read()).header.height < head.header.height) await this.#write(head)
  }

  /** The heights and hashes are for people; `signed` is what counts. */
  async #write(head: CheckpointedHeader): Promise<void> {
    const { header, id } = head
    if (header.height === 0) return
    const signed = toHex(encodeStoredHeader(head))
    const seen = { height: header.height, id: toHex(id), size: header.size, log: toHex(header.log), signed }
    await replaceFile(this.#path, `${JSON.stringify(seen)}\n`)
  }
}

/** Undefined where it is damaged, or not the network's. */
function parseHead(text: string, rules: Rules): CheckpointedHeader | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('signed' in value)) return undefined
    const bytes = typeof value.signed === 'string' ? fromHex(value.signed) : undefined
    const stored = bytes && readStoredHeader(bytes)
    return stored && new BlockReader(rules, new VerifierCache()).header(stored.envelope, stored.checkpoint)
  } catch {
    return undefined
  }
}
