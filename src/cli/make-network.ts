import { fileURLToPath } from 'node:url'
import { parseExactJson } from '../core/exact-json.js'
import type { Fields } from '../core/init-option.js'
import { peerIdToString, signerOf } from '../core/keys.js'
import { InvalidNetworkDocument, type Network } from '../core/network.js'
import { initOf, networkOf, type OrderingName } from '../rules/network-document.js'
import { expectRules } from '../rules/rules.js'
import { Failure } from './failure.js'
import { exists, readText } from './files/files.js'
import { makeEncryptionKey, readOrMakeIdentity } from './files/key-files.js'
import { createFile } from './files/written-files.js'

/** Where the document goes, and the key of the peer that orders, where one does. The keys are made where they are not there. */
export interface NewNetworkFiles {
  readonly network: string
  readonly key: string
}

/** What a new network is like where the template says something else. */
export interface NetworkWishes {
  /** Another template than the one that ships with the program. */
  readonly template?: string
  readonly name?: string
  /** Fields of the ordering's section. */
  readonly section?: Fields
  /** Makes the application's section of the template's. */
  readonly application?: (template: Fields) => Fields
  /** The file that a part of the application's section was read from. */
  readonly applicationFile?: string
  readonly members?: readonly string[]
  /** Whether people wait for each block. */
  readonly isPrompt?: boolean
}

/** Where a sequencer keeps the encryption key that goes with an identity key. */
export function encryptionKeyBeside(key: string): string {
  return `${key.replace(/\.key$/, '')}.encryption.key`
}

/** Writes a network document after a template. Nothing is made where it exists, or the template is of another ordering. */
export async function makeNetwork(
  { network: file, key }: NewNetworkFiles,
  ordering: OrderingName,
  wishes: NetworkWishes = {},
  now: number = Date.now()
): Promise<Network> {
  if (await exists(file)) throw new Failure('ERR_EXISTS', `${file} exists already; it was left as it is`)
  const source = wishes.template ?? shipped(ordering)
  const template = {
    ...(await readJson(source)),
    ...(wishes.template === undefined && ownTemplate(ordering))
  }
  const section = fieldsIn(template, 'ordering')
  const { type } = section
  if (type !== ordering)
    throw new Failure(
      'ERR_WRONG_CONTENT',
      `${source} is no template of a network with ordering ${ordering}; name another one`
    )
  const { name, members, application, isPrompt = false } = wishes
  const context = { now, isPrompt, orderer: () => ordererAt(key) }
  const network = checked(source, wishes.applicationFile, {
    ...template,
    ...(name !== undefined && { name }),
    ordering: await initOf(ordering).section(section, wishes.section ?? {}, context),
    ...(application && { application: application(fieldsIn(template, 'application')) }),
    ...(members !== undefined && members.length > 0 && { members })
  })
  await createFile(file, `${JSON.stringify(network.document, null, 2)}\n`)
  return network
}

/** The PeerId of the key in this file. Makes it, and the encryption key beside it, where they are not there. */
async function ordererAt(file: string): Promise<string> {
  const key = await readOrMakeIdentity(file)
  const encryptionKey = encryptionKeyBeside(file)
  if (!(await exists(encryptionKey))) await makeEncryptionKey(encryptionKey)
  return peerIdToString(signerOf(key).peerId)
}

function shipped(ordering: OrderingName): string {
  const name = initOf(ordering).template === undefined ? ordering : 'sequencer'
  return fileURLToPath(import.meta.resolve(`#config/${name}.json`))
}

/** The section, where its module brings it. */
function ownTemplate(ordering: OrderingName): Fields {
  const { template } = initOf(ordering)
  return template === undefined ? {} : { ordering: { type: ordering, ...template } }
}

/** `schema`: the file that the schema of the document's application comes from, where it is not the template. */
function checked(source: string, schema: string | undefined, document: unknown): Network {
  try {
    const network = networkOf(document)
    expectRules(network)
    return network
  } catch (error) {
    if (error instanceof InvalidNetworkDocument)
      throw new Failure(
        error.code,
        `no network can be made from ${error.code === 'ERR_SCHEMA' ? (schema ?? source) : source}: ${error.message}`,
        { cause: error }
      )
    throw error
  }
}

/** A JSON object in a file. Throws Failure. */
export async function readJson(path: string): Promise<Fields> {
  try {
    const text = await readText(path)
    if (text === undefined) throw new Error('ENOENT: it is not there')
    const value = parseExactJson(text)
    if (isObject(value)) return value
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(
      'ERR_WRONG_CONTENT',
      `${path} cannot be read as JSON (${error instanceof Error ? error.message : error})`,
      { cause: error }
    )
  }
  throw new Failure('ERR_WRONG_CONTENT', `${path} does not hold a JSON object`)
}

function fieldsIn(template: Fields, name: string): Fields {
  const value = template[name]
  return isObject(value) ? value : {}
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
