import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import canonicalize from 'canonicalize'
import { utf8 } from '../core/bytes.js'
import { sha256 } from '../core/hash.js'
import { InvalidNetworkDocument, type MessagesApplicationDocument } from '../core/network-document.js'
import { type Refusal, refusal } from '../core/refusal.js'
import { NO_STAKES } from '../core/stakes.js'
import type { Application, EncodedBody, Outcome } from './application.js'

const DIGEST_OF_NOTHING = sha256(new Uint8Array(0))

/**
 * Plain messages: canonical JSON (RFC 8785) that fits the schema in the network document. Demanding the
 * canonical form leaves no room for duplicate keys or numbers that two readers would read differently.
 */
export class MessagesApplication implements Application<undefined> {
  readonly isStateless = true
  readonly #validate: ValidateFunction
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

  /** Throws InvalidNetworkDocument if the schema is none. */
  constructor(document: MessagesApplicationDocument) {
    try {
      this.#validate = new Ajv2020({ strict: true, validateFormats: false }).compile(document.schema)
    } catch (error) {
      throw new InvalidNetworkDocument(
        `/application/schema is no JSON Schema (2020-12): ${error instanceof Error ? error.message : error}`
      )
    }
  }

  checkBody(body: Uint8Array): Refusal | undefined {
    try {
      const text = this.#decoder.decode(body)
      const value: unknown = JSON.parse(text)
      if (canonicalForm(value) !== text)
        return refusal('bad schema', 'the JSON is not in canonical form (RFC 8785)')
      return this.#check(value)
    } catch (error) {
      return refusal('bad schema', `no JSON: ${error instanceof Error ? error.message : error}`)
    }
  }

  encodeBody(value: unknown): EncodedBody {
    const text = canonicalForm(value)
    if (text === undefined)
      return { refusal: refusal('bad schema', 'the value has no canonical JSON form (RFC 8785)') }
    const problem = this.#check(value)
    return problem === undefined ? { body: utf8(text) } : { refusal: problem }
  }

  genesis(): undefined {
    return undefined
  }

  /** Bodies may be sealed, so that nobody else can say whether they are valid: `checkBody` is for who opens them. */
  applyMessage(): Outcome<undefined> {
    return { ok: true, state: undefined }
  }

  endBlock(): undefined {
    return undefined
  }

  digest(): typeof DIGEST_OF_NOTHING {
    return DIGEST_OF_NOTHING
  }

  stakes(): typeof NO_STAKES {
    return NO_STAKES
  }

  #check(value: unknown): Refusal | undefined {
    if (this.#validate(value)) return undefined
    const [first] = this.#validate.errors ?? []
    return refusal(
      'bad schema',
      `${first?.instancePath || 'the message'} ${first?.message ?? 'does not fit'}`
    )
  }
}

/** Undefined for what RFC 8785 has no form for: single surrogates, numbers out of range, circles, bottomless nesting. */
function canonicalForm(value: unknown): string | undefined {
  try {
    const text = canonicalize(value)
    return text !== undefined && !SINGLE_SURROGATE.test(text) ? text : undefined
  } catch {
    return undefined
  }
}

/** JSON.stringify writes a surrogate without its other half as an escape, and writes no other escape like it. */
const SINGLE_SURROGATE = /(?<!\\)(?:\\\\)*\\ud[89a-f]/
