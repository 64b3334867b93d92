import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { generateKeyPairFromSeed, privateKeyFromProtobuf, privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import fc from 'fast-check'
import { asHash, type EnvelopeBytes, type Hash, type PeerIdBytes, toHex, utf8 } from '#src/core/bytes.js'
import { signEnvelope } from '#src/core/envelope.js'
import { sha256 } from '#src/core/hash.js'
import { peerIdToString, type Signer, signerOf } from '#src/core/keys.js'
import { encodeMessage, type Message } from '#src/core/message.js'
import type { Network } from '#src/core/network.js'
import {
  newSealingContext,
  type OpeningKey,
  openingKeyFromSeed,
  type SealingContext,
  seal
} from '#src/core/sealing.js'
import { networkOf } from '#src/rules/network-document.js'

const ROOT = new URL('../../../', import.meta.url)

/** Where a file or folder of the repository is. */
export function repositoryPath(path: string): string {
  return fileURLToPath(new URL(path, ROOT))
}

/** A file of the repository; compiled tests lie in build/test. */
export function repositoryFile(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8')
}

/** A JSON file of test/vectors, in the shape the caller knows it to have. */
export function vectors<T>(path: string): T {
  const parsed: unknown = JSON.parse(repositoryFile(`test/vectors/${path}`))
  return parsed as T
}

// Every run tries the same cases, so that a red build can be repeated; FC_SEED tries others.
const { FC_SEED } = process.env
const SEED = FC_SEED === undefined ? 0x7a11 : Number(FC_SEED)

/** Parameters for fc.assert. */
export function runs<T>(numRuns: number): fc.Parameters<T> {
  return { seed: SEED, numRuns }
}

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}

/** 32 bytes that a name stands for. */
export function seedOf(name: string): Hash {
  return sha256(utf8(name))
}

/** A copy in which the bits of `mask` are turned over. */
export function flipped(bytes: Uint8Array, index: number, mask = 1): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy.set([(copy[index] ?? 0) ^ mask], index)
  return copy
}

/** Compares what is in there: Node's Buffers and plain bytes are alike, and a difference shows as hex. */
export function assertSame(actual: unknown, expected: unknown, message?: string): void {
  assert.deepEqual(readable(actual), readable(expected), message)
}

function readable(value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes ${toHex(value)}`
  if (Array.isArray(value)) return value.map(readable)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, readable(inner)]))
  return value
}

export const arbitrary = {
  bytes: (minLength = 0, maxLength = 200) => fc.uint8Array({ minLength, maxLength }),
  hash: () => fc.uint8Array({ minLength: 32, maxLength: 32 }).map(asHash),
  /** Any length that a PeerId may have; most name no key. */
  peerId: () => fc.uint8Array({ minLength: 34, maxLength: 44 }).map(bytes => bytes as PeerIdBytes),
  envelope: () => fc.uint8Array({ maxLength: 200 }).map(bytes => bytes as EnvelopeBytes),
  u64: (min = 0n) => fc.bigInt({ min, max: 2n ** 64n - 1n }),
  /** As large as a number on the wire may be. */
  count: () => fc.maxSafeNat()
}

export const KEY_TYPES = ['Ed25519', 'secp256k1', 'RSA'] as const
export type KeyName = (typeof KEY_TYPES)[number]

interface PublishedKeys {
  readonly keys: readonly { readonly type: string; readonly private_pb_hex: string }[]
}

/** The private key that a name stands for. RSA keys come from no seed: there it is libp2p's published one. */
export async function privateKeyOf(name: string, type: KeyName = 'Ed25519'): Promise<PrivateKey> {
  switch (type) {
    case 'Ed25519':
      return generateKeyPairFromSeed('Ed25519', seedOf(name))
    case 'secp256k1':
      return privateKeyFromRaw(seedOf(name))
    case 'RSA': {
      const { keys } = vectors<PublishedKeys>('libp2p/peer_id_keys.json')
      const hex = keys.find(key => key.type === 'rsa')?.private_pb_hex ?? ''
      return privateKeyFromProtobuf(fromHex(hex))
    }
  }
}

export async function signerNamed(name: string, type: KeyName = 'Ed25519'): Promise<Signer> {
  return signerOf(await privateKeyOf(name, type))
}

/** A network document in plain JSON, to be changed before it is parsed. */
export function documentOf(sequencer: Signer) {
  return {
    tallystick: 1,
    name: 'test',
    ordering: { type: 'sequencer', sequencer: peerIdToString(sequencer.peerId), blockSize: 100 },
    application: { type: 'messages', schema: { type: 'object' } },
    limits: { messageBytes: 4096 }
  }
}

/** One network with its sequencer, the sequencer's encryption key, and an author who has agreed on a session. */
export interface Stage {
  readonly network: Network
  readonly sequencer: Signer
  readonly key: OpeningKey
  readonly author: Signer
  readonly session: SealingContext
}

export async function stageOf(keyType: KeyName = 'Ed25519'): Promise<Stage> {
  const sequencer = await signerNamed('sequencer')
  const author = await signerNamed('author', keyType)
  const network = networkOf(documentOf(sequencer))
  const key = await openingKeyFromSeed(seedOf('encryption key'))
  return { network, sequencer, key, author, session: await newSealingContext(key, network.id, author.peerId) }
}

/** What the author says before the body: its first message, unless told otherwise. */
export function claimOf(stage: Stage, changes: Partial<Omit<Message, 'body'>> = {}) {
  return {
    network: stage.network.id,
    author: stage.author.peerId,
    sequence: 1n,
    time: 1_700_000_000_000,
    ...changes
  }
}

/** A message of the author, sealed. */
export function sealedMessage(
  stage: Stage,
  plaintext = utf8('{"text":"hello"}'),
  changes: Partial<Omit<Message, 'body'>> = {}
): Message {
  const claim = claimOf(stage, changes)
  return { ...claim, body: { kind: 'sealed', sealed: seal(stage.session, claim, plaintext) } }
}

export function signedMessage(message: Message, signer: Signer): EnvelopeBytes {
  return signEnvelope('message', encodeMessage(message), signer)
}
