import assert from 'node:assert/strict'
import fc from 'fast-check'
import { applyBlock } from '#src/applications/application.js'
import type { Account } from '#src/applications/ledger/account.js'
import { LedgerApplication } from '#src/applications/ledger/ledger.js'
import type { LedgerState } from '#src/applications/ledger/state.js'
import { encodeTransfer, type Transfer } from '#src/applications/ledger/transfer.js'
import { concat, type EnvelopeBytes, type PeerIdBytes, type PublicKeyBytes, toHex } from '#src/core/bytes.js'
import { decodeEnvelope, signEnvelope } from '#src/core/envelope.js'
import { VerifierCache } from '#src/core/keys.js'
import { decodeMessage, encodeMessage, type Message } from '#src/core/message.js'
import type { Reason } from '#src/core/refusal.js'
import { U64_MAX } from '#src/core/u64.js'
import { type MessageRules, validateEnvelope } from '#src/core/validation.js'
import { present } from '../helpers/changes.js'
import { assertSame, flipped, fromHex, runs, seedOf, vectors } from '../helpers/core.js'
import {
  blockBy,
  type Holder,
  holder,
  LEDGER_NETWORK,
  ledgerDocument,
  stateDigest,
  transferMessage
} from '../helpers/ledger.js'

/** The rules once more, as plainly as they can be written. */
class Model {
  readonly accounts = new Map<string, { readonly id: PeerIdBytes; balance: bigint; sequence: bigint }>()
  supply = 0n
  fees = 0n

  constructor(
    private readonly reward: bigint,
    private readonly leastFee: bigint
  ) {}

  at(id: PeerIdBytes): { balance: bigint; sequence: bigint } {
    const name = toHex(id)
    const account = this.accounts.get(name) ?? { id, balance: 0n, sequence: 0n }
    this.accounts.set(name, account)
    return account
  }

  give(id: PeerIdBytes, amount: bigint): void {
    this.at(id).balance += amount
    this.supply += amount
  }

  transfer(
    from: PeerIdBytes,
    sequence: bigint,
    to: PeerIdBytes,
    amount: bigint,
    fee: bigint
  ): Reason | undefined {
    const wrong = this.#judge(from, sequence, amount, fee)
    if (wrong !== undefined) return wrong
    const author = this.at(from)
    author.balance -= amount + fee
    author.sequence = sequence
    this.at(to).balance += amount
    this.fees += fee
    return undefined
  }

  #judge(from: PeerIdBytes, sequence: bigint, amount: bigint, fee: bigint): Reason | undefined {
    if (amount === 0n || amount + fee >= 2n ** 64n) return 'bad amount'
    if (fee < this.leastFee) return 'fee too low'
    const { balance, sequence: last } = this.accounts.get(toHex(from)) ?? { balance: 0n, sequence: 0n }
    if (sequence <= last) return 'sequence taken'
    if (sequence !== last + 1n) return 'sequence gap'
    return balance < amount + fee ? 'overdraft' : undefined
  }

  endBlock(producer: PeerIdBytes): void {
    let made = this.reward
    while (this.supply + made >= 2n ** 64n) made -= 1n
    if (this.fees + made > 0n) this.at(producer).balance += this.fees + made
    this.supply += made
    this.fees = 0n
  }
}

/** By their places in the list. The last one has nothing at first. */
const holders = await Promise.all([
  holder('alice'),
  holder('bob', 'secp256k1'),
  holder('carol', 'RSA'),
  holder('dave'),
  holder('erin')
])
const person = (index: number): Holder => present(holders[index % holders.length])

const SLIPS = ['zero', 'too large', 'overdraft', 'replay', 'gap', 'far gap', 'cheap'] as const
type Slip = (typeof SLIPS)[number] | 'none'

/** Three in four are meant to be valid. */
const steps = fc.record({
  from: fc.nat(4),
  to: fc.nat(4),
  /** Of what the author has, in 256ths. */
  share: fc.nat(255),
  fee: fc.bigInt({ min: 2n, max: 9n }),
  slip: fc.oneof(
    { weight: 3, arbitrary: fc.constant<Slip>('none') },
    { weight: 1, arbitrary: fc.constantFrom<Slip>(...SLIPS) }
  ),
  /** Whether a block ends behind it, and whose. */
  producer: fc.option(fc.nat(4), { freq: 3, nil: undefined })
})

const histories = fc.record({
  balances: fc.array(fc.bigInt({ min: 1n, max: U64_MAX / 4n }), { minLength: 4, maxLength: 4 }),
  reward: fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: 1000n })),
  leastFee: fc.constantFrom(0n, 2n),
  steps: fc.array(steps, { minLength: 1, maxLength: 60 })
})

describe('the ledger: random histories', () => {
  it('come to what a simple model comes to, message by message and block by block', () => {
    let taken = 0
    let refused = 0
    fc.assert(
      fc.property(histories, ({ balances, reward, leastFee, steps }) => {
        const initial = balances.map((balance, index) => ({ id: person(index).id, balance }))
        const ledger = new LedgerApplication(ledgerDocument(initial, { reward, leastFee }))
        const model = new Model(reward, leastFee)
        for (const { id, balance } of initial) model.give(id, balance)
        let state = ledger.genesis()
        let block: Message[] = []
        let beforeBlock = state
        for (const step of steps) {
          const [from, to] = [person(step.from), person(step.to)]
          const { balance, sequence: last } = state.account(from.id) ?? { balance: 0n, sequence: 0n }
          const { slip } = step
          const amounts: Partial<Record<Slip, bigint>> = {
            zero: 0n,
            'too large': U64_MAX,
            overdraft: balance + 1n
          }
          const sequences: Partial<Record<Slip, bigint>> = {
            replay: last,
            gap: last + 2n,
            'far gap': U64_MAX
          }
          const amount = amounts[slip] ?? ((balance * BigInt(step.share)) / 256n || 1n)
          const sequence = sequences[slip] ?? last + 1n
          const fee = slip === 'cheap' ? 1n : step.fee
          const message = transferMessage(from, sequence, { to: to.id, amount, fee })
          const outcome = ledger.applyMessage(state, message)
          const expected = model.transfer(from.id, sequence, to.id, amount, fee)
          assert.equal(outcome.ok ? undefined : outcome.refusal.reason, expected)
          if (outcome.ok) {
            taken += 1
            state = outcome.state
            block.push(message)
          } else refused += 1
          if (step.producer === undefined) continue
          const producer = person(step.producer)
          state = ledger.endBlock(state, blockBy(producer))
          model.endBlock(producer.id)
          assertLike(state, model)
          const whole = applyBlock(ledger, beforeBlock, blockBy(producer), block)
          assert.ok(whole.ok)
          assertSame(whole.state.digest(), state.digest())
          block = []
          beforeBlock = state
        }
        assertLike(state, model)
      }),
      runs(150)
    )
    assert.ok(taken > refused && refused > taken / 10, `${taken} taken, ${refused} refused`)
  })

  it('with a quarter of them not valid, signed by keys of all types: each of these is refused by its name', async () => {
    const balances = holders.map(({ id }) => ({ id, balance: 1_000_000n }))
    const ledger = new LedgerApplication(ledgerDocument(balances, { reward: 7n, leastFee: 1n }))
    const rules: MessageRules = {
      network: LEDGER_NETWORK,
      messageBytes: 4096,
      members: undefined,
      bodies: 'open',
      checkBody: body => ledger.checkBody(body)
    }
    const model = new Model(7n, 1n)
    for (const { id, balance } of balances) model.give(id, balance)
    const verifiers = new VerifierCache()
    const found = new Map<string, Reason[]>()
    let state = ledger.genesis()
    for (let count = 0; count < 4 * 3 * KINDS.length; count += 1) {
      const [from, to] = [person(count), person(3 * count + 1)]
      const sequence = model.at(from.id).sequence + 1n
      const right = { to: to.id, amount: BigInt(count + 1), fee: 1n }
      const kind = count % 4 === 3 ? KINDS[Math.floor(count / 4) % KINDS.length] : undefined
      const envelope =
        kind === undefined
          ? signed(from, transferMessage(from, sequence, right))
          : kind.make(from, sequence, right)
      const verdict = await validateEnvelope(envelope, rules, verifiers)
      const outcome = verdict.ok ? ledger.applyMessage(state, messageOf(envelope)) : verdict
      if (kind !== undefined) {
        assert.ok(!outcome.ok, `a message with ${kind.what} was taken`)
        found.set(kind.what, [...(found.get(kind.what) ?? []), outcome.refusal.reason])
      } else {
        assert.ok(outcome.ok && 'state' in outcome)
        state = outcome.state
        assert.equal(model.transfer(from.id, sequence, right.to, right.amount, right.fee), undefined)
      }
      if (count % 10 < 9) continue
      state = ledger.endBlock(state, blockBy(to))
      model.endBlock(to.id)
    }
    for (const { what, reason } of KINDS) assert.deepEqual(found.get(what), [reason, reason, reason], what)
    assertLike(state, model)
  })
})

interface Kind {
  readonly what: string
  readonly reason: Reason
  make(from: Holder, sequence: bigint, right: Transfer): EnvelopeBytes
}

const KINDS: readonly Kind[] = [
  said('nothing to move', 'bad amount', right => ({ ...right, amount: 0n })),
  said('more than a u64', 'bad amount', right => ({ ...right, amount: U64_MAX, fee: 1n })),
  said('a minus, read as what it is in 64 bits', 'bad amount', right => ({
    ...right,
    amount: 2n ** 64n - 5n,
    fee: 5n
  })),
  said('an overdraft', 'overdraft', right => ({ ...right, amount: 2n ** 63n })),
  said('too low a fee', 'fee too low', right => ({ ...right, fee: 0n })),
  said('a receiver of an unknown type of key', 'bad account', right => ({
    ...right,
    to: flipped(right.to, right.to.length === 34 ? 0 : 3, 0x10) as PeerIdBytes
  })),
  {
    what: 'a replay',
    reason: 'sequence taken',
    make: (from, sequence, right) => signed(from, transferMessage(from, sequence - 1n, right))
  },
  {
    what: 'a gap before it',
    reason: 'sequence gap',
    make: (from, sequence, right) => signed(from, transferMessage(from, sequence + 1n, right))
  },
  {
    what: 'another network',
    reason: 'wrong network',
    make: (from, sequence, right) =>
      signed(from, transferMessage(from, sequence, right, { network: seedOf('another network') }))
  },
  {
    what: 'a bad signature',
    reason: 'bad signature',
    make: (from, sequence, right) => {
      const envelope = signed(from, transferMessage(from, sequence, right))
      return flipped(envelope, envelope.length - 9) as EnvelopeBytes
    }
  },
  {
    what: "somebody else's signature",
    reason: 'wrong author',
    make: (from, sequence, right) =>
      signed(present(holders.find(({ id }) => id !== from.id)), transferMessage(from, sequence, right))
  },
  {
    what: 'a body that goes on',
    reason: 'bad encoding',
    make: (from, sequence, right) => {
      const bytes = concat(encodeTransfer(right), Uint8Array.of(0))
      return signed(from, transferMessage(from, sequence, right, { body: { kind: 'open', bytes } }))
    }
  },
  {
    what: 'a signing key of an unknown type',
    reason: 'bad encoding',
    make: (from, sequence, right) => {
      const key = { ...from.signer, publicKey: ecdsaKey() }
      return signEnvelope('message', encodeMessage(transferMessage(from, sequence, right)), key)
    }
  }
]

function said(what: string, reason: Reason, change: (right: Transfer) => Transfer): Kind {
  return {
    what,
    reason,
    make: (from, sequence, right) => signed(from, transferMessage(from, sequence, change(right)))
  }
}

function signed(by: Holder, message: Message): EnvelopeBytes {
  return signEnvelope('message', encodeMessage(message), by.signer)
}

function messageOf(envelope: EnvelopeBytes): Message {
  return decodeMessage(decodeEnvelope(envelope).payload)
}

/** libp2p's published ECDSA key, which libp2p itself reads. */
function ecdsaKey(): PublicKeyBytes {
  const { keys } = vectors<{ keys: { type: string; public_pb_hex: string }[] }>('libp2p/peer_id_keys.json')
  return fromHex(present(keys.find(({ type }) => type === 'ecdsa')).public_pb_hex) as PublicKeyBytes
}

function assertLike(state: LedgerState, model: Model): void {
  const expected = [...model.accounts.values()].filter(
    ({ balance, sequence }) => balance > 0n || sequence > 0n
  )
  assert.deepEqual(readable(state.all()), readable(expected))
  assertSame(state.digest(), stateDigest(expected))
  const total = expected.reduce((sum, { balance }) => sum + balance, state.fees)
  assert.deepEqual([state.supply, state.fees, total], [model.supply, model.fees, model.supply])
}

function readable(accounts: Iterable<Account>): string[] {
  return [...accounts].map(({ id, balance, sequence }) => `${toHex(id)} ${balance} ${sequence}`).sort()
}
