import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { ClassicLevel } from 'classic-level'
import type { Database } from '../chain/store.js'
import { signerOf } from '../core/keys.js'
import { InvalidNetworkDocument, type Network, parseNetwork } from '../core/network-document.js'
import { type OpeningKey, openingKeyFromSecret } from '../core/sealing.js'
import { isSwarmKey, newSwarmKey } from '../network/swarm-key.js'
import { errorCode, Failure, UsageError } from './failure.js'

/** Everything a peer keeps in files: keys, the network document, its database. */

export const KEY_TYPES = ['Ed25519', 'secp256k1', 'RSA'] as const
export type KeyType = (typeof KEY_TYPES)[number]

const PRIVATE = 0o600

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false
    throw unreadable(path, error)
  }
}

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

/** A new pre-shared key of a network in a file of mode 0600. Throws Failure if the file exists. */
export async function makeSwarmKey(path: string): Promise<void> {
  await createPrivate(path, newSwarmKey())
}

/** In libp2p's own form. Throws Failure. */
export async function readSwarmKey(path: string): Promise<Uint8Array> {
  const key = await readPrivate(path)
  if (isSwarmKey(key)) return key
  throw new Failure(
    `${path} holds no pre-shared key of a network; copy the one that its other peers have, or make one with: tallystick keygen FILE --type swarm`
  )
}

/** Throws UsageError where there is none, Failure where it is not valid. */
export async function readNetwork(path: string): Promise<Network> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw unreadable(path, error)
    throw new UsageError(
      `there is no network document at ${path}; copy the one that your sequencer made (its config/network.json), name it with --network FILE, or make a network of your own with: tallystick init`
    )
  }
  try {
    return parseNetwork(text)
  } catch (error) {
    if (error instanceof InvalidNetworkDocument)
      throw new Failure(`${path} is not a valid network document: ${error.message}`)
    throw error
  }
}

/** Opens a LevelDB folder for this process alone. */
export async function openDatabase(path: string): Promise<Database> {
  try {
    await mkdir(path, { recursive: true })
    const database = new ClassicLevel<Uint8Array, Uint8Array>(path, {
      keyEncoding: 'view',
      valueEncoding: 'view'
    })
    await database.open()
    return database
  } catch (error) {
    if (errorCode(error) === 'LEVEL_LOCKED')
      throw new Failure(
        `${path} is in use by another process; stop that one, or give this one another --data DIR`
      )
    throw new Failure(`${path} cannot be opened as a database (${errorCode(error) ?? reason(error)})`)
  }
}

/** Writes a file that must not exist yet. */
export async function createFile(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  const whole = `${path}.${process.pid}.tmp`
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(whole, content, { mode, flush: true })
    // A link fails where the name is taken, and never shows half a file.
    await link(whole, path)
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw new Failure(`${path} exists already; it was left as it is`)
    throw new Failure(`${path} cannot be written (${errorCode(error) ?? reason(error)})`)
  } finally {
    await rm(whole, { force: true })
  }
}

/** Replaces a file whole: at any moment either the old or the new one is there. */
export async function replaceFile(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  const whole = `${path}.${process.pid}.tmp`
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(whole, content, { mode, flush: true })
    await rename(whole, path)
  } catch (error) {
    await rm(whole, { force: true })
    throw new Failure(`${path} cannot be written (${errorCode(error) ?? reason(error)})`)
  }
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

function unreadable(path: string, error: unknown): Failure {
  return new Failure(`${path} cannot be read (${errorCode(error) ?? reason(error)})`)
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
