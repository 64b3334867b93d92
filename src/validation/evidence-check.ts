import { setImmediate } from 'node:timers/promises'
import type { AccountRules } from '../applications/application.js'
import { decodeAccountProof, encodeAccountProof } from '../applications/ledger/account-proof.js'
import { genesisCursor } from '../chain/cursor.js'
import type { Block, SignedHeader } from '../core/block.js'
import { type EnvelopeBytes, equal, type Hash } from '../core/bytes.js'
import { DecodeError } from '../core/codec.js'
import { decodeEnvelope } from '../core/envelope.js'
import { hasCode } from '../core/errors.js'
import { brokenStateEvidence, checkEvidence, type Evidence, type ShownBlock } from '../core/evidence.js'
import type { VerifierCache } from '../core/keys.js'
import { decodeMessage, type Message } from '../core/message.js'
import type { ChainNetwork, Network } from '../core/network.js'
import { validateOpenly } from '../core/validation.js'
import type { Rules } from '../rules/rules.js'
import { rulesOf } from '../rules/rules.js'
import { messageRules } from './message-rules.js'

export interface Reading {
  /** Where it fires before all is read, its reason is what is rejected with. */
  readonly signal?: AbortSignal
}

/**
 * Rejects with DecodeError, with what is wrong, unless it proves that the network's sequencer has lied. That depends on
 * the bytes and the network document alone. A block with many messages takes long: others get their turns meanwhile.
 */
export async function readEvidence(
  bytes: Uint8Array,
  network: Network,
  verifiers: VerifierCache,
  { signal }: Reading = {}
): Promise<Evidence> {
  if (network.kind !== 'chain' || network.sequencer === undefined)
    throw new DecodeError('evidence: this network has no sequencer')
  return checkEvidence(bytes, network, verifiers, {
    genesis: () => genesisCursor(rulesFor(network)).signed.id,
    judgeState: shown => judgeState(shown, rulesFor(network), verifiers, signal)
  })
}

/** What was shown as evidence: the pieces that hold, and why each of the others proves nothing. */
export interface SortedEvidence {
  readonly holding: readonly Evidence[]
  readonly faults: readonly string[]
}

export async function sortEvidence(
  pieces: Iterable<Uint8Array>,
  network: Network,
  verifiers: VerifierCache
): Promise<SortedEvidence> {
  const holding: Evidence[] = []
  const faults: string[] = []
  for (const bytes of pieces)
    try {
      holding.push(await readEvidence(bytes, network, verifiers))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      faults.push(error.message)
    }
  return { holding, faults }
}

/** They take long to make where many accounts have something at first, and anybody may show evidence. */
const known = new WeakMap<ChainNetwork, Rules>()

function rulesFor(network: ChainNetwork): Rules {
  const rules = known.get(network) ?? rulesOf(network)
  known.set(network, rules)
  return rules
}

/**
 * That a block is not what its messages make of the state before it, for those who do not know that state: it is
 * shown as far as it decides about the block. Undefined where there are no accounts.
 */
export function stateEvidence(
  { application: { accounts } }: Pick<Rules, 'application'>,
  parent: SignedHeader,
  before: unknown,
  { signed, envelopes }: Block
): Uint8Array | undefined {
  if (accounts === undefined) return undefined
  const touched = accounts.touchedBy(envelopes.map(messageIn), signed.header.producer)
  const proofs = touched.map(id => encodeAccountProof(accounts.prove(before, id)))
  return brokenStateEvidence(parent.header.height === 0 ? undefined : parent, signed, envelopes, proofs)
}

/** Messages whose signatures are verified in one turn of the event loop: each takes up to some milliseconds. */
const MESSAGES_IN_A_TURN = 4

/** Does what a follower does, with what is shown of the state. Says what is wrong. */
async function judgeState(
  shown: ShownBlock,
  rules: Rules,
  verifiers: VerifierCache,
  signal: AbortSignal | undefined
): Promise<string> {
  const { header, envelopes } = shown
  const { application } = rules
  const { accounts } = application
  if (accounts === undefined) throw new DecodeError('evidence: this network has no accounts')
  const messages = messageRules(rules)
  return reading(async () => {
    // Before any signature: proofs that do not hold prove nothing, whatever the messages are.
    let state: unknown = stateBefore(shown, accounts, () => application.digest(application.genesis()))
    for (const [index, envelope] of envelopes.entries()) {
      if (index % MESSAGES_IN_A_TURN === 0) await setImmediate()
      signal?.throwIfAborted()
      const verdict = validateOpenly(envelope, messages, verifiers)
      const outcome = verdict.ok
        ? application.applyMessage(state, decodeMessage(decodeEnvelope(envelope).payload))
        : verdict
      if (!outcome.ok)
        return `whose message at position ${header.size - header.count + index} is not valid: ${outcome.refusal.reason}`
      state = outcome.state
    }
    if (equal(application.digest(application.endBlock(state, header)), header.state))
      throw new DecodeError("evidence: the block's state is what its messages give")
    return 'whose state is not what its messages make of that of its parent'
  })
}

function stateBefore(
  { before, header, envelopes, proofs }: ShownBlock,
  accounts: AccountRules<unknown>,
  genesis: () => Hash
): unknown {
  const touched = accounts.touchedBy(envelopes.map(messageIn), header.producer)
  if (proofs.length !== touched.length)
    throw new DecodeError(`evidence: ${proofs.length} proofs of ${touched.length} accounts`)
  const shown = proofs.map((proof, index) => {
    const id = touched[index]
    if (id === undefined) throw new RangeError('as many proofs as accounts')
    return { id, ...decodeAccountProof(proof) }
  })
  return accounts.shown(before ?? genesis(), shown)
}

/** What proofs do not show, or show otherwise than it is, proves nothing. */
async function reading<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (hasCode(error, 'ERR_NOT_SHOWN', 'ERR_IMPOSSIBLE_BALANCE'))
      throw new DecodeError(`evidence: ${error.message}`, { cause: error })
    throw error
  }
}

/** Undefined where it is none. */
function messageIn(envelope: EnvelopeBytes): Message | undefined {
  try {
    return decodeMessage(decodeEnvelope(envelope).payload)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
