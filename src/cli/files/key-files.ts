import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { toHex, utf8 } from '../../core/bytes.js'
import { describeError } from '../../core/events.js'
import { provenKey } from '../../core/proven-signer.js'
import { type OpeningKey, openingKeyFromSecret } from '../../core/sealing.js'
import { isSwarmKey, newSwarmKey } from '../../network/swarm-key.js'
import type { DatedKey, DatedKeys } from '../../validation/key-ring.js'
import { Failure } from '../failure.js'
import { exists } from './files.js'
import { createSecret, readSecret, replaceSecret } from './secret-files.js'

/** The private keys of a peer, and the form they have in files. */

export const KEY_TYPES = ['Ed25519', 'secp256k1', 'RSA'] as const
export type KeyType = (typeof KEY_TYPES)[number]

export interface IdentityWishes {
  readonly type?: KeyType
  /** Of an RSA key. */
  readonly bits?: number | undefined
  readonly passphrase?: string | undefined
}

/** A new identity key in a file of mode 0600. Throws Failure if the file exists. */
export async function makeIdentity(
  path: string,
  { type = 'Ed25519', bits = 2048, passphrase }: IdentityWishes = {}
): Promise<PrivateKey> {
  const key = type === 'RSA' ? await generateKeyPair('RSA', bits) : await generateKeyPair(type)
  await createSecret(path, { content: privateKeyToProtobuf(key), passphrase })
  return key
}

/** The identity key in a file, which is libp2p's own encoding of a private key. Throws Failure where it is damaged. */
export async function readIdentity(path: string): Promise<PrivateKey> {
  const { content } = await readSecret(path)
  try {
    return await provenKey(content)
  } catch (error) {
    const other = otherKeyIn(content)
    if (other !== undefined)
      throw new Failure(
        'ERR_WRONG_CONTENT',
        `${path} holds ${other}, and an identity key (${KEY_TYPES.join(', ')}) is needed here; name the file of one`
      )
    throw new Failure(
      'ERR_WRONG_CONTENT',
      `${path} holds no usable private key (${describeError(error)}); restore it from a copy, or make one with: tallystick keygen FILE`,
      { cause: error }
    )
  }
}

/** In words, what a file holds that holds no identity key; undefined where it is no key of ours. */
function otherKeyIn(content: Uint8Array): string | undefined {
  if (isSwarmKey(content)) return 'the pre-shared key of a network (swarm)'
  return Buffer.from(content).includes(PEM) ? 'an encryption key (X25519)' : undefined
}

export async function readOrMakeIdentity(path: string): Promise<PrivateKey> {
  return (await exists(path)) ? readIdentity(path) : makeIdentity(path)
}

/** A new encryption key in a file of its own. Throws Failure if the file exists. */
export async function makeEncryptionKey(path: string, passphrase?: string): Promise<OpeningKey> {
  const { key, text } = newEncryptionKey()
  await createSecret(path, { content: utf8(text), passphrase })
  return key
}

/** A new encryption key, put before those in the file, under the passphrase that the file has. */
export async function rotateEncryptionKey(path: string): Promise<OpeningKey> {
  await readEncryptionKeys(path)
  const { content, passphrase } = await readSecret(path)
  const { key, text } = newEncryptionKey()
  await replaceSecret(path, { content: Buffer.concat([utf8(text), content]), passphrase })
  return key
}

const PEM = '-----BEGIN PRIVATE KEY-----'

/** `keygen` makes no key in a file that is there, and another key would be of no use for the log. */
const RESTORE_KEYS =
  'restore it from a copy, or name the right file: a new key opens no message that was sealed before it was made'

/** The X25519 keys in a file of PEM blocks, newest first, each with the date in the line before it. */
export async function readEncryptionKeys(path: string): Promise<DatedKeys> {
  const text = Buffer.from((await readSecret(path)).content).toString()
  const blocks = [...text.matchAll(DATED_BLOCK)]
  try {
    const [newest, ...older] = blocks.map(([, keyId, date, pem = '']) => datedKeyOf(pem, keyId, date))
    if (newest !== undefined) return [newest, ...older]
  } catch (error) {
    throw new Failure('ERR_DAMAGED', `${path} is damaged: ${describeError(error)}; ${RESTORE_KEYS}`, {
      cause: error
    })
  }
  throw new Failure(
    'ERR_WRONG_CONTENT',
    `${path} holds no X25519 private keys (PEM, each after a line that may say when it was made); ${RESTORE_KEYS}`
  )
}

/** Encrypts a file, whatever keys it holds, with another passphrase, or with its first one. */
export async function changePassphrase(path: string, ask: () => Promise<string>): Promise<void> {
  const { content } = await readSecret(path)
  await replaceSecret(path, { content, passphrase: await ask() })
}

/**
 * RFC 7468 lets text stand before a block. Ours tells the id of the key, and when it was made: the one after it is
 * replaced since then.
 */
const DATED_BLOCK =
  /(?:^(?:encryption key ([0-9a-f]{16}),)?[^\n]*\bmade (\S+)\r?\n)?(-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----)/gm

function newEncryptionKey(): { readonly key: OpeningKey; readonly text: string } {
  // Made as text and read back: in Node 20 the JWK of a key that was just generated can deadlock with the garbage collection.
  const { privateKey: pem } = generateKeyPairSync('x25519', {
    privateKeyEncoding: { format: 'pem', type: 'pkcs8' },
    publicKeyEncoding: { format: 'pem', type: 'spki' }
  })
  const key = openingKeyOf(createPrivateKey(pem))
  return { key, text: `encryption key ${toHex(key.keyId)}, made ${new Date().toISOString()}\n${pem}` }
}

/** Throws where any of them is not what it must be. */
function datedKeyOf(pem: string, keyId: string | undefined, date: string | undefined): DatedKey {
  const key = openingKeyOf(createPrivateKey(pem))
  if (keyId !== undefined && keyId !== toHex(key.keyId))
    throw new Error(`it names encryption key ${keyId}, and holds key ${toHex(key.keyId)}`)
  if (date === undefined) return key
  const made = Date.parse(date)
  if (Number.isNaN(made)) throw new RangeError(`${date} is no date`)
  return { ...key, made }
}

function openingKeyOf(key: KeyObject): OpeningKey {
  const { d } = key.export({ format: 'jwk' })
  return openingKeyFromSecret(Uint8Array.from(Buffer.from(d ?? '', 'base64url')))
}

/** A new pre-shared key of a network in a file of mode 0600. Throws Failure if the file exists. */
export async function makeSwarmKey(path: string): Promise<void> {
  await createSecret(path, { content: newSwarmKey(), passphrase: undefined })
}

/** In libp2p's own form. Throws Failure. */
export async function readSwarmKey(path: string): Promise<Uint8Array> {
  const { content } = await readSecret(path)
  if (isSwarmKey(content)) return content
  throw new Failure(
    'ERR_WRONG_CONTENT',
    `${path} holds no pre-shared key of a network; copy the one that its other peers have, or make one with: tallystick keygen FILE --type swarm`
  )
}
