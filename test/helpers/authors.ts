import type { PrivateKey } from '@libp2p/interface'
import canonicalize from 'canonicalize'
import { type EnvelopeBytes, type Hash, type PeerIdBytes, utf8 } from '#src/core/bytes.js'
import { signEnvelope } from '#src/core/envelope.js'
import { type Signer, signerOf } from '#src/core/keys.js'
import { leafHash } from '#src/core/merkle.js'
import { type Body, encodeMessage, type Message } from '#src/core/message.js'
import { newSealingContext, type SealingContext, type SealingKey, seal } from '#src/core/sealing.js'
import { bodiesOf } from '#src/rules/rules.js'
import { present } from './changes.js'
import { identity, type RuledNetwork, type TestNetwork } from './networks.js'

/** A message that was made by hand. */
export interface Made {
  readonly envelope: EnvelopeBytes
  readonly leaf: Hash
  readonly author: PeerIdBytes
  readonly sequence: bigint
  readonly message: Message
}

export type Claim = Omit<Message, 'body'>

/** Someone who writes messages by hand: honest ones with `say`, any others with the parts. */
export abstract class Writer {
  #next = 1n

  protected constructor(
    readonly signer: Signer,
    readonly network: Hash
  ) {}

  get peerId(): PeerIdBytes {
    return this.signer.peerId
  }

  /** What a message says of itself; the next sequence unless another one is given. */
  claim(changes: Partial<Claim> = {}): Claim {
    const sequence = changes.sequence ?? this.#next
    if (sequence === this.#next) this.#next += 1n
    return { network: this.network, author: this.peerId, time: 1_700_000_000_000, ...changes, sequence }
  }

  /** A valid message unless `value` or `changes` make it another one. */
  say(value: unknown, changes: Partial<Claim> = {}): Made {
    const claim = this.claim(changes)
    return this.signed(claim, this.bodyOf(claim, utf8(present(canonicalize(value), 'the JSON'))))
  }

  /** `count` valid messages. */
  says(count: number, about = 'message'): Made[] {
    return Array.from({ length: count }, (_, index) => this.say({ text: `${about} ${index}` }))
  }

  signed(claim: Claim, body: Body): Made {
    const message = { ...claim, body }
    return madeOf(signEnvelope('message', encodeMessage(message), this.signer), message)
  }

  /** As the network has bodies. */
  protected abstract bodyOf(claim: Claim, plaintext: Uint8Array): Body
}

/** One who can seal, and does where bodies are sealed. */
export class Author extends Writer {
  private constructor(
    readonly key: PrivateKey,
    signer: Signer,
    network: Hash,
    readonly context: SealingContext,
    private readonly bodies: 'sealed' | 'open'
  ) {
    super(signer, network)
  }

  static async create(
    { network, openingKey, rules }: TestNetwork,
    who: string | PrivateKey,
    sealingKey: SealingKey = openingKey
  ): Promise<Author> {
    const key = typeof who === 'string' ? await identity(who) : who
    const signer = signerOf(key)
    const context = await newSealingContext(sealingKey, network.id, signer.peerId)
    return new Author(key, signer, network.id, context, bodiesOf(rules))
  }

  sealed(plaintext: Uint8Array, changes: Partial<Claim> = {}): Made {
    const claim = this.claim(changes)
    return this.signed(claim, this.#seal(claim, plaintext))
  }

  protected override bodyOf(claim: Claim, plaintext: Uint8Array): Body {
    return this.bodies === 'open' ? { kind: 'open', bytes: plaintext } : this.#seal(claim, plaintext)
  }

  #seal(claim: Claim, plaintext: Uint8Array): Body {
    return { kind: 'sealed', sealed: seal(this.context, claim, plaintext) }
  }
}

/** Of a network where bodies are open. */
export class OpenAuthor extends Writer {
  static async create({ network }: RuledNetwork, name: string): Promise<OpenAuthor> {
    return new OpenAuthor(signerOf(await identity(name)), network.id)
  }

  protected override bodyOf(_claim: Claim, bytes: Uint8Array): Body {
    return { kind: 'open', bytes }
  }
}

export function madeOf(envelope: Uint8Array, message: Message): Made {
  const { author, sequence } = message
  return { envelope: envelope as EnvelopeBytes, leaf: leafHash(envelope), author, sequence, message }
}

export function envelopesOf(messages: readonly Pick<Made, 'envelope'>[]): EnvelopeBytes[] {
  return messages.map(({ envelope }) => envelope)
}
