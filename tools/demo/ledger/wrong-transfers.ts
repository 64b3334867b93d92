import { base58btc } from 'multiformats/bases/base58'
import { encodeTransfer } from '#src/applications/ledger/transfer.js'
import { concat, type EnvelopeBytes, type Hash, type PeerIdBytes, utf8 } from '#src/core/bytes.js'
import { decodeEnvelope, signEnvelope } from '#src/core/envelope.js'
import { sha256 } from '#src/core/hash.js'
import { peerIdFromText, type Signer } from '#src/core/keys.js'
import { encodeMessage, type Message } from '#src/core/message.js'
import type { Reason } from '#src/core/refusal.js'
import { Envelope } from '#src/core/wire/tallystick.js'
import type { OrderingName } from '../../localnet/orderings.js'
import { GRANT, LEAST_FEE } from './grants.js'
import { signBody, signTransfer } from './signed-transfer.js'

/** Who forges one: an account that has paid at least once, under number 1. */
interface Forger {
  readonly signer: Signer
  readonly network: Hash
  /** The number that comes next for its account. */
  readonly next: bigint
  /** Whom to pay. */
  readonly to: string
  /** What was paid under number 1, as it was signed. */
  readonly first: EnvelopeBytes
}

/** A transfer as a line of a client's input, and with what reason the client refuses it before it signs. */
export interface WrongLine {
  readonly reason: Reason
  say(to: string): { readonly to: string; readonly amount: string; readonly fee?: string }
}

/** One kind of transfer that is not valid. */
export interface Wrong {
  readonly name: string
  /** What a peer says to it; `known`: what it says to one that it has. */
  readonly told: Reason | 'known'
  /** It is not valid because of what came before it. */
  readonly needsOrder?: true
  make(forger: Forger): EnvelopeBytes
  /** Where a client can be asked to send one. */
  readonly line?: WrongLine
}

const pay = ({ signer, network, next, to }: Forger, amount: bigint, fee = LEAST_FEE, sequence = next) =>
  signTransfer(signer, network, { sequence, to, amount, fee })

/** A transfer of 1 as a message, for what only its other parts make wrong. */
const claim = ({ signer, network, next, to }: Forger): Message => {
  const bytes = encodeTransfer({ to: peerIdFromText(to), amount: 1n, fee: LEAST_FEE })
  return { network, author: signer.peerId, sequence: next, time: Date.now(), body: { kind: 'open', bytes } }
}

const signed = (message: Message, signer: Signer): EnvelopeBytes =>
  signEnvelope('message', encodeMessage(message), signer)

const WRONG_TRANSFERS: readonly Wrong[] = [
  {
    name: 'negative amount',
    told: 'bad amount',
    // On the wire as any program without signs reads it: over a u64 with the fee.
    make: forger => pay(forger, BigInt.asUintN(64, -LEAST_FEE)),
    line: { reason: 'bad amount', say: to => ({ to, amount: '-5' }) }
  },
  {
    name: 'amount of zero',
    told: 'bad amount',
    make: forger => pay(forger, 0n),
    line: { reason: 'bad amount', say: to => ({ to, amount: '0' }) }
  },
  {
    name: 'amount past a u64',
    told: 'bad encoding',
    make: ({ signer, network, next, to }) => {
      const whole = encodeTransfer({ to: peerIdFromText(to), amount: 0n, fee: 0n })
      return signBody(signer, network, next, concat(whole, AMOUNT_PAST_U64))
    },
    line: { reason: 'bad amount', say: to => ({ to, amount: String(2n ** 64n) }) }
  },
  {
    name: 'no fee',
    told: 'fee too low',
    make: forger => pay(forger, 1n, LEAST_FEE - 1n),
    line: { reason: 'fee too low', say: to => ({ to, amount: '1', fee: String(LEAST_FEE - 1n) }) }
  },
  {
    name: "receiver's key type",
    told: 'bad account',
    make: ({ signer, network, next, to }) => {
      const stranger = withUnknownKeyType(peerIdFromText(to), 2) as PeerIdBytes
      const body = encodeTransfer({ to: stranger, amount: 1n, fee: LEAST_FEE })
      return signBody(signer, network, next, body)
    },
    line: {
      reason: 'bad account',
      say: to => ({ to: base58btc.baseEncode(withUnknownKeyType(peerIdFromText(to), 2)), amount: '1' })
    }
  },
  {
    name: "signer's key type",
    told: 'bad encoding',
    make: forger => {
      const signed = decodeEnvelope(pay(forger, 1n))
      return envelopeOf({ ...signed, publicKey: withUnknownKeyType(signed.publicKey, 0) })
    }
  },
  {
    name: 'bad signature',
    told: 'bad signature',
    make: forger => {
      const signed = decodeEnvelope(pay(forger, 1n))
      return envelopeOf({ ...signed, signature: new Uint8Array(signed.signature.length) })
    }
  },
  {
    name: 'another account',
    told: 'wrong author',
    make: forger => signed({ ...claim(forger), author: peerIdFromText(forger.to) }, forger.signer)
  },
  {
    name: 'sealed',
    told: 'not open',
    make: forger => {
      const sealed = { keyId: new Uint8Array(8), enc: new Uint8Array(32), ciphertext: new Uint8Array(80) }
      return signed({ ...claim(forger), body: { kind: 'sealed', sealed } }, forger.signer)
    }
  },
  {
    name: 'wrong network',
    told: 'wrong network',
    make: forger => pay({ ...forger, network: sha256(utf8('another network')) }, 1n)
  },
  { name: 'replay', told: 'known', make: ({ first }) => first },
  { name: 'overdraft', told: 'overdraft', needsOrder: true, make: forger => pay(forger, 2n * GRANT) },
  {
    name: 'amount near a u64',
    told: 'overdraft',
    needsOrder: true,
    // On the wire of a program that reads it with a sign, less than nothing.
    make: forger => pay(forger, BigInt.asUintN(64, -5n))
  },
  {
    name: 'number used twice',
    told: 'sequence taken',
    needsOrder: true,
    make: forger => pay(forger, 2n, LEAST_FEE, 1n)
  },
  {
    name: 'gap in numbers',
    told: 'sequence gap',
    needsOrder: true,
    make: forger => pay(forger, 3n, LEAST_FEE, 1_000n)
  }
]

/** More than it has, which a client of a ledger with an order refuses to sign. */
export const OVERDRAWING_LINE: WrongLine = {
  reason: 'overdraft',
  say: to => ({ to, amount: String(1_000n * GRANT) })
}

/** Those that a peer refuses. */
export function wrongIn(ordering: OrderingName): readonly Wrong[] {
  return WRONG_TRANSFERS.filter(({ needsOrder }) => needsOrder !== true || ordering !== 'none')
}

/** Those that count where nobody orders anything (docs/LEDGER.md). */
export function rightIn(ordering: OrderingName): readonly Wrong[] {
  return WRONG_TRANSFERS.filter(({ needsOrder }) => needsOrder === true && ordering === 'none')
}

/** Field 2, a varint of 2⁶⁴ + 1. */
const AMOUNT_PAST_U64 = Uint8Array.of(0x10, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02)

/** An encoded key begins with the field of its type; a PeerId that is the key itself, with two bytes more. */
function withUnknownKeyType(bytes: Uint8Array, start: number): Uint8Array {
  const changed = Uint8Array.from(bytes)
  changed[start + 1] = 9
  return changed
}

function envelopeOf(parts: Parameters<typeof Envelope.encode>[0]): EnvelopeBytes {
  return Envelope.encode(parts) as Uint8Array as EnvelopeBytes
}
