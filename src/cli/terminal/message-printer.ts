import type { Block } from '../../core/block.js'
import { type EnvelopeBytes, equal, type PeerIdBytes, toHex } from '../../core/bytes.js'
import { decodeEnvelope } from '../../core/envelope.js'
import { peerIdToString } from '../../core/keys.js'
import { leafHash } from '../../core/merkle.js'
import { decodeMessage } from '../../core/message.js'
import type { Network } from '../../core/network.js'
import type { OpeningKey } from '../../core/sealing.js'
import type { MessageRange } from '../ask/message-range.js'
import { dateOf, sequenceToJson } from './output.js'
import { BodyReader } from './shown-body.js'
import { outputTaken, printJson, printResult } from './terminal.js'

/** Where a message stands: in no block yet where `height` is undefined, without an order where `position` is. */
export interface Standing {
  readonly position: number | undefined
  readonly height: number | undefined
}

export interface PrinterOptions {
  readonly application: Network['document']['application']
  readonly keys: readonly OpeningKey[]
  /** Messages of others are left out. */
  readonly authors: readonly PeerIdBytes[] | undefined
  readonly json: boolean
}

/** Prints messages that have been verified, one a line, and counts them. */
export class MessagePrinter {
  readonly #bodies: BodyReader
  #printed = 0
  #locked = 0
  /** The first key that was not at hand. */
  #lockedTo: string | undefined

  constructor(private readonly options: PrinterOptions) {
    this.#bodies = new BodyReader(options.application, options.keys)
  }

  get printed(): number {
    return this.#printed
  }

  /** How many of them are sealed to a key that was not given, in words; undefined where none is. */
  get lockedNote(): string | undefined {
    if (this.#locked === 0) return undefined
    const which = this.#locked === 1 ? '1 of them is' : `${this.#locked} of them are`
    return `${which} sealed (the first to key ${this.#lockedTo}), and can be read with the sequencer's encryption keys alone: --key FILE`
  }

  /** Prints the selected messages of the block; gives how many there are, of all authors. */
  async block({ signed: { header }, envelopes }: Block, range: MessageRange): Promise<number> {
    let meant = 0
    for (const [index, envelope] of envelopes.entries()) {
      const position = header.size - header.count + index
      if (!isMeant(range, position, header.height, envelope)) continue
      meant += 1
      await this.message(envelope, { position, height: header.height })
    }
    return meant
  }

  /** Waits where the reader of the output is slow. */
  async message(envelope: EnvelopeBytes, { position, height }: Standing): Promise<void> {
    const { json, authors } = this.options
    const message = decodeMessage(decodeEnvelope(envelope).payload)
    const { author, sequence, time, body } = message
    if (authors !== undefined && !authors.some(wanted => equal(wanted, author))) return
    const read = await this.#bodies.read(message)
    const sealed = body.kind === 'sealed' && toHex(body.sealed.keyId)
    this.#printed += 1
    if (!read.ok && read.isLocked) {
      this.#locked += 1
      this.#lockedTo ??= sealed || undefined
    }
    const name = peerIdToString(author)
    const leaf = toHex(leafHash(envelope))
    if (json)
      printJson({
        position: position ?? null,
        leaf,
        height: height ?? null,
        author: name,
        sequence: sequenceToJson(sequence),
        time,
        sealed,
        body: read.ok ? read.body.json : null,
        ...(!read.ok && { problem: read.problem })
      })
    else {
      const place = position === undefined ? `${leaf.slice(0, 16)}…` : String(position).padStart(8)
      const said = read.ok ? read.body.text : `(${read.problem})`
      printResult(`${place}  ${dateOf(time)}  …${name.slice(-8)}  ${said}`)
    }
    await outputTaken()
  }

  /** Where another branch has taken the place of blocks that were shown. */
  changed(position: number, height: number): void {
    if (this.options.json) printJson({ event: 'reorg', position, height })
    else printResult(`REORG: the messages from position ${position} on (block ${height}) have changed`)
  }
}

export function isMeant(
  range: MessageRange,
  position: number,
  height: number | undefined,
  envelope: EnvelopeBytes
): boolean {
  switch (range.kind) {
    case 'positions':
      return position >= range.first && position <= (range.last ?? Number.MAX_SAFE_INTEGER)
    case 'block':
      return height === range.height
    case 'leaf':
      return equal(leafHash(envelope), range.leaf)
  }
}
