import type { EncodedBody } from '../applications/application.js'
import type { Database } from '../chain/store.js'
import type { MessageId, Report } from '../core/events.js'
import type { Signer } from '../core/keys.js'
import type { Network, SetNetwork } from '../core/network.js'
import { sealedLength } from '../core/sealing.js'
import type { Rules } from '../rules/rules.js'
import { bodiesOf, setRulesOf } from '../rules/rules.js'
import { Outbox } from './outbox.js'
import type { Draft } from './outbox-entries.js'
import type { SequenceMark } from './sequence-mark.js'
import { Wallet, type WalletOptions } from './wallet.js'

/** Takes what is to be said, and hears of what may not be. */
export interface Outgoing {
  /** Resolves when there is room for one more, or when `signal` fires. */
  room(signal: AbortSignal): Promise<void>
  submit(draft: Draft): void
  refusedBeforeSending(reason: string, detail: string, id: MessageId | undefined): void
}

/** Network, key id, encapsulated key, sequence, time, payload type, and the tags and lengths of all fields. */
const FIXED_OVERHEAD = 150

/** What may be said in a network, and in what form. */
export interface Language {
  readonly bodies: 'sealed' | 'open'
  /** Of a message with its envelope, at most. */
  readonly messageBytes: number
  readonly encodeBody: (value: unknown) => EncodedBody
  /** What a body takes from its author's account, where the next one may take no more than is there. */
  readonly costOf?: ((body: Uint8Array) => bigint) | undefined
}

export function languageOf(rules: Rules): Language {
  const { messageBytes } = rules.network.document.limits
  const encodeBody: Language['encodeBody'] = value => rules.application.encodeBody(value)
  return { bodies: bodiesOf(rules), messageBytes, encodeBody, costOf: rules.application.accounts?.costOf }
}

/** Where there is no order. */
export function unorderedLanguageOf(network: SetNetwork): Language {
  const application = setRulesOf(network)
  const { messageBytes } = network.document.limits
  return { bodies: 'open', messageBytes, encodeBody: value => application.encodeBody(value) }
}

/**
 * Hands on what may be said in a network and fits a message of this author, once there is room for it. `wallet`: where
 * it is transfers that are said, and nobody pays what he does not have.
 */
export function sending(
  { bodies, messageBytes, encodeBody, costOf }: Language,
  signer: Signer,
  outgoing: Outgoing,
  wallet: Wallet | undefined
): (value: unknown, signal: AbortSignal, id?: MessageId) => Promise<void> {
  // Sequence and time take up to ten bytes each; field tags and lengths are counted at their longest.
  const overhead =
    signer.publicKey.length + signer.sign(new Uint8Array(0)).length + signer.peerId.length + FIXED_OVERHEAD
  return async (value, signal, id) => {
    const encoded = encodeBody(value)
    if ('refusal' in encoded)
      return outgoing.refusedBeforeSending(encoded.refusal.reason, encoded.refusal.detail, id)
    const { body } = encoded
    const bytes = overhead + (bodies === 'sealed' ? sealedLength(body.length) : body.length)
    if (bytes > messageBytes)
      return outgoing.refusedBeforeSending(
        'too large',
        `${bytes} bytes with its envelope; this network takes ${messageBytes}`,
        id
      )
    await outgoing.room(signal)
    if (signal.aborted)
      return outgoing.refusedBeforeSending('busy', 'the client stopped before there was room for it', id)
    if (wallet === undefined || costOf === undefined) return outgoing.submit({ body, id })
    const reserved = await wallet.reserve(costOf(body), signal)
    if (reserved.ok) outgoing.submit({ body, id, payment: reserved.payment })
    else outgoing.refusedBeforeSending(reserved.refusal.reason, reserved.refusal.detail, id)
  }
}

/** The outbox in a client's folder. It says where the folder is older than what the key has signed. */
export async function openOutbox(
  { database, network, now, report, mark }: OutboxPlace,
  signer: Signer
): Promise<Outbox> {
  const outbox = await Outbox.open(database, network, signer, now, mark)
  if (outbox.isOld)
    report({
      event: 'warning',
      message:
        'this key has signed messages that this folder does not know of: it is an older copy, or another folder. Their numbers are skipped; messages and receipts that only the newer folder has are not here'
    })
  return outbox
}

/**
 * Where the key has signed other messages under the numbers that the folder gives out, says so once, and goes on with
 * higher ones. What was refused is not said again by itself: a refusal is not signed, and a message must not be said
 * twice because a peer claims that it was not taken.
 */
export function skippingTakenNumbers(report: Report, outbox: Outbox): Report {
  let skippedTo: bigint | undefined
  let step = FIRST_SKIP
  return event => {
    report(event)
    if (event.event !== 'refused' || event.reason !== TAKEN || event.sequence === undefined) return
    if (skippedTo === undefined)
      report({
        event: 'warning',
        message: `this key has signed another message under number ${event.sequence}, of which neither this folder nor what is kept beside the key knows: both are older copies, or another place has a copy of the key. Put the newest of both back, and give another place a key of its own. Where they are lost, this client goes on with higher numbers: say again what was refused`
      })
    else if (event.sequence < skippedTo) return
    skippedTo = event.sequence + step
    if (step < LARGEST_SKIP) step *= 4n
    // It holds for this run in any case; the next message writes it down as well.
    outbox.skipTo(skippedTo).catch(() => undefined)
  }
}

export const TAKEN = 'sequence taken'

/** How many numbers are skipped at first; then four times as many each time. */
const FIRST_SKIP = 1024n
const LARGEST_SKIP = 2n ** 32n

interface OutboxPlace {
  readonly database: Database
  readonly network: Network
  readonly now: () => number
  readonly report: Report
  readonly mark?: SequenceMark | undefined
}

/** Where what is said pays from the author's account. */
export async function walletFor(
  { application, ordering }: Rules,
  options: Omit<WalletOptions, 'maxReorg'>
): Promise<Wallet | undefined> {
  if (application.accounts === undefined) return undefined
  // What one peer has ordered is final at once.
  const maxReorg = ordering.sequencer === undefined ? ordering.maxReorg : undefined
  return Wallet.open({ ...options, maxReorg })
}

/** Ends a client that pays when a transfer is refused that it has signed: others may use its account. */
export function endingAtRefusedPayments(
  report: Report,
  wallet: Wallet,
  failed: (error: Error) => void
): Report {
  return event => {
    report(event)
    if (event.event !== 'refused' || event.sequence === undefined) return
    wallet.release(event.sequence)
    failed(
      new Error(
        `transfer ${event.sequence} was refused after it was signed: ${event.reason}: ${event.detail}; another program may pay from this account, or this one has before, with another --data folder. Nothing more is sent. Look at it with: tallystick account --history`
      )
    )
  }
}
