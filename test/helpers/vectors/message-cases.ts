import { generateKeyPairFromSeed, privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { type EnvelopeBytes, utf8 } from '#src/core/bytes.js'
import { peerIdToString, signerOf, VerifierCache } from '#src/core/keys.js'
import type { Network } from '#src/core/network.js'
import { Opener, openingKeyFromSecret } from '#src/core/sealing.js'
import { type Verdict, validateEnvelope } from '#src/core/validation.js'
import { networkOf, parseCanonicalNetwork } from '#src/rules/network-document.js'
import { messageRulesOf } from '#src/validation/message-rules.js'
import { fromHex, privateKeyOf, seedOf } from '../core.js'
import { SCHEMA } from '../networks.js'
import { EASY } from '../work.js'
import { bodyCases, sealedCases } from './body-cases.js'
import { encodingCases } from './encoding-cases.js'
import {
  type Case,
  example,
  MESSAGE_BYTES,
  MessageMaker,
  type NetworkName,
  type RefusedMessages,
  type Writer,
  type Writers
} from './message-maker.js'
import { keyCases, signatureCases } from './signature-cases.js'

export interface MessageCases {
  readonly networks: Readonly<Record<NetworkName, Network>>
  readonly writers: Writers
  readonly accepted: Readonly<Record<string, Case>>
  /** With the reason that a peer must give. */
  readonly refused: RefusedMessages
}

const openers = new Opener([openingKeyFromSecret(fromHex(example.keys.encryptionSecret))])

/** As every peer judges them, and as the sequencer does where they are sealed. */
export function judged({ network, envelope }: Case, { networks }: MessageCases): Promise<Verdict> {
  const rules = messageRulesOf(networks[network], network === 'sealed' ? openers : undefined)
  return validateEnvelope(envelope as EnvelopeBytes, rules, new VerifierCache())
}

/** The same bytes at each call: nothing in here is random. */
export async function messageCases(): Promise<MessageCases> {
  const writers: Writers = {
    ed25519: writerOf(await privateKeyOf('writer of vectors')),
    secp256k1: writerOf(privateKeyFromRaw(seedOf('writer of vectors'))),
    rsa: writerOf(await privateKeyOf('', 'RSA')),
    client: writerOf(await generateKeyPairFromSeed('Ed25519', fromHex(example.keys.clientSeed)))
  }
  const document = {
    tallystick: 1,
    name: 'message vectors',
    ordering: EASY,
    application: { type: 'messages', schema: SCHEMA },
    limits: { messageBytes: MESSAGE_BYTES }
  }
  const networks = {
    open: networkOf(document),
    members: networkOf({ ...document, members: [peerIdToString(writers.secp256k1.signer.peerId)] }),
    sealed: parseCanonicalNetwork(utf8(example.network.canonical))
  }
  const make = new MessageMaker(networks, writers)
  return { networks, writers, accepted: acceptedBy(make), refused: refusedBy(make) }
}

function writerOf(key: PrivateKey): Writer {
  return { key, signer: signerOf(key) }
}

function acceptedBy(make: MessageMaker): MessageCases['accepted'] {
  const { ed25519, secp256k1, rsa } = make.writers
  return {
    'an Ed25519 key': make.open(ed25519),
    'a secp256k1 key': make.open(secp256k1),
    'an RSA key': make.open(rsa),
    'the highest sequence': make.open(ed25519, { sequence: 2n ** 64n - 1n }),
    'a time of 0, which is left out': make.open(ed25519, { time: 0 }),
    'a body with every kind of value': make.said(
      '{"data":{"a":[1,-2.5,1e+21,null,true],"é":"\\u0001"},"text":"x"}'
    ),
    'of a member': { ...make.open(secp256k1, {}, 'members'), network: 'members' },
    'sealed, as in the worked example': {
      network: 'sealed',
      envelope: fromHex(example.messages[0]?.envelope ?? '')
    }
  }
}

function refusedBy(make: MessageMaker): RefusedMessages {
  return {
    ...encodingCases(make),
    ...keyCases(make),
    ...signatureCases(make),
    ...bodyCases(make),
    ...sealedCases(make),
    'another network': make.as('wrong network', make.open(make.writers.ed25519, {}, 'members')),
    'the author is another one than who signed': make.as(
      'wrong author',
      make.open(make.writers.ed25519, { author: make.writers.rsa.signer.peerId })
    ),
    'one byte over messageBytes': make.as('too large', make.ofLength(MESSAGE_BYTES + 1)),
    'who writes is no member': {
      reason: 'not a member',
      network: 'members',
      envelope: make.open(make.writers.ed25519, {}, 'members').envelope
    }
  }
}
