import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import { equal, type Hash, type PeerIdBytes, utf8 } from './bytes.js'
import { InexactJson, parseExactJson } from './exact-json.js'
import { sha256 } from './hash.js'
import { canonicalJson, isTooDeep } from './json.js'
import { peerIdFromText, peerIdToString } from './keys.js'
import { LIMITS } from './limits.js'

/** What all peers of a network agree on. Its hash is the network id; block 0, where there are blocks, carries it. */
export type NetworkDocument = OrderedNetworkDocument | UnorderedNetworkDocument

/** Blocks put into order what is said. */
export interface OrderedNetworkDocument extends CommonDocument {
  readonly ordering: SequencerOrderingDocument | WorkOrderingDocument
  readonly application: ApplicationDocument
}

/** Nobody puts anything into order: peers keep the set of all that was said. */
interface UnorderedNetworkDocument extends CommonDocument {
  readonly ordering: { readonly type: 'none' }
  readonly application: LedgerApplicationDocument
}

interface CommonDocument {
  /** Version of the formats. */
  readonly tallystick: 1
  readonly name: string
  /** PeerIds that may write. Anyone may where it is left out. */
  readonly members?: readonly string[]
  readonly limits: {
    /** Bytes of an envelope at most. */
    readonly messageBytes: number
  }
}

/** How the orderings are called in network documents. */
export type OrderingName = NetworkDocument['ordering']['type']

export interface SequencerOrderingDocument {
  readonly type: 'sequencer'
  /** PeerId of the one who orders. */
  readonly sequencer: string
  /** Messages in a block. */
  readonly blockSize: number
  /** Age of the oldest pending message, ms, at which a shorter block is cut. Never where it is left out. */
  readonly blockTimeout?: number
}

/** Proof of work. Times in ms; targets in compact form, 8 hex digits. */
export interface WorkOrderingDocument {
  readonly type: 'work'
  /** When the genesis was, since 1970: the schedule of blocks begins there. */
  readonly start: number
  /** Between two blocks, on average. */
  readonly interval: number
  /** How far behind the schedule the chain must be for the target to have doubled. */
  readonly halfLife: number
  /** Of the first block. */
  readonly target: string
  /** The easiest that a block may ever have. */
  readonly easiest: string
  /** Messages in a block at most. */
  readonly blockSize: number
  /** Whether a block may have no messages. */
  readonly emptyBlocks: boolean
  /** How many blocks a heavier branch may replace. */
  readonly maxReorg: number
}

type ApplicationDocument = MessagesApplicationDocument | LedgerApplicationDocument

export interface MessagesApplicationDocument {
  readonly type: 'messages'
  /** JSON Schema (2020-12) that each message's JSON must fit. */
  readonly schema: Readonly<Record<string, unknown>>
}

/** Amounts are u64 in decimal digits. */
export interface LedgerApplicationDocument {
  readonly type: 'ledger'
  /** What accounts have at first, by PeerId. */
  readonly accounts: Readonly<Record<string, string>>
  /** What each block makes for its producer. None where it is left out. */
  readonly reward?: string
  /** The least fee of a transfer. None where it is left out. */
  readonly leastFee?: string
}

const peerId = { type: 'string', minLength: 1, maxLength: 128 } as const

const blockSize = { type: 'integer', minimum: 1, maximum: LIMITS.blockMessages } as const
const ms = { type: 'integer', minimum: 1, maximum: 86_400_000 } as const
const digits = { type: 'string', pattern: '^(0|[1-9][0-9]{0,19})$' } as const
const compactTarget = { type: 'string', pattern: '^[0-9a-f]{8}$' } as const

const SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['tallystick', 'name', 'ordering', 'application', 'limits'],
  properties: {
    tallystick: { const: 1 },
    name: { type: 'string', minLength: 1, maxLength: 100 },
    ordering: {
      type: 'object',
      required: ['type'],
      discriminator: { propertyName: 'type' },
      oneOf: [
        {
          additionalProperties: false,
          required: ['sequencer', 'blockSize'],
          properties: {
            type: { const: 'sequencer' },
            sequencer: peerId,
            blockSize,
            blockTimeout: ms
          }
        },
        {
          additionalProperties: false,
          required: [
            'start',
            'interval',
            'halfLife',
            'target',
            'easiest',
            'blockSize',
            'emptyBlocks',
            'maxReorg'
          ],
          properties: {
            type: { const: 'work' },
            start: { type: 'integer', minimum: 0, maximum: 2 ** 48 },
            interval: ms,
            halfLife: ms,
            target: compactTarget,
            easiest: compactTarget,
            blockSize,
            emptyBlocks: { type: 'boolean' },
            maxReorg: { type: 'integer', minimum: 1, maximum: 1_000 }
          }
        },
        { additionalProperties: false, properties: { type: { const: 'none' } } }
      ]
    },
    application: {
      type: 'object',
      required: ['type'],
      discriminator: { propertyName: 'type' },
      oneOf: [
        {
          additionalProperties: false,
          required: ['schema'],
          properties: { type: { const: 'messages' }, schema: { type: 'object' } }
        },
        {
          additionalProperties: false,
          required: ['accounts'],
          properties: {
            type: { const: 'ledger' },
            accounts: {
              type: 'object',
              maxProperties: 10_000,
              additionalProperties: { type: 'string', pattern: '^[1-9][0-9]{0,19}$' }
            },
            reward: digits,
            leastFee: digits
          }
        }
      ]
    },
    members: { type: 'array', items: peerId, uniqueItems: true, maxItems: 10_000 },
    limits: {
      type: 'object',
      additionalProperties: false,
      required: ['messageBytes'],
      properties: { messageBytes: { type: 'integer', minimum: 512, maximum: 1_047_552 } }
    }
  }
} as const

/** What fits the schema. Which parts go together is looked at beside. */
interface ReadDocument extends CommonDocument {
  readonly ordering: NetworkDocument['ordering']
  readonly application: ApplicationDocument
}

// The schema is our own: to hold it against that of all schemas would double the time that a thread takes to start.
const OPTIONS = { discriminator: true, meta: false, validateSchema: false } as const
/** Stops at the first thing that is wrong: a stranger's document may have millions of them. */
const validate = new Ajv2020(OPTIONS).compile<ReadDocument>(SCHEMA)

/** Characters up to which a document is looked through for all that is wrong with it. */
const LOOKED_THROUGH = 64 * 1024

/** A parsed document with its canonical bytes (RFC 8785) and its id, their SHA-256. */
export type Network = OrderedNetwork | UnorderedNetwork

export interface OrderedNetwork extends NetworkIdentity {
  readonly kind: 'ordered'
  readonly document: OrderedNetworkDocument
}

export interface UnorderedNetwork extends NetworkIdentity {
  readonly kind: 'unordered'
  readonly document: UnorderedNetworkDocument
}

interface NetworkIdentity {
  readonly canonical: Uint8Array
  readonly id: Hash
}

/** Thrown with a sentence that says what is wrong where. */
export class InvalidNetworkDocument extends Error {
  override name = 'InvalidNetworkDocument'
}

/** Throws InvalidNetworkDocument. */
export function parseNetwork(text: string): Network {
  let value: unknown
  try {
    value = parseExactJson(text)
  } catch (error) {
    if (error instanceof InexactJson) throw new InvalidNetworkDocument(error.message)
    if (error instanceof SyntaxError) throw new InvalidNetworkDocument(`it is not JSON: ${error.message}`)
    throw error
  }
  return networkOf(value, text.length <= LOOKED_THROUGH)
}

/** From the canonical bytes in block 0. Throws InvalidNetworkDocument, also where they are not canonical. */
export function parseCanonicalNetwork(bytes: Uint8Array): Network {
  expectNotTooLong(bytes)
  const network = parseNetwork(new TextDecoder().decode(bytes))
  if (!equal(network.canonical, bytes)) throw new InvalidNetworkDocument('it is not in canonical form')
  return network
}

/** Throws InvalidNetworkDocument, which tells all that does not fit the schema, or the first of it. */
export function networkOf(value: unknown, tellsAll = true): Network {
  if (!validate(value)) {
    const problems = (tellsAll ? allErrors(value) : validate.errors)?.map(describeProblem)
    throw new InvalidNetworkDocument(problems?.join('; ') ?? 'it does not fit the schema')
  }
  const { ordering, application, members = [] } = value
  for (const id of ordering.type === 'sequencer' ? [ordering.sequencer, ...members] : members)
    expectPeerId(id)
  const canonical = canonicalForm(value)
  const identity = { canonical, id: sha256(canonical) }
  if (ordering.type === 'none')
    return {
      kind: 'unordered',
      document: { ...value, ordering, application: unordered(application) },
      ...identity
    }
  const document = { ...value, ordering }
  expectSound(document)
  return { kind: 'ordered', document, ...identity }
}

/** Throws InvalidNetworkDocument. */
function expectSound({ ordering, application, limits }: OrderedNetworkDocument): void {
  if (ordering.blockSize * limits.messageBytes > LIMITS.blockBytes)
    throw new InvalidNetworkDocument(
      `blockSize × messageBytes is over ${LIMITS.blockBytes}, the most that a block may take; lower one of them`
    )
  if (ordering.type === 'work') {
    const { maxReorg, blockSize } = ordering
    if (maxReorg * blockSize * limits.messageBytes > LIMITS.reorgBytes)
      throw new InvalidNetworkDocument(
        `maxReorg × blockSize × messageBytes is over ${LIMITS.reorgBytes}, the most that one reorg may move; lower one of them`
      )
  }
  if (application.type === 'ledger' && ordering.type === 'sequencer' && hasReward(application))
    throw new InvalidNetworkDocument(
      '/application/reward: a sequencer is paid by fees alone; leave the reward out'
    )
}

/** Throws InvalidNetworkDocument where the application needs an order. */
function unordered(application: ApplicationDocument): LedgerApplicationDocument {
  if (application.type !== 'ledger')
    throw new InvalidNetworkDocument(
      `/application/type: ${application.type} need an order; with ordering none it must be ledger`
    )
  if (hasReward(application))
    throw new InvalidNetworkDocument(
      '/application/reward: without an order there are no blocks to be rewarded for; leave the reward out'
    )
  return application
}

function hasReward({ reward = '0' }: LedgerApplicationDocument): boolean {
  return reward !== '0'
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

/** Throws InvalidNetworkDocument where nobody puts anything into order. */
export function expectOrdered(network: Network): OrderedNetwork {
  if (network.kind === 'ordered') return network
  throw new InvalidNetworkDocument(`"${network.document.name}" has no order, and so no blocks`)
}

/** Who orders. Throws InvalidNetworkDocument where nobody does. */
export function sequencerOf({ document: { ordering, name } }: Network): PeerIdBytes {
  if (ordering.type !== 'sequencer')
    throw new InvalidNetworkDocument(`"${name}" has no sequencer: its ordering is ${ordering.type}`)
  return peerIdFromText(ordering.sequencer)
}

/** The members that the document names; none where anyone may write. */
export function membersOf({ document: { members = [] } }: Network): PeerIdBytes[] {
  return members.map(peerIdFromText)
}

function canonicalForm(value: ReadDocument): Uint8Array {
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

function expectPeerId(text: string): void {
  let problem = 'not in its usual text, which is base58'
  try {
    if (peerIdToString(peerIdFromText(text)) === text) return
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error)
  }
  throw new InvalidNetworkDocument(`"${text}" is not a PeerId: ${problem}`)
}
