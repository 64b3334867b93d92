import type { Balance } from '../core/balance.js'
import type { Header } from '../core/block.js'
import type { Hash, PeerIdBytes } from '../core/bytes.js'
import type { Fields, InitOption } from '../core/init-option.js'
import type { Message } from '../core/message.js'
import type { Section } from '../core/network.js'
import type { Refusal } from '../core/refusal.js'
import type { StakeView } from '../core/stakes.js'
import type { Account } from './ledger/account.js'
import type { AccountProof } from './ledger/account-proof.js'
import type { TransferSet } from './ledger/transfer-set.js'

/** An application as a module: all that is particular to it stands in its folder, and the registry names it. */
export interface ApplicationModule<S extends Section = Section> {
  readonly type: S['type']
  /** JSON Schema (2020-12) of its section of the network document, beside `type`. */
  readonly schema: { readonly required: readonly string[]; readonly properties: object }
  /** What a body says, for programs and for people. A body that was sealed may hold anything. Throws DecodeError. */
  show(body: Uint8Array): ShownBody
  /** The rules of a network whose section fits the schema. Throws InvalidNetworkDocument if it makes no sense. */
  rules(section: S): Application<unknown>
  /** Throws InvalidNetworkDocument where it does not go with an ordering. */
  expectOrdering(section: S, ordering: { readonly whyNoReward: string | undefined }): void
  /** Its rules where nothing is put into order. Throws InvalidNetworkDocument where it needs an order. */
  expectSet(section: S): SetApplication
  /** How `tallystick init` makes a network of it. */
  readonly init: ApplicationInit
}

interface ApplicationInit {
  /** Options that only networks of this application take; each sets the field of its section that it is named after. */
  readonly options: readonly InitOption[]
  /** Whether it does without an order. */
  readonly takesSet: boolean
  /** Whether people wait for each block, as where a payment can be spent only then. */
  readonly isPrompt: boolean
  /** The section, by the template's and by what was given beside it. Throws InvalidOption. */
  section(template: Fields, given: Fields, context: ApplicationInitContext): Fields
}

export interface ApplicationInitContext {
  readonly isSet: boolean
  /** Whether blocks may make something for their producer. */
  readonly rewards: boolean
}

/** What a body says: for programs, and on one line for people. */
export type ShownBody =
  | {
      readonly kind: 'transfer'
      readonly json: { readonly to: string; readonly amount: string; readonly fee: string }
      readonly text: string
    }
  | { readonly kind: 'json'; readonly json: unknown; readonly text: string }

/** What a message makes of a state, or why it is not valid there. */
export type Outcome<State> =
  | { readonly ok: true; readonly state: State }
  | { readonly ok: false; readonly refusal: Refusal }

/** What a block makes of a state, or the index of the first message that is not valid at its place. */
export type Applied<State> =
  | { readonly ok: true; readonly state: State }
  | { readonly ok: false; readonly index: number; readonly refusal: Refusal }

/**
 * `new`: the body was not taken before. `stored`: it stands in a sequencer's log, which may have been begun under rules
 * without the limits of today; what was taken then stays taken.
 */
export type BodyAge = 'new' | 'stored'

export type EncodedBody = { readonly body: Uint8Array } | { readonly refusal: Refusal }

/**
 * What messages mean. State is an immutable value: a rollback moves the head and needs no undo code.
 * `applyMessage` alone decides whether a message is valid at its place, so that intake, the choice of messages for
 * a block, import and recovery cannot disagree.
 */
export interface Application<State> {
  /** Whether nothing that is said changes the state. Where something does, bodies are open: everybody must read them. */
  readonly isStateless: boolean
  /** Whether a body says something in this application, whatever came before it. */
  checkBody(body: Uint8Array, age?: BodyAge): Refusal | undefined
  /** The body of a message that says a JSON value, or why it may not be said. */
  encodeBody(value: unknown): EncodedBody
  genesis(): State
  /** Where there is a state, it refuses what does not fit it, and whatever `checkBody` refuses. */
  applyMessage(state: State, message: Message): Outcome<State>
  /** Once after the last message of a block: what the block itself brings. Never makes a message invalid that was valid. */
  endBlock(state: State, header: Header): State
  /** Of a state between two blocks. */
  digest(state: State): Hash
  stakes(state: State): StakeView
  /** Where what is said pays from accounts; undefined where there are none. */
  readonly accounts: AccountRules<State> | undefined
}

/** What others may ask of a state that has accounts, and what the maker of a header may claim of it. */
export interface AccountRules<State> {
  /** What a message takes from its author's account. Throws DecodeError where the body is no payment. */
  costOf(body: Uint8Array): bigint
  /** Undefined where nothing was ever paid to it. */
  account(state: State, id: PeerIdBytes): Account | undefined
  /** All of them, or those after one that need not be there, in the order of the hashes of their ids. */
  list(state: State, after?: PeerIdBytes): Iterable<Account>
  /** Against the state's digest, also of an account that is not there. */
  prove(state: State, id: PeerIdBytes): AccountProof
  /** Of a state between two blocks with these accounts. Throws ImpossibleBalance where there cannot be such. */
  digestOf(accounts: Iterable<Account>): Hash
  /** Whether any chain that leads to this header may give an account this much, and this number. */
  isPossible(account: Account, header: Header): boolean
  /** How many accounts there can be after this header. */
  mostAccounts(header: Header): number
  /** The accounts that decide what a block makes of a state, each once. Undefined stands for what is no message. */
  touchedBy(messages: readonly (Message | undefined)[], producer: PeerIdBytes): readonly PeerIdBytes[]
  /** The state with this digest, as far as proofs show it. Throws NotShown where they do not hold; so does whatever looks further. */
  shown(digest: Hash, proofs: Iterable<AccountProof & Pick<Account, 'id'>>): State
}

/** The state after a block whose messages are all valid, each at its place. */
export function applyBlock<State>(
  application: Application<State>,
  before: State,
  header: Header,
  messages: Iterable<Message>
): Applied<State> {
  let state = before
  if (!application.isStateless) {
    let index = 0
    for (const message of messages) {
      const outcome = application.applyMessage(state, message)
      if (!outcome.ok) return { ...outcome, index }
      state = outcome.state
      index += 1
    }
  }
  return { ok: true, state: application.endBlock(state, header) }
}

export type Counted =
  /** `isNew`: it was not counted before. */
  { readonly ok: true; readonly isNew: boolean } | { readonly ok: false; readonly refusal: Refusal }

/** What messages mean where nothing is put into order: a set of them that only grows, and what it comes to. */
export interface SetApplication {
  /** Whether a body says something in this application. */
  checkBody(body: Uint8Array): Refusal | undefined
  /** The body of a message that says a JSON value, or why it may not be said. */
  encodeBody(value: unknown): EncodedBody
  /** Takes a valid message, whose id in the set is `id`, into the set. */
  count(id: Hash, message: Message): Counted
  /** Undefined where no message names the account. */
  balance(id: PeerIdBytes): bigint | undefined
  /** At most `limit` balances of those that came after an account; from the first one on without it. New ones come last. */
  page(after: PeerIdBytes | undefined, limit: number): Balance[]
  /** By account, in hex. */
  readonly balances: ReadonlyMap<string, bigint>
  /** The set as it is now. */
  readonly transfers: TransferSet
}
