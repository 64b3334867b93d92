import type { PrivateKey } from '@libp2p/interface'
import { encode as encodeVarint } from 'uint8-varint'
import { concat, type PeerIdBytes, utf8 } from '#src/core/bytes.js'
import { DOMAINS, type Domain, signEnvelope } from '#src/core/envelope.js'
import { sha256 } from '#src/core/hash.js'
import type { Signer } from '#src/core/keys.js'
import { encodeMessage, type Message } from '#src/core/message.js'
import type { Network } from '#src/core/network.js'
import { Envelope } from '#src/core/wire/tallystick.js'
import { repositoryFile } from '../core.js'
import { EPOCH } from '../epoch.js'

/** In which of the networks, and the envelope. */
export interface Case {
  readonly network: NetworkName
  readonly envelope: Uint8Array
}

export type NetworkName = 'open' | 'members' | 'sealed'

export type RefusedMessages = Readonly<Record<string, Case & { readonly reason: string }>>

export interface Writers {
  readonly ed25519: Writer
  readonly secp256k1: Writer
  readonly rsa: Writer
  /** The client of the worked example, with its context. */
  readonly client: Writer
}

export interface Writer {
  readonly key: PrivateKey
  readonly signer: Signer
}

export interface Example {
  readonly network: { readonly canonical: string }
  readonly keys: { readonly clientSeed: string; readonly encryptionSecret: string; readonly keyId: string }
  readonly sealing: { readonly enc: string; readonly messageKey: string }
  readonly messages: readonly { readonly envelope: string }[]
}

export const example: Example = JSON.parse(repositoryFile('docs/vectors/example.json'))

/** Makes messages of which each has one thing that is wrong, or none. */
export class MessageMaker {
  constructor(
    readonly networks: Readonly<Record<NetworkName, Network>>,
    readonly writers: Writers
  ) {}

  message(
    signer: Signer = this.writers.ed25519.signer,
    changes: Partial<Message> = {},
    network: NetworkName = 'open'
  ): Message {
    return {
      network: this.networks[network].id,
      author: signer.peerId,
      sequence: 1n,
      time: EPOCH,
      body: { kind: 'open', bytes: utf8(BODY) },
      ...changes
    }
  }

  open({ signer }: Writer, changes: Partial<Message> = {}, network: NetworkName = 'open'): Case {
    return {
      network: 'open',
      envelope: signEnvelope('message', encodeMessage(this.message(signer, changes, network)), signer)
    }
  }

  said(body: string | Uint8Array): Case {
    const bytes = typeof body === 'string' ? utf8(body) : body
    return this.open(this.writers.ed25519, { body: { kind: 'open', bytes } })
  }

  /** A message that is valid but for its length. */
  ofLength(length: number): Case {
    const empty = this.said('{"text":""}').envelope.length
    for (let characters = length - empty - 8; ; characters += 1) {
      const made = this.said(`{"text":"${'x'.repeat(characters)}"}`)
      if (made.envelope.length === length) return made
      if (made.envelope.length > length) throw new Error(`no message has ${length} bytes`)
    }
  }

  /** A payload, however it is encoded, in an envelope that is right. */
  sign(payload: Uint8Array): Uint8Array {
    return signEnvelope('message', payload, this.writers.ed25519.signer)
  }

  /** A message whose author is named by an odd key. */
  signedBy(publicKey: Uint8Array, signer: Signer, signature?: Uint8Array): Uint8Array {
    const payload = encodeMessage(this.message(signer, { author: nameOf(publicKey) }))
    return envelopeOf(publicKey, payload, signature ?? signer.sign(signedBytes('message', payload)))
  }

  bad(envelope: Uint8Array): Case & { readonly reason: string } {
    return this.as('bad encoding', { network: 'open', envelope })
  }

  wrong(envelope: Uint8Array): Case & { readonly reason: string } {
    return this.as('bad signature', { network: 'open', envelope })
  }

  as(reason: string, made: Case): Case & { readonly reason: string } {
    return { reason, ...made }
  }
}

export const MESSAGE_BYTES = 12_288
export const BODY = '{"text":"hello"}'

/** What a PeerId of these bytes would be, whether they are a key or not. */
function nameOf(publicKey: Uint8Array): PeerIdBytes {
  const name =
    publicKey.length <= 42
      ? concat(Uint8Array.of(0x00, publicKey.length), publicKey)
      : concat(Uint8Array.of(0x12, 0x20), sha256(publicKey))
  return name as Uint8Array as PeerIdBytes
}

export function envelopeOf(publicKey: Uint8Array, payload: Uint8Array, signature: Uint8Array): Uint8Array {
  return Envelope.encode({ publicKey, payloadType: DOMAINS.message.payloadType, payload, signature })
}

/** As section 4 says, once more: a signature is to fail for the one reason that its name tells. */
export function signedBytes(domain: Domain, payload: Uint8Array): Uint8Array {
  const { name } = DOMAINS[domain]
  const { payloadType } = DOMAINS[domain === 'block' ? 'message' : domain]
  return concat(
    encodeVarint(name.length),
    name,
    encodeVarint(payloadType.length),
    payloadType,
    encodeVarint(payload.length),
    payload
  )
}
