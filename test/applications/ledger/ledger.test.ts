import assert from 'node:assert/strict'
import { applyBlock } from '#src/applications/application.js'
import { LedgerApplication } from '#src/applications/ledger/ledger.js'
import { ImpossibleBalance, LedgerState } from '#src/applications/ledger/state.js'
import { encodeTransfer } from '#src/applications/ledger/transfer.js'
import { concat, type PeerIdBytes } from '#src/core/bytes.js'
import type { Message } from '#src/core/message.js'
import type { Reason } from '#src/core/refusal.js'
import { U64_MAX } from '#src/core/u64.js'
import { present } from '../../helpers/changes.js'
import { assertSame, KEY_TYPES } from '../../helpers/core.js'
import { blockBy, type Holder, holder, ledgerDocument, transferMessage } from '../../helpers/ledger.js'
import { describeApplication } from '../conformance.js'

const [alice, bob, carol] = await Promise.all([
  holder('alice'),
  holder('bob', 'secp256k1'),
  holder('carol', 'RSA')
])
const [miner, stranger] = await Promise.all([holder('miner'), holder('stranger')])

type Balances = readonly (readonly [Holder, bigint])[]

function application(
  balances: Balances,
  terms: Parameters<typeof ledgerDocument>[1] = {}
): LedgerApplication {
  return new LedgerApplication(
    ledgerDocument(
      balances.map(([{ id }, balance]) => ({ id, balance })),
      terms
    )
  )
}

/** Bytes that cannot be the id of an account: a key of an unknown type, spelled as an Ed25519 key is. */
const unknownKeyType = concat(alice.id.slice(0, 3), Uint8Array.of(7), alice.id.slice(4)) as PeerIdBytes

describeApplication('ledger', async () => ({
  make: () => application([[alice, 100n]], { reward: 5n, leastFee: 1n }),
  producer: miner.id,
  valid: [
    transferMessage(alice, 1n, { to: bob.id, amount: 40n, fee: 1n }),
    transferMessage(alice, 2n, { to: alice.id, amount: 40n, fee: 2n }),
    transferMessage(bob, 1n, { to: carol.id, amount: 39n, fee: 1n })
  ],
  wrong: [
    {
      what: 'of nothing',
      reason: 'bad amount',
      message: transferMessage(alice, 1n, { to: bob.id, amount: 0n, fee: 1n })
    },
    {
      what: 'without a fee',
      reason: 'fee too low',
      message: transferMessage(alice, 1n, { to: bob.id, amount: 1n })
    },
    {
      what: 'that is no transfer',
      reason: 'bad encoding',
      message: transferMessage(alice, 1n, { to: bob.id, amount: 1n }, openBody(Uint8Array.of(7)))
    },
    {
      what: 'from who has nothing',
      reason: 'overdraft',
      message: transferMessage(carol, 1n, { to: bob.id, amount: 1n, fee: 1n })
    },
    {
      what: 'that comes too early',
      reason: 'sequence gap',
      message: transferMessage(alice, 3n, { to: bob.id, amount: 1n, fee: 1n })
    }
  ],
  sayable: [
    { to: bob.text, amount: '1' },
    { to: carol.text, amount: '18446744073709551614', fee: '1' }
  ],
  unsayable: [
    null,
    'all of it',
    [],
    { to: bob.text },
    { amount: '1' },
    { to: 5, amount: '1' },
    { to: 'bob', amount: '1' },
    { to: bob.text, amount: '1', note: 'thanks' },
    ...['-1', '0', '01', '1.5', '', ' 1', '18446744073709551616', '99999999999999999999', 1].map(amount => ({
      to: bob.text,
      amount
    })),
    { to: bob.text, amount: '1', fee: '0' },
    { to: bob.text, amount: '1', fee: '-1' },
    { to: bob.text, amount: '18446744073709551615', fee: '1' }
  ]
}))

describe('the ledger: a transfer', () => {
  it('moves its amount, and costs its fee', () => {
    const [after] = accepted(application([[alice, 100n]]), [
      transferMessage(alice, 1n, { to: bob.id, amount: 30n, fee: 2n })
    ])
    assertHas(after, alice, 68n, 1n)
    assertHas(after, bob, 30n, 0n)
    assert.deepEqual([after?.fees, after?.supply], [2n, 100n])
  })

  it('to oneself costs exactly its fee', () => {
    const [after] = accepted(application([[alice, 100n]]), [
      transferMessage(alice, 1n, { to: alice.id, amount: 98n, fee: 2n })
    ])
    assertHas(after, alice, 98n, 1n)
    const ledger = application([[alice, 100n]])
    const more = transferMessage(alice, 1n, { to: alice.id, amount: 99n, fee: 2n })
    assert.equal(reasonOf(ledger, ledger.genesis(), more), 'overdraft')
  })

  it('may move all there is, and no unit more', () => {
    const ledger = application([[alice, 100n]])
    const [after] = accepted(ledger, [transferMessage(alice, 1n, { to: bob.id, amount: 97n, fee: 3n })])
    assertHas(after, alice, 0n, 1n)
    for (const [amount, fee] of [
      [101n, 0n],
      [100n, 1n],
      [1n, 100n],
      [U64_MAX, 0n]
    ] as const) {
      const message = transferMessage(alice, 1n, { to: bob.id, amount, fee })
      assert.equal(reasonOf(ledger, ledger.genesis(), message), 'overdraft')
    }
  })

  it('may move what has just come', () => {
    const states = accepted(application([[alice, 100n]]), [
      transferMessage(alice, 1n, { to: bob.id, amount: 100n }),
      transferMessage(bob, 1n, { to: carol.id, amount: 100n }),
      transferMessage(carol, 1n, { to: alice.id, amount: 100n })
    ])
    assertHas(states.at(-1), alice, 100n, 1n)
  })

  it('moves the largest amounts exactly', () => {
    const states = accepted(application([[alice, U64_MAX]]), [
      transferMessage(alice, 1n, { to: bob.id, amount: U64_MAX - 1n, fee: 1n }),
      transferMessage(bob, 1n, { to: alice.id, amount: 2n ** 53n + 1n })
    ])
    assertHas(states.at(-1), alice, 2n ** 53n + 1n, 1n)
    assertHas(states.at(-1), bob, U64_MAX - 2n ** 53n - 2n, 1n)
  })

  it('has the next number of its account, from 1 on: no other is valid', () => {
    const ledger = application([[alice, 100n]])
    const said = (sequence: bigint): Message => transferMessage(alice, sequence, { to: bob.id, amount: 1n })
    const state = present(accepted(ledger, [said(1n), said(2n)]).at(-1))
    for (const [sequence, reason] of [
      [1n, 'sequence taken'],
      [2n, 'sequence taken'],
      [3n, undefined],
      [4n, 'sequence gap'],
      [U64_MAX, 'sequence gap']
    ] as const)
      assert.equal(reasonOf(ledger, state, said(sequence)), reason, String(sequence))
    assert.equal(reasonOf(ledger, ledger.genesis(), said(2n)), 'sequence gap')
  })

  it('does not use up its number where it is refused', () => {
    const ledger = application([[alice, 100n]])
    const tooMuch = transferMessage(alice, 1n, { to: bob.id, amount: 101n })
    assert.equal(reasonOf(ledger, ledger.genesis(), tooMuch), 'overdraft')
    accepted(ledger, [transferMessage(alice, 1n, { to: bob.id, amount: 100n })])
  })

  it('reaches accounts of every type of key, known or new', async () => {
    const receivers = await Promise.all(KEY_TYPES.map(type => holder('receiver', type)))
    const messages = receivers.flatMap(({ id: to }, index) =>
      [1, 2].map(time => transferMessage(alice, BigInt(2 * index + time), { to, amount: 5n }))
    )
    const state = accepted(application([[alice, 100n]]), messages).at(-1)
    for (const receiver of receivers) assertHas(state, receiver, 10n, 0n)
  })

  const nonsense: readonly (readonly [string, Reason, Uint8Array])[] = [
    ['nothing', 'bad amount', new Uint8Array(0)],
    ['a transfer of nothing', 'bad amount', encodeTransfer({ to: bob.id, amount: 0n, fee: 0n })],
    [
      'an amount and a fee that are over u64 together',
      'bad amount',
      encodeTransfer({ to: bob.id, amount: U64_MAX, fee: 1n })
    ],
    ['two that are far over it', 'bad amount', encodeTransfer({ to: bob.id, amount: U64_MAX, fee: U64_MAX })],
    [
      'a negative amount, as protobuf writes them, with a fee',
      'bad amount',
      concat(encodeTransfer({ to: bob.id, amount: 0n, fee: 0n }), negative(0x10), Uint8Array.of(0x18, 1))
    ],
    [
      'an amount past 64 bits',
      'bad encoding',
      concat(
        encodeTransfer({ to: bob.id, amount: 0n, fee: 0n }),
        Uint8Array.of(0x10, ...new Uint8Array(9).fill(0x81), 2)
      )
    ],
    [
      'an amount that is written at length',
      'bad encoding',
      concat(encodeTransfer({ to: bob.id, amount: 0n, fee: 0n }), Uint8Array.of(0x10, 0x81, 0))
    ],
    [
      'a field that it does not have',
      'bad encoding',
      concat(encodeTransfer({ to: bob.id, amount: 1n, fee: 0n }), Uint8Array.of(0x20, 1))
    ],
    ['JSON', 'bad encoding', Buffer.from('{"to":"bob","amount":"1"}')],
    [
      'no receiver',
      'bad account',
      encodeTransfer({ to: new Uint8Array(0) as PeerIdBytes, amount: 1n, fee: 0n })
    ],
    [
      'a receiver with a key of an unknown type',
      'bad account',
      encodeTransfer({ to: unknownKeyType, amount: 1n, fee: 0n })
    ],
    [
      'a receiver whose id is cut short',
      'bad account',
      encodeTransfer({ to: carol.id.slice(0, -1) as PeerIdBytes, amount: 1n, fee: 0n })
    ],
    [
      'a receiver that is an Ed25519 key of small order',
      'bad account',
      encodeTransfer({ to: smallOrder(), amount: 1n, fee: 0n })
    ]
  ]
  for (const [what, reason, body] of nonsense)
    it(`is not ${what}: ${reason}`, () => {
      const ledger = application([[alice, U64_MAX]])
      assert.equal(ledger.checkBody(body)?.reason, reason)
      const message = transferMessage(alice, 1n, { to: bob.id, amount: 1n }, openBody(body))
      assert.equal(reasonOf(ledger, ledger.genesis(), message), reason)
    })

  it('is never sealed: nobody could follow the state', () => {
    const ledger = application([[alice, 100n]])
    const sealed = { keyId: new Uint8Array(8), enc: new Uint8Array(32), ciphertext: new Uint8Array(80) }
    const message = transferMessage(
      alice,
      1n,
      { to: bob.id, amount: 1n },
      { body: { kind: 'sealed', sealed } }
    )
    assert.equal(reasonOf(ledger, ledger.genesis(), message), 'not open')
  })

  it('costs no less than the network asks for', () => {
    const ledger = application([[alice, 100n]], { leastFee: 3n })
    for (const [fee, reason] of [
      [0n, 'fee too low'],
      [2n, 'fee too low'],
      [3n, undefined],
      [4n, undefined]
    ] as const) {
      const message = transferMessage(alice, 1n, { to: bob.id, amount: 1n, fee })
      assert.equal(reasonOf(ledger, ledger.genesis(), message), reason, `a fee of ${fee}`)
    }
  })

  it('said in JSON without a fee has the least one', () => {
    const encoded = application([], { leastFee: 3n }).encodeBody({ to: bob.text, amount: '7' })
    assert.ok('body' in encoded)
    assertSame(encoded.body, encodeTransfer({ to: bob.id, amount: 7n, fee: 3n }))
  })
})

describe('the ledger: the end of a block', () => {
  it('gives the producer the fees and the reward, after all messages', () => {
    const ledger = application([[alice, 100n]], { reward: 50n })
    const messages = [
      transferMessage(alice, 1n, { to: bob.id, amount: 10n, fee: 3n }),
      transferMessage(bob, 1n, { to: alice.id, amount: 1n, fee: 4n })
    ]
    const state = blockApplied(ledger, ledger.genesis(), messages)
    assertHas(state, miner, 57n, 0n)
    assert.deepEqual([state.fees, state.supply], [0n, 150n])
    const early = [transferMessage(miner, 1n, { to: bob.id, amount: 1n }), ...messages]
    const applied = applyBlock(ledger, ledger.genesis(), blockBy(miner), early)
    assert.ok(!applied.ok && applied.index === 0 && applied.refusal.reason === 'overdraft')
  })

  it('pays a producer whose own message is in the block like any other', () => {
    const ledger = application([[miner, 10n]], { reward: 5n })
    const state = blockApplied(ledger, ledger.genesis(), [
      transferMessage(miner, 1n, { to: miner.id, amount: 1n, fee: 9n })
    ])
    assertHas(state, miner, 15n, 1n)
  })

  it('changes nothing where there is nothing to give', () => {
    const ledger = application([[alice, 100n]])
    const state = blockApplied(ledger, ledger.genesis(), [])
    assertSame(state.digest(), ledger.genesis().digest())
    assert.equal(state.account(miner.id), undefined)
  })

  it('makes no more than a u64 holds: then rewards end, and fees go on', () => {
    const ledger = application([[alice, U64_MAX - 70n]], { reward: 50n })
    let state = ledger.genesis()
    const supplies: bigint[] = []
    for (let sequence = 1n; sequence <= 3n; sequence += 1n) {
      state = blockApplied(ledger, state, [
        transferMessage(alice, sequence, { to: bob.id, amount: 1n, fee: 1n })
      ])
      supplies.push(U64_MAX - state.supply)
    }
    assert.deepEqual(supplies, [20n, 0n, 0n])
    assertHas(state, miner, 73n, 0n)
  })
})

describe('the ledger: its state', () => {
  it('throws rather than hold a balance that is no u64', () => {
    const id = alice.id
    assert.throws(
      () =>
        LedgerState.of([
          { id, balance: U64_MAX },
          { id: bob.id, balance: 1n }
        ]),
      ImpossibleBalance
    )
    const state = LedgerState.of([{ id, balance: 5n }])
    assert.throws(() => state.transferred(id, 1n, { to: bob.id, amount: 5n, fee: 1n }), ImpossibleBalance)
    assert.throws(
      () => state.transferred(stranger.id, 1n, { to: bob.id, amount: 1n, fee: 0n }),
      ImpossibleBalance
    )
  })

  it('has no account that nothing was ever paid to', () => {
    const state = LedgerState.of([{ id: alice.id, balance: 5n }])
    assert.equal(state.account(stranger.id), undefined)
    assert.deepEqual([...state.all()].length, 1)
  })
})

describe('the ledger: what a network document says of it', () => {
  const refused = (document: object, message: RegExp): void => {
    assert.throws(() => new LedgerApplication({ ...ledgerDocument([]), ...document }), {
      name: 'InvalidNetworkDocument',
      message
    })
  }

  it('names accounts by PeerIds in their usual text', () => {
    const accounts = { [alice.text]: '1', [bob.text]: '2', [carol.text]: '3' }
    const state = new LedgerApplication({ type: 'ledger', accounts }).genesis()
    assertHas(state, carol, 3n, 0n)
    assert.equal(state.supply, 6n)
    const unknown = 'QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrgDk'.slice(0, -1)
    for (const text of ['alice', '', ` ${alice.text}`, alice.text.slice(1), unknown])
      refused({ accounts: { [text]: '1' } }, /names no account: /)
  })

  it('has amounts that are u64, and so is their sum', () => {
    const most = String(U64_MAX)
    const more = String(U64_MAX + 1n)
    new LedgerApplication({ type: 'ledger', accounts: { [alice.text]: most }, reward: most, leastFee: most })
    refused(
      { accounts: { [alice.text]: more } },
      new RegExp(`accounts/${alice.text}: ${more} is over ${most}`)
    )
    refused({ reward: more }, /\/application\/reward: /)
    refused({ leastFee: more }, /\/application\/leastFee: /)
    refused(
      { accounts: { [alice.text]: most, [bob.text]: '1' } },
      /together 18446744073709551616, which is over/
    )
  })
})

function openBody(bytes: Uint8Array): Pick<Message, 'body'> {
  return { body: { kind: 'open', bytes } }
}

/** −1 behind a tag. */
function negative(tag: number): Uint8Array {
  return Uint8Array.of(tag, ...new Uint8Array(9).fill(0xff), 1)
}

/** Spelled as the id of an Ed25519 key; the point is the neutral one. */
function smallOrder(): PeerIdBytes {
  return concat(alice.id.slice(0, 6), Uint8Array.of(1), new Uint8Array(31)) as PeerIdBytes
}

/** The states after each of the messages, which are all valid. */
function accepted(ledger: LedgerApplication, messages: readonly Message[]): LedgerState[] {
  let state = ledger.genesis()
  return messages.map(message => {
    const outcome = ledger.applyMessage(state, message)
    assert.ok(outcome.ok, outcome.ok ? '' : outcome.refusal.detail)
    state = outcome.state
    return state
  })
}

function blockApplied(
  ledger: LedgerApplication,
  state: LedgerState,
  messages: readonly Message[]
): LedgerState {
  const applied = applyBlock(ledger, state, blockBy(miner), messages)
  assert.ok(applied.ok)
  return applied.state
}

function reasonOf(ledger: LedgerApplication, state: LedgerState, message: Message): Reason | undefined {
  const outcome = ledger.applyMessage(state, message)
  return outcome.ok ? undefined : outcome.refusal.reason
}

function assertHas(
  state: LedgerState | undefined,
  { id }: Pick<Holder, 'id'>,
  balance: bigint,
  sequence: bigint
): void {
  assertSame(present(state).account(id), { id, balance, sequence })
}
