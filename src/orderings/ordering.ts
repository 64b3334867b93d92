import type { Header, HeaderRules, SignedHeader } from '../core/block.js'
import type { PeerIdBytes } from '../core/bytes.js'
import type { Fault } from '../core/fault.js'
import type { Fields, InitOption } from '../core/init-option.js'
import { LIMITS } from '../core/limits.js'
import type { Section } from '../core/network.js'
import type { StakeView } from '../core/stakes.js'
import type { Producer, ProducerContext } from './producer.js'

/** An ordering as a module: all that is particular to it stands in its folder, and the registry names it. */
export interface OrderingModule<S extends Section = Section> {
  readonly type: S['type']
  /** JSON Schema (2020-12) of its section of the network document, beside `type`. */
  readonly schema: { readonly required: readonly string[]; readonly properties: object }
  /** The rules of a network whose section fits the schema. Throws InvalidNetworkDocument if it makes no sense. */
  rules(section: S): Ordering
  /** How `tallystick init` makes a network of it. */
  readonly init: OrderingInit
  /** Full nodes that extend the chain: their role, and what does it. Undefined where one peer orders. */
  readonly producer?: {
    readonly role: string
    create(context: ProducerContext): Producer
  }
}

export interface OrderingInit {
  /** Fields of the section of a new network, all else as config/sequencer.json has it; left out where config/TYPE.json has it. */
  readonly template?: Fields
  /** What a network of this ordering is, after its name: `is ordered by …`. */
  readonly phrase: string
  /** Options that only networks of this ordering take; each sets the field of its section that it is named after. */
  readonly options: readonly InitOption[]
  /** Whether one peer orders, whose keys are made with the network. */
  readonly hasOrderer: boolean
  /** Whether blocks may make something for their producer. */
  readonly rewards: boolean
  /** The section, by the template's and by what was given beside it. */
  section(template: Fields, given: Fields, context: InitContext): Promise<Fields>
  /** What to do after the network was made; undefined where nothing needs to be said. */
  readonly next: string | undefined
}

interface InitContext {
  /** ms since 1970. */
  readonly now: number
  /** The PeerId of the peer that orders. Makes its keys where there are none. */
  orderer(): Promise<string>
  /** Whether people wait for each block, as where a payment can be spent only then. */
  readonly isPrompt: boolean
}

/** Fields that several sections have. */
export const PEER_ID = { type: 'string', minLength: 1, maxLength: 128 } as const
export const BLOCK_SIZE = { type: 'integer', minimum: 1, maximum: LIMITS.blockMessages } as const
export const MS = { type: 'integer', minimum: 1, maximum: 86_400_000 } as const

/** The headers before a block, its parent first and never more than `lookback` of them. */
export type Ancestors = readonly [parent: Header, ...older: Header[]]

/** Who extends the chain, when, and which of two chains counts. Pure rules; clocks are arguments, ms since 1970. */
export interface Ordering extends HeaderRules {
  /** The one peer that orders, and signs receipts and checkpoints; undefined where any peer may extend the chain. */
  readonly sequencer: PeerIdBytes | undefined
  /** Messages in a block at most. */
  readonly blockSize: number
  /** Why blocks may make nothing for their producer; undefined where they may. */
  readonly whyNoReward: string | undefined
  /** How many blocks a heavier branch may replace; 0: none, ever. */
  readonly maxReorg: number
  /** Whether message bodies are sealed to the sequencer, or open to all. */
  readonly bodies: 'sealed' | 'open'
  /** Age of the oldest pending message, ms, at which `due` may change its mind; undefined: it never does. */
  readonly maxPendingAge: number | undefined
  /** When the genesis was, ms since 1970. */
  readonly genesisTime: number
  /** How many ancestors of a block its rules look at; the parent is one. */
  readonly lookback: number
  /**
   * What is wrong with a header as a child of the first of `ancestors`, beside what `screen` finds, as far as headers tell:
   * all of it, or `needs state` where stakes decide the rest.
   */
  checkHeader(header: Header, ancestors: Ancestors, now: number): Fault | 'needs state' | undefined
  /** All that is wrong with it. `stakes`: as the state before the block has them, asked for only where they decide. */
  verify(header: Header, ancestors: Ancestors, stakes: () => StakeView, now: number): Fault | undefined
  /** What is wrong with a header as the head of any chain at this time, whatever stands before it, beside what `screen` finds. */
  screenHead(header: Header, now: number): Fault | undefined
  weight(header: Header): bigint
  /** Below 0 where `one` is to be the head rather than `other`, both with the same total weight. */
  compare(one: SignedHeader, other: SignedHeader): number
  /**
   * How many of `pending` messages the next block takes now; undefined while none is due. `oldest`: when the first of them
   * came, by the same clock as `now`, which is monotonic: what matters is how long ago that was.
   */
  due(head: Header, pending: number, oldest: number, now: number): number | undefined
  /** The draft with all in it that this ordering asks of it, up to the proof that may take long to find. */
  prepare(draft: Header, ancestors: Ancestors): Header
}
