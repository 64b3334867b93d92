import type { ShownBody } from '../../applications/application.js'
import { applicationModule } from '../../applications/registry.js'
import { toHex } from '../../core/bytes.js'
import { DecodeError } from '../../core/codec.js'
import type { Message } from '../../core/message.js'
import type { Section } from '../../core/network.js'
import { Opener, type OpeningKey } from '../../core/sealing.js'

/** `isLocked`: another key would open it. */
export type BodyReading =
  | { readonly ok: true; readonly body: ShownBody }
  | { readonly ok: false; readonly isLocked: boolean; readonly problem: string }

/** Reads bodies as the application of a network has them, and opens those that its keys open. */
export class BodyReader {
  readonly #opener: Opener | undefined

  constructor(
    private readonly application: Section,
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
export function readBody(section: Section, bytes: Uint8Array): BodyReading {
  try {
    return { ok: true, body: applicationModule(section).show(bytes) }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return { ok: false, isLocked: false, problem: `its body says nothing here: ${error.message}` }
  }
}
