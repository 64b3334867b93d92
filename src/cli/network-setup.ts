import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { applicationOf } from '../applications/index.js'
import { peerIdToString, signerOf } from '../core/keys.js'
import { InvalidNetworkDocument, type Network, networkOf } from '../core/network-document.js'
import { Failure } from './failure.js'
import { createFile, exists } from './files.js'
import { makeEncryptionKey, readOrMakeIdentity } from './key-files.js'

/** The template of a sequencer's network document that ships with the program. */
const TEMPLATE = fileURLToPath(new URL('../../config/sequencer.json', import.meta.url))

export interface NetworkFiles {
  readonly network: string
  readonly key: string
  readonly encryptionKey: string
}

/** Where a sequencer keeps the encryption key that goes with an identity key. */
export function encryptionKeyBeside(key: string): string {
  return `${key.replace(/\.key$/, '')}.encryption.key`
}

export interface NetworkWishes {
  readonly template?: string
  readonly name?: string
  readonly blockSize?: number
  readonly blockTimeout?: number
  readonly schema?: string
  readonly members?: readonly string[]
}

/** Makes a network document for the sequencer with this key, and the keys that are not there yet. */
export async function makeNetwork(files: NetworkFiles, wishes: NetworkWishes = {}): Promise<Network> {
  if (await exists(files.network)) throw new Failure(`${files.network} exists already; it was left as it is`)
  const template = await readJson(wishes.template ?? TEMPLATE)
  const schema = wishes.schema === undefined ? {} : { schema: await readJson(wishes.schema) }
  const key = await readOrMakeIdentity(files.key)
  if (!(await exists(files.encryptionKey))) await makeEncryptionKey(files.encryptionKey)
  const { name, blockSize, blockTimeout, members } = wishes
  const network = checked(wishes.template ?? TEMPLATE, {
    ...template,
    ...(name !== undefined && { name }),
    ordering: {
      ...part(template, 'ordering'),
      sequencer: peerIdToString(signerOf(key).peerId),
      ...(blockSize !== undefined && { blockSize }),
      ...(blockTimeout !== undefined && { blockTimeout })
    },
    application: { ...part(template, 'application'), ...schema },
    ...(members !== undefined && members.length > 0 && { members })
  })
  await createFile(files.network, `${JSON.stringify(network.document, null, 2)}\n`)
  return network
}

function checked(source: string, document: unknown): Network {
  try {
    const network = networkOf(document)
    applicationOf(network.document)
    return network
  } catch (error) {
    if (error instanceof InvalidNetworkDocument)
      throw new Failure(`no network can be made from ${source}: ${error.message}`)
    throw error
  }
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (isRecord(value)) return value
  } catch (error) {
    throw new Failure(`${path} cannot be read as JSON (${error instanceof Error ? error.message : error})`)
  }
  throw new Failure(`${path} does not hold a JSON object`)
}

function part(template: Record<string, unknown>, name: string): Record<string, unknown> {
  const value = template[name]
  return isRecord(value) ? value : {}
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
