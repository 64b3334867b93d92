import { utf8 } from '../../core/bytes.js'
import { DecodeError } from '../../core/codec.js'
import { sha256 } from '../../core/hash.js'
import {
  canonicalJson,
  isTooDeep,
  type Json,
  JsonTooLarge,
  readCanonicalJson,
  utf8Text
} from '../../core/json.js'
import { LIMITS } from '../../core/limits.js'
import { type Refusal, refusal } from '../../core/refusal.js'
import { NO_STAKES } from '../../core/stakes.js'
import type { Application, BodyAge, EncodedBody, Outcome } from '../application.js'
import { Schema } from './schema.js'
import type { MessagesSection } from './section.js'

const DIGEST_OF_NOTHING = sha256(new Uint8Array(0))

/**
 * Plain messages: canonical JSON (RFC 8785) that fits the schema in the network document. Demanding the
 * canonical form leaves no room for duplicate keys or numbers that two readers would read differently.
 */
export class MessagesApplication implements Application<undefined> {
  readonly isStateless = true
  readonly accounts = undefined
  readonly #schema: Schema

  /** Throws InvalidNetworkDocument if the schema is not of the dialect that network documents use. */
  constructor(section: MessagesSection) {
    this.#schema = new Schema(section.schema)
  }

  checkBody(body: Uint8Array, age: BodyAge = 'new'): Refusal | undefined {
    const text = utf8Text(body)
    if (text === undefined) return refusal('bad schema', 'the body is not UTF-8')
    let value: Json
    try {
      value = readCanonicalJson(text, { depth: LIMITS.bodyDepth, values: LIMITS.bodyValues })
    } catch (error) {
      // Earlier versions had no such limits, so its log may hold such a body.
      if (error instanceof JsonTooLarge && age === 'stored') return undefined
      if (error instanceof DecodeError)
        return refusal('bad schema', `the body is not JSON that is taken here: ${error.message}`)
      throw error
    }
    const misfit = this.#schema.misfit(value)
    return misfit === undefined ? undefined : refusal('bad schema', misfit)
  }

  encodeBody(value: unknown): EncodedBody {
    const text = canonicalJson(value, LIMITS.bodyDepth)
    if (text === undefined)
      return {
        refusal: refusal(
          'bad schema',
          isTooDeep(value, LIMITS.bodyDepth)
            ? `the value is nested more than ${LIMITS.bodyDepth} deep`
            : 'the value has no canonical JSON form (RFC 8785): it has a number that is not finite, a single surrogate, or what is no JSON'
        )
      }
    const body = utf8(text)
    const problem = this.checkBody(body)
    return problem === undefined ? { body } : { refusal: problem }
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
}
