import type { Candidate } from '#src/chain/candidate.js'
import { signEnvelope } from '#src/core/envelope.js'
import { VerifierCache } from '#src/core/keys.js'
import { type Body, encodeMessage, KEY_ID_LENGTH, PADDING_STEP, TAG_LENGTH } from '#src/core/message.js'
import { validateEnvelope } from '#src/core/validation.js'
import { messageRules } from '#src/validation/message-rules.js'
import type { Random } from '#tools/localnet/random.js'
import type { Peer } from './peer.js'
import { arbitraryBytes } from './random.js'

const verifiers = new VerifierCache()

/** Writes messages of one peer. Each is validated once for all who get it. */
export class Author {
  #sequence = 0n

  constructor(
    readonly peer: Peer,
    private readonly random: Random
  ) {}

  /** The next message. */
  write(): Promise<Candidate> {
    this.#sequence += 1n
    return this.#write(`message ${this.#sequence} of ${this.peer.name}`)
  }

  /** Another one with the author and sequence of the last one: no chain may hold both. */
  contradict(): Promise<Candidate> {
    return this.#write(`instead of message ${this.#sequence} of ${this.peer.name}`)
  }

  async #write(text: string): Promise<Candidate> {
    const { signer, surroundings } = this.peer
    const { rules, time } = surroundings
    const claim = {
      network: rules.network.id,
      author: signer.peerId,
      sequence: this.#sequence,
      time: time.clock,
      body: this.#bodyOf(text)
    }
    const envelope = signEnvelope('message', encodeMessage(claim), signer)
    const verdict = await validateEnvelope(envelope, messageRules(rules), verifiers)
    if (!verdict.ok) throw new Error(`a message of the simulator is not valid: ${verdict.refusal.detail}`)
    const { leaf, author, sequence } = verdict
    return { envelope, leaf, author, sequence }
  }

  /** Nobody here opens what is sealed: it may be anything. */
  #bodyOf(text: string): Body {
    const { ordering, application } = this.peer.surroundings.rules
    if (ordering.bodies === 'sealed') {
      const keyId = arbitraryBytes(this.random, KEY_ID_LENGTH)
      const enc = arbitraryBytes(this.random, 32)
      const ciphertext = arbitraryBytes(this.random, PADDING_STEP + TAG_LENGTH)
      return { kind: 'sealed', sealed: { keyId, enc, ciphertext } }
    }
    const encoded = application.encodeBody({ text })
    if ('refusal' in encoded) throw new Error(encoded.refusal.detail)
    return { kind: 'open', bytes: encoded.body }
  }
}
