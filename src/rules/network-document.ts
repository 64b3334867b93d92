import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import { APPLICATIONS, applicationModule } from '../applications/registry.js'
import { equal, utf8 } from '../core/bytes.js'
import { InexactJson, parseExactJson } from '../core/exact-json.js'
import { sha256 } from '../core/hash.js'
import { canonicalJson, isTooDeep } from '../core/json.js'
import { LIMITS } from '../core/limits.js'
import { expectPeerId, InvalidNetworkDocument, type Network, type NetworkDocument } from '../core/network.js'
import type { OrderingInit } from '../orderings/ordering.js'
import { ORDERINGS, orderingModule } from '../orderings/registry.js'

/** The section of a document whose peers replicate a set: it stands in place of an ordering. */
export const NO_ORDER = 'none'

/** How the orderings are called in network documents. */
export type OrderingName = (typeof ORDERINGS)[number]['type'] | typeof NO_ORDER
export const ORDERING_NAMES: readonly OrderingName[] = [...ORDERINGS.map(({ type }) => type), NO_ORDER]

const SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['tallystick', 'name', 'ordering', 'application', 'limits'],
  properties: {
    tallystick: { const: 1 },
    name: { type: 'string', minLength: 1, maxLength: 100 },
    ordering: oneOf([...ORDERINGS, { type: NO_ORDER, schema: { required: [], properties: {} } }]),
    application: oneOf(APPLICATIONS),
    members: {
      type: 'array',
      items: { type: 'string', minLength: 1, maxLength: 128 },
      uniqueItems: true,
      maxItems: 10_000
    },
    limits: {
      type: 'object',
      additionalProperties: false,
      required: ['messageBytes'],
      properties: { messageBytes: { type: 'integer', minimum: 512, maximum: 1_047_552 } }
    }
  }
}

interface SectionModule {
  readonly type: string
  readonly schema: { readonly required: readonly string[]; readonly properties: object }
}

/** A section that is one of these modules'. */
function oneOf(modules: readonly SectionModule[]): object {
  return {
    type: 'object',
    required: ['type'],
    discriminator: { propertyName: 'type' },
    oneOf: modules.map(({ type, schema: { required, properties } }) => ({
      additionalProperties: false,
      required,
      properties: { type: { const: type }, ...properties }
    }))
  }
}

// The schema is our own: to hold it against that of all schemas would double the time that a thread takes to start.
const OPTIONS = { discriminator: true, meta: false, validateSchema: false } as const
/** Stops at the first thing that is wrong: a stranger's document may have millions of them. */
const validate = new Ajv2020(OPTIONS).compile<NetworkDocument>(SCHEMA)

/** Characters up to which a document is looked through for all that is wrong with it. */
const LOOKED_THROUGH = 64 * 1024

/** Throws InvalidNetworkDocument. */
export function parseNetwork(text: string): Network {
  let value: unknown
  try {
    value = parseExactJson(text)
  } catch (error) {
    if (error instanceof InexactJson) throw new InvalidNetworkDocument(error.message, { cause: error })
    if (error instanceof SyntaxError)
      throw new InvalidNetworkDocument(`it is not JSON: ${error.message}`, { cause: error })
    throw error
  }
  return networkOf(value, text.length <= LOOKED_THROUGH)
}

/** How networks of an ordering, or without one, are made. */
export function initOf(name: OrderingName): OrderingInit {
  return name === NO_ORDER ? SET_INIT : orderingModule({ type: name }).init
}

const SET_INIT: OrderingInit = {
  phrase: 'has no order',
  options: [],
  hasOrderer: false,
  rewards: false,
  section: async template => template,
  next: 'all its peers are equal: run each with --role follower'
}

/** From the canonical bytes in block 0. Throws InvalidNetworkDocument, also where they are not canonical. */
export function parseCanonicalNetwork(bytes: Uint8Array): Network {
  expectNotTooLong(bytes)
  const network = parseNetwork(new TextDecoder().decode(bytes))
  if (!equal(network.canonical, bytes)) throw new InvalidNetworkDocument('it is not in canonical form')
  return network
}

/**
 * Throws InvalidNetworkDocument, which tells all that does not fit the schema, or the first of it. What the application
 * says of its own section is looked at where its rules are made.
 */
export function networkOf(value: unknown, tellsAll = true): Network {
  if (!validate(value)) {
    const problems = (tellsAll ? allErrors(value) : validate.errors)?.map(describeProblem)
    throw new InvalidNetworkDocument(problems?.join('; ') ?? 'it does not fit the schema')
  }
  for (const id of value.members ?? []) expectPeerId(id)
  const canonical = canonicalForm(value)
  const identity = { document: value, canonical, id: sha256(canonical) }
  const application = applicationModule(value.application)
  if (value.ordering.type === NO_ORDER) {
    application.expectSet(value.application)
    return { kind: 'set', ...identity }
  }
  const ordering = orderingModule(value.ordering).rules(value.ordering)
  expectBounded(ordering, value.limits)
  application.expectOrdering(value.application, ordering)
  return { kind: 'chain', sequencer: ordering.sequencer, ...identity }
}

/** Throws InvalidNetworkDocument. */
function expectBounded(
  { blockSize, maxReorg }: { readonly blockSize: number; readonly maxReorg: number },
  { messageBytes }: NetworkDocument['limits']
): void {
  if (blockSize * messageBytes > LIMITS.blockBytes)
    throw new InvalidNetworkDocument(
      `blockSize × messageBytes is over ${LIMITS.blockBytes}, the most that a block may take; lower one of them`
    )
  if (maxReorg * blockSize * messageBytes > LIMITS.reorgBytes)
    throw new InvalidNetworkDocument(
      `maxReorg × blockSize × messageBytes is over ${LIMITS.reorgBytes}, the most that one reorg may move; lower one of them`
    )
}

function allErrors(value: unknown): typeof validate.errors {
  const validateAll = new Ajv2020({ ...OPTIONS, allErrors: true }).compile(SCHEMA)
  validateAll(value)
  return validateAll.errors
}

function describeProblem({ instancePath, keyword, message = 'does not fit' }: ErrorObject): string {
  if (keyword === 'discriminator') return `${instancePath}/type must be one that is known here`
  return `${instancePath || 'the document'} ${message}`
}

function canonicalForm(value: NetworkDocument): Uint8Array {
  const text = canonicalJson(value, LIMITS.documentDepth)
  if (text === undefined)
    throw new InvalidNetworkDocument(
      isTooDeep(value, LIMITS.documentDepth)
        ? `it is nested more than ${LIMITS.documentDepth} deep`
        : 'it has no canonical form (RFC 8785)'
    )
  const canonical = utf8(text)
  expectNotTooLong(canonical)
  return canonical
}

function expectNotTooLong({ length }: Uint8Array): void {
  if (length > LIMITS.documentBytes)
    throw new InvalidNetworkDocument(`${length} bytes; it has ${LIMITS.documentBytes} at most`)
}
