import { concat, type PeerIdBytes, type PublicKeyBytes } from '#src/core/bytes.js'
import { decodeEnvelope, signEnvelope } from '#src/core/envelope.js'
import { encodeMessage } from '#src/core/message.js'
import type { Reason } from '#src/core/refusal.js'
import { Envelope } from '#src/core/wire/tallystick.js'
import { type Made, madeOf } from './authors.js'
import { seedOf } from './core.js'
import type { Payer } from './payers.js'

/** What no honest client sends, one of a kind. */
interface WrongTransfer {
  readonly what: string
  readonly reason: Reason
  /** Whether it is wrong by itself alone, whatever came before. */
  readonly always: boolean
  /** Under the payer's next number unless it says otherwise. */
  make(payer: Payer, next: bigint, to: Payer): Made
}

const varint = (...bytes: readonly number[]): Uint8Array => Uint8Array.from(bytes)

/** A type of keys that libp2p has not. */
const STRANGE_TYPE = 9

export const WRONG_TRANSFERS: readonly WrongTransfer[] = [
  {
    what: 'nothing',
    reason: 'bad amount',
    always: true,
    make: (payer, sequence, to) => payer.pay(to, 0n, { sequence })
  },
  {
    what: 'less than nothing',
    reason: 'overdraft',
    always: false,
    make: (payer, sequence, to) => payer.pay(to, BigInt.asUintN(64, -5n), { sequence })
  },
  {
    what: 'more than a u64 with the fee',
    reason: 'bad amount',
    always: true,
    make: (payer, sequence, to) => payer.pay(to, 2n ** 64n - 1n, { fee: 1n, sequence })
  },
  {
    what: 'an amount past a u64',
    reason: 'bad encoding',
    always: true,
    make: (payer, sequence, { peerId }) => {
      const to = concat(varint(0x0a, peerId.length), peerId)
      const past = varint(0x10, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02)
      return payer.saying(concat(to, past), { sequence })
    }
  },
  {
    what: 'to a key of a type that nobody knows',
    reason: 'bad account',
    always: true,
    make: (payer, sequence, { peerId }) => {
      const stranger = Uint8Array.from(peerId)
      stranger[3] = STRANGE_TYPE
      return payer.pay({ peerId: stranger as PeerIdBytes }, 1n, { sequence })
    }
  },
  {
    what: 'signed by a key of a type that nobody knows',
    reason: 'bad encoding',
    always: true,
    make: (payer, sequence, to) => {
      const { message } = payer.pay(to, 1n, { sequence })
      const publicKey = Uint8Array.from(payer.signer.publicKey) as PublicKeyBytes
      publicKey[1] = STRANGE_TYPE
      return madeOf(signEnvelope('message', encodeMessage(message), { ...payer.signer, publicKey }), message)
    }
  },
  {
    what: 'out of the account of somebody else',
    reason: 'wrong author',
    always: true,
    make: (payer, sequence, to) =>
      payer.signed(payer.claim({ sequence, author: to.peerId }), payer.pay(to, 1n, { sequence }).message.body)
  },
  {
    what: 'more than there is',
    reason: 'overdraft',
    always: false,
    make: (payer, sequence, to) => payer.pay(to, 1_000_000n, { sequence })
  },
  {
    what: 'too early',
    reason: 'sequence gap',
    always: false,
    make: (payer, sequence, to) => payer.pay(to, 1n, { sequence: sequence + 1_000n })
  },
  {
    what: 'under a number that was used',
    reason: 'sequence taken',
    always: false,
    make: (payer, _, to) => payer.pay(to, 2n, { sequence: 1n })
  },
  {
    what: 'in another network',
    reason: 'wrong network',
    always: true,
    make: (payer, sequence, to) => payer.pay(to, 1n, { sequence, network: seedOf('another network') })
  },
  {
    what: 'with a signature of nobody',
    reason: 'bad signature',
    always: true,
    make: (payer, sequence, to) => {
      const { envelope, message } = payer.pay(to, 1n, { sequence })
      return madeOf(Envelope.encode({ ...decodeEnvelope(envelope), signature: new Uint8Array(64) }), message)
    }
  },
  {
    what: 'sealed',
    reason: 'not open',
    always: true,
    make: (payer, sequence) => {
      const sealed = { keyId: new Uint8Array(8), enc: new Uint8Array(32), ciphertext: new Uint8Array(80) }
      return payer.signed(payer.claim({ sequence }), { kind: 'sealed', sealed })
    }
  }
]
