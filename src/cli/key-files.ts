import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { signerOf } from '../core/keys.js'
import { type OpeningKey, openingKeyFromSecret } from '../core/sealing.js'
import { Failure } from './failure.js'
import { createFile, exists, replaceFile, unreadable } from './files.js'

/** The private keys of a peer, in files that only their owner can read. */

export const KEY_TYPES = ['Ed25519', 'secp256k1', 'RSA'] as const
export type KeyType = (typeof KEY_TYPES)[number]

const PRIVATE = 0o600

/** A new identity key in a file of mode 0600. Throws Failure if the file exists. */
export async function makeIdentity(
  path: string,
  type: KeyType = 'Ed25519',
  bits = 2048
): Promise<PrivateKey> {
  const key = type === 'RSA' ? await generateKeyPair('RSA', bits) : await generateKeyPair(type)
  await createPrivate(path, privateKeyToProtobuf(key))
  return key
}

/** The identity key in a file, which is libp2p's own encoding of a private key. */
export async function readIdentity(path: string): Promise<PrivateKey> {
  const bytes = await readPrivate(path)
  try {
    const key = privateKeyFromProtobuf(bytes)
    signerOf(key)
    return key
  } catch {
    throw new Failure(`${path} holds no usable private key; make one with: tallystick keygen FILE`)
  }
}

export async function readOrMakeIdentity(path: string): Promise<PrivateKey> {
  return (await exists(path)) ? readIdentity(path) : makeIdentity(path)
}

/** A new encryption key, put before those that the file holds already: they go on opening. */
export async function addEncryptionKey(path: string): Promise<OpeningKey> {
  const { privateKey } = generateKeyPairSync('x25519')
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  if (await exists(path)) {
    const older = Buffer.from(await readPrivate(path)).toString()
    await replacePrivate(path, pem + older)
  } else {
    await createPrivate(path, pem)
  }
  return openingKeyOf(privateKey)
}

/** The X25519 keys in a file of PEM blocks, newest first. */
export async function readEncryptionKeys(path: string): Promise<[OpeningKey, ...OpeningKey[]]> {
  const text = Buffer.from(await readPrivate(path)).toString()
  const blocks = text.match(/-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/g) ?? []
  try {
    const [newest, ...older] = blocks.map(pem => openingKeyOf(createPrivateKey(pem)))
    if (newest !== undefined) return [newest, ...older]
  } catch {
    // Said below.
  }
  throw new Failure(
    `${path} holds no X25519 private key (PEM); make one with: tallystick keygen ${path} --type X25519`
  )
}

function openingKeyOf(key: KeyObject): OpeningKey {
  const { d } = key.export({ format: 'jwk' })
  return openingKeyFromSecret(Uint8Array.from(Buffer.from(d ?? '', 'base64url')))
}

function createPrivate(path: string, content: string | Uint8Array): Promise<void> {
  return createFile(path, content, PRIVATE)
}

function replacePrivate(path: string, content: string | Uint8Array): Promise<void> {
  return replaceFile(path, content, PRIVATE)
}

async function readPrivate(path: string): Promise<Uint8Array> {
  try {
    const { mode } = await stat(path)
    if ((mode & 0o077) !== 0)
      throw new Failure(`${path} can be read by others; a private key must not be: chmod 600 ${path}`)
    return await readFile(path)
  } catch (error) {
    throw error instanceof Failure ? error : unreadable(path, error)
  }
}
