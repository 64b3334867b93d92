import { decodeTransfer } from '../../applications/ledger/transfer.js'
import { toHex } from '../../core/bytes.js'
import { DecodeError } from '../../core/codec.js'
import { JsonTooLarge, readCanonicalJson, utf8Text } from '../../core/json.js'
import { peerIdToString } from '../../core/keys.js'
import { LIMITS } from '../../core/limits.js'
import type { Message } from '../../core/message.js'
import type { Network } from '../../core/network.js'
import { Opener, type OpeningKey } from '../../core/sealing.js'

/** What a message says: for programs, and on one line for people. */
export type ShownBody =
  | {
      readonly kind: 'transfer'
      readonly json: { readonly to: string; readonly amount: string; readonly fee: string }
      readonly text: string
    }
  | { readonly kind: 'json'; readonly json: unknown; readonly text: string }

/** `isLocked`: another key would open it. */
export type BodyReading =
  | { readonly ok: true; readonly body: ShownBody }
  | { readonly ok: false; readonly isLocked: boolean; readonly problem: string }

/** Reads bodies as the application of a network has them, and opens those that its keys open. */
export class BodyReader {
  readonly #opener: Opener | undefined

  constructor(
    private readonly application: Network['document']['application'],
    keys: readonly OpeningKey[]
  ) {
    this.#opener = keys.length === 0 ? undefined : new Opener(keys)
  }

  async read(message: Message): Promise<BodyReading> {
    const { body } = message
    if (body.kind === 'open') return readBody(this.application, body.bytes)
    const keyId = toHex(body.sealed.keyId)
    const opened = await this.#opener?.open(message, body.sealed)
    if (opened?.ok) return readBody(this.application, opened.plaintext)
    return opened?.reason === 'does not open'
      ? { ok: false, isLocked: false, problem: `sealed to key ${keyId}, with which it does not open` }
      : { ok: false, isLocked: true, problem: `sealed to key ${keyId}` }
  }
}

/** An open body, or one that was opened. A sealed body may hold anything. */
export function readBody({ type }: Network['document']['application'], bytes: Uint8Array): BodyReading {
  try {
    return { ok: true, body: type === 'ledger' ? shownTransfer(bytes) : shownJson(bytes) }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return { ok: false, isLocked: false, problem: `its body says nothing here: ${error.message}` }
  }
}

function shownTransfer(bytes: Uint8Array): ShownBody {
  const { to, amount, fee } = decodeTransfer(bytes)
  const json = { to: peerIdToString(to), amount: String(amount), fee: String(fee) }
  return { kind: 'transfer', json, text: `${json.amount} to ${json.to}, fee ${json.fee}` }
}

function shownJson(bytes: Uint8Array): ShownBody {
  const text = utf8Text(bytes)
  if (text === undefined) throw new DecodeError('it is not UTF-8')
  try {
    readCanonicalJson(text, { depth: LIMITS.bodyDepth, values: LIMITS.bodyValues })
  } catch (error) {
    // Earlier versions took larger ones.
    if (error instanceof JsonTooLarge) return { kind: 'json', json: text, text }
    throw error
  }
  return { kind: 'json', json: JSON.parse(text), text }
}
