import { fileURLToPath } from 'node:url'
import type { LedgerSection } from '../../applications/ledger/section.js'
import { parseExactJson } from '../../core/exact-json.js'
import { InvalidNetworkDocument, type Network } from '../../core/network.js'
import type { OrderingName } from '../../rules/network-document.js'
import { networkOf } from '../../rules/network-document.js'
import { expectRules } from '../../rules/rules.js'
import { Failure } from '../failure.js'
import { exists, readText } from '../files/files.js'
import { createFile } from '../files/written-files.js'

/** What is common to the making of all networks: a template, some wishes, and a file that must not be there yet. */

export interface NetworkWishes {
  /** Another template than the one that ships with the program. */
  readonly template?: string
  readonly name?: string
  readonly blockSize?: number
  readonly schema?: string
  /** In place of the template's application. */
  readonly ledger?: LedgerSection
  readonly members?: readonly string[]
}

type Part = Readonly<Record<string, unknown>>

/**
 * Writes a network document after a template. `order` makes its ordering of the template's; it is not called
 * where the file exists or the template is of another ordering, and may make keys.
 */
export async function writeNetwork(
  file: string,
  type: OrderingName,
  wishes: NetworkWishes,
  order: (template: Part) => Promise<Part>
): Promise<Network> {
  if (await exists(file)) throw new Failure(`${file} exists already; it was left as it is`)
  const source = wishes.template ?? shipped(type)
  const template = await readJson(source)
  const ordering = part(template, 'ordering')
  const { type: found } = ordering
  if (found !== type)
    throw new Failure(`${source} is no template of a network with ordering ${type}; name another one`)
  const schema = wishes.schema === undefined ? {} : { schema: await readJson(wishes.schema) }
  const { name, blockSize, members, ledger } = wishes
  const network = checked(source, wishes.schema, {
    ...template,
    ...(name !== undefined && { name }),
    ordering: { ...(await order(ordering)), ...(blockSize !== undefined && { blockSize }) },
    application: ledger ?? { ...part(template, 'application'), ...schema },
    ...(members !== undefined && members.length > 0 && { members })
  })
  await createFile(file, `${JSON.stringify(network.document, null, 2)}\n`)
  return network
}

const SCHEMA_PLACE = '/application/schema'

function shipped(type: OrderingName): string {
  return fileURLToPath(import.meta.resolve(`#config/${type}.json`))
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
        `no network can be made from ${error.message.startsWith(SCHEMA_PLACE) ? (schema ?? source) : source}: ${error.message}`
      )
    throw error
  }
}

async function readJson(path: string): Promise<Part> {
  try {
    const text = await readText(path)
    if (text === undefined) throw new Error('ENOENT: it is not there')
    const value = parseExactJson(text)
    if (isPart(value)) return value
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(`${path} cannot be read as JSON (${error instanceof Error ? error.message : error})`)
  }
  throw new Failure(`${path} does not hold a JSON object`)
}

function part(template: Part, name: string): Part {
  const value = template[name]
  return isPart(value) ? value : {}
}

function isPart(value: unknown): value is Part {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
