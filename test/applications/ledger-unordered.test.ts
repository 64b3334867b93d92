import assert from 'node:assert/strict'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import fc from 'fast-check'
import { LedgerApplication } from '#src/applications/ledger/ledger.js'
import { decodeTransfer } from '#src/applications/ledger/transfer.js'
import { type Lack, TransferSet, transferId } from '#src/applications/ledger/transfer-set.js'
import { UnorderedLedger } from '#src/applications/ledger/unordered.js'
import { encodeAnswer } from '#src/core/answer.js'
import { asHash, type Hash, type PeerIdBytes, toHex } from '#src/core/bytes.js'
import { decodeEnvelope, signEnvelope, verifyEnvelope } from '#src/core/envelope.js'
import { sha256 } from '#src/core/hash.js'
import { verifierOf } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { leafHash } from '#src/core/merkle.js'
import { decodeMessage, encodeMessage, type Message } from '#src/core/message.js'
import { encodeQuery } from '#src/core/query.js'
import type { Summary } from '#src/core/set-summary.js'
import { U64_MAX } from '#src/core/u64.js'
import { present } from '../helpers/changes.js'
import { assertSame, privateKeyOf, repositoryFile, runs, seedOf } from '../helpers/core.js'
import { type Holder, holder, ledgerDocument, transferMessage } from '../helpers/ledger.js'
import { trieRoot } from '../helpers/tries.js'

const holders = await Promise.all(['alice', 'bob', 'carol', 'dave'].map(name => holder(name)))
const person = (index: number): Holder => present(holders[index % holders.length])
const [alice, bob, carol] = [person(0), person(1), person(2)]

/** Alice has 100, bob 50, and nobody else anything. */
const DOCUMENT = ledgerDocument([
  { id: alice.id, balance: 100n },
  { id: bob.id, balance: 50n }
])

/** What one peer knows: the messages it keeps, by their ids, and the sums. */
class Peer {
  readonly ledger = new UnorderedLedger(DOCUMENT)
  readonly #messages = new Map<string, Message>()

  hear(message: Message): void {
    const id = transferId(encodeMessage(message))
    const counted = this.ledger.count(id, message)
    assert.ok(counted.ok)
    assert.equal(counted.isNew, !this.#messages.has(toHex(id)))
    this.#messages.set(toHex(id), message)
  }

  /** Asks another peer for all that it has beyond this one. */
  learnFrom(other: Peer): void {
    for (const id of lackOf(this.ledger.transfers, other.ledger.transfers).ids)
      this.hear(present(other.#messages.get(toHex(id))))
  }

  get state(): unknown {
    return {
      digest: toHex(this.ledger.transfers.digest()),
      balances: new Map([...this.ledger.balances].sort(([a], [b]) => (a < b ? -1 : 1)))
    }
  }
}

/** What `theirs` has beyond `ours`, by summaries alone, and how many of them it took. */
function lackOf(
  ours: TransferSet,
  theirs: TransferSet
): { readonly ids: Hash[]; readonly summaries: Summary[] } {
  const ids: Hash[] = []
  const summaries: Summary[] = []
  const prefixes = toHex(ours.digest()) === toHex(theirs.digest()) ? [] : ['']
  for (const prefix of prefixes) {
    const summary = theirs.summary(prefix)
    const lack: Lack = ours.lack(prefix, summary)
    summaries.push(summary)
    ids.push(...lack.ids)
    prefixes.push(...lack.prefixes)
  }
  return { ids, summaries }
}

/** Any transfers, also far beyond what there is, and other ones under a number that was used. */
const transfers = fc
  .array(
    fc.record({
      from: fc.nat(3),
      to: fc.nat(3),
      sequence: fc.bigInt({ min: 1n, max: 4n }),
      amount: fc.oneof(fc.bigInt({ min: 1n, max: 200n }), fc.constant(U64_MAX - 9n)),
      fee: fc.bigInt({ min: 0n, max: 9n })
    }),
    { minLength: 1, maxLength: 25 }
  )
  .map(list =>
    list.map(({ from, to, sequence, amount, fee }) =>
      transferMessage(person(from), sequence, { to: person(to).id, amount, fee })
    )
  )

/** Who hears which message, and which two meet, in some order. */
const events = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('hears' as const), peer: fc.nat(3), message: fc.nat(100) }),
    fc.record({ kind: fc.constant('asks' as const), peer: fc.nat(3), other: fc.nat(3) })
  ),
  { maxLength: 60 }
)

describe('the ledger with no order', () => {
  it('comes to one state by the same transfers: in any order, however often each comes', () => {
    fc.assert(
      fc.property(
        transfers.chain(list =>
          fc.tuple(
            fc.constant(list),
            fc.shuffledSubarray(list, { minLength: list.length }),
            fc.array(fc.constantFrom(...list), { maxLength: 30 })
          )
        ),
        ([list, shuffled, again]) => {
          const [one, other] = [new Peer(), new Peer()]
          for (const message of list) one.hear(message)
          for (const message of [...again, ...shuffled, ...again]) other.hear(message)
          assert.deepEqual(other.state, one.state)
        }
      ),
      runs(150)
    )
  })

  it('converges after any history of parting and meeting, once all have met', () => {
    fc.assert(
      fc.property(transfers, events, (messages, history) => {
        const peers = Array.from({ length: 4 }, () => new Peer())
        const peer = (index: number): Peer => present(peers[index])
        messages.forEach((message, index) => {
          peer(index % 4).hear(message)
        })
        for (const event of history) {
          if (event.kind === 'asks') peer(event.peer).learnFrom(peer(event.other))
          else peer(event.peer).hear(present(messages[event.message % messages.length]))
        }
        // Around the circle twice: what anyone has comes to all, though nobody asks more than one other.
        for (let step = 0; step < 8; step += 1) peer((step + 1) % 4).learnFrom(peer(step % 4))
        const all = new Peer()
        for (const message of messages) all.hear(message)
        for (const { state } of peers) assert.deepEqual(state, all.state)
      }),
      runs(100)
    )
  })

  it('sums exactly what its transfers say, each once, below nothing and above a u64; fees go to nobody', () => {
    fc.assert(
      fc.property(transfers, messages => {
        const peer = new Peer()
        for (const message of [...messages, ...messages]) peer.hear(message)
        const once = new Map(messages.map(message => [toHex(encodeMessage(message)), message]))
        const sums = new Map([
          [toHex(alice.id), 100n],
          [toHex(bob.id), 50n]
        ])
        let burned = 0n
        for (const { author, body } of once.values()) {
          assert.ok(body.kind === 'open')
          const { to, amount, fee } = decodeTransfer(body.bytes)
          sums.set(toHex(author), (sums.get(toHex(author)) ?? 0n) - amount - fee)
          sums.set(toHex(to), (sums.get(toHex(to)) ?? 0n) + amount)
          burned += fee
        }
        assert.deepEqual(peer.ledger.balances, sums)
        const total = [...peer.ledger.balances.values()].reduce((sum, balance) => sum + balance)
        assert.equal(total, 150n - burned)
        assert.equal(peer.ledger.transfers.size, once.size)
      }),
      runs(100)
    )
  })

  it('lets an account pay what it does not have, and says so', () => {
    const peer = new Peer()
    peer.hear(transferMessage(carol, 1n, { to: alice.id, amount: 30n, fee: 2n }))
    assert.deepEqual(
      [carol, alice].map(({ id }) => peer.ledger.balance(id)),
      [-32n, 130n]
    )
    assert.equal(peer.ledger.balance(person(3).id), undefined)
    peer.hear(transferMessage(bob, 1n, { to: carol.id, amount: 32n }))
    assert.equal(peer.ledger.balance(carol.id), 0n)
  })

  it('would not converge if it refused overdrafts: two payments out of one balance, heard in two orders', () => {
    const strict = new LedgerApplication(ledgerDocument([{ id: alice.id, balance: 100n }]))
    const payments = [bob, carol].map(({ id: to }) => transferMessage(alice, 1n, { to, amount: 100n }))
    const ends = [payments, payments.toReversed()].map(heard => {
      const end = heard.reduce((state, message) => {
        const outcome = strict.applyMessage(state, message)
        return outcome.ok ? outcome.state : state
      }, strict.genesis())
      return [bob, carol].map(({ id }) => end.account(id)?.balance)
    })
    assert.deepEqual(ends, [
      [100n, undefined],
      [undefined, 100n]
    ])
  })

  it('counts both of two transfers under one number, as if they had two', () => {
    const [one, other] = [1n, 2n].map(amount => transferMessage(alice, 1n, { to: bob.id, amount }))
    const peer = new Peer()
    for (const message of [one, other, one]) peer.hear(present(message))
    assert.equal(peer.ledger.balance(bob.id), 53n)
    assert.equal(peer.ledger.transfers.size, 2)
  })

  it('counts a transfer once however often its author signed it', async () => {
    const author = await holder('author', 'secp256k1')
    const { raw } = await privateKeyOf('author', 'secp256k1')
    // ECDSA has as many signatures of one thing as there are random numbers.
    const sign = (data: Uint8Array): Uint8Array =>
      secp256k1.sign(sha256(data), raw, { prehash: false, format: 'der', extraEntropy: true })
    const payload = encodeMessage(transferMessage(author, 1n, { to: bob.id, amount: 1n }))
    const envelopes = [author.signer, { ...author.signer, sign }].map(signer =>
      signEnvelope('message', payload, signer)
    )
    assert.equal(new Set(envelopes.map(toHex)).size, 2)
    const ledger = new UnorderedLedger(DOCUMENT)
    const counted = envelopes.map(bytes => {
      const envelope = decodeEnvelope(bytes)
      assert.ok(verifyEnvelope('message', envelope, verifierOf(envelope.publicKey)))
      return ledger.count(transferId(envelope.payload), decodeMessage(envelope.payload))
    })
    assert.deepEqual(counted, [
      { ok: true, isNew: true },
      { ok: true, isNew: false }
    ])
    assert.equal(ledger.balance(bob.id), 51n)
  })

  it('refuses what no order would make valid, and nothing else', () => {
    const ledger = new UnorderedLedger({ ...DOCUMENT, leastFee: '2' })
    const right = { to: bob.id, amount: 1n, fee: 2n }
    for (const [message, reason] of [
      [transferMessage(alice, 1n, { ...right, amount: 0n }), 'bad amount'],
      [transferMessage(alice, 1n, { ...right, amount: U64_MAX }), 'bad amount'],
      [transferMessage(alice, 1n, { ...right, fee: 1n }), 'fee too low'],
      [transferMessage(alice, 1n, { ...right, to: bob.id.slice(1) as PeerIdBytes }), 'bad account'],
      [transferMessage(alice, 7n, { ...right, amount: 5_000n }), undefined]
    ] as const) {
      const counted = ledger.count(transferId(encodeMessage(message)), message)
      assert.equal(counted.ok ? undefined : counted.refusal.reason, reason)
      assert.ok(message.body.kind === 'open')
      assert.equal(ledger.checkBody(message.body.bytes)?.reason, reason)
    }
    assert.equal(ledger.transfers.size, 1)
    const encoded = ledger.encodeBody({ to: bob.text, amount: '1' })
    assert.ok('body' in encoded && ledger.checkBody(encoded.body) === undefined)
  })
})

describe('a set of transfers', () => {
  const ids = (count: number, name = 'transfer'): Hash[] =>
    Array.from({ length: count }, (_, index) => seedOf(`${name} ${index}`))
  const setOf = (list: readonly Hash[]): TransferSet =>
    list.reduce((set, id) => set.add(id), TransferSet.empty())

  it('has each id once, and a digest by definition', () => {
    const list = ids(40)
    const set = setOf([...list, ...list])
    assert.equal(set.size, 40)
    assert.ok(list.every(id => set.has(id)))
    assert.equal(set.has(seedOf('something else')), false)
    assertSame(set.digest(), trieRoot(list.map(id => ({ place: id, data: id }))))
    assertSame(setOf(list.toReversed()).digest(), set.digest())
    const [first] = list
    assert.equal(set.add(present(first)), set)
  })

  it('is told apart from any other by summaries, whatever either of them lacks', () => {
    const shared = ids(2_000)
    for (const [mine, yours] of [
      [0, 0],
      [1, 0],
      [0, 1],
      [3, 4],
      [700, 1],
      [0, 900]
    ] as const) {
      const [ours, theirs] = [
        setOf([...shared, ...ids(mine, 'mine')]),
        setOf([...shared, ...ids(yours, 'yours')])
      ]
      const found = lackOf(ours, theirs)
      assert.deepEqual(found.ids.map(toHex).sort(), ids(yours, 'yours').map(toHex).sort())
      assert.deepEqual(lackOf(theirs, ours).ids.map(toHex).sort(), ids(mine, 'mine').map(toHex).sort())
    }
  })

  it('of which little is new is compared by little, and one that is new whole is not asked for twice', () => {
    const shared = ids(20_000)
    const ours = setOf(shared)
    const theirs = ours.add(seedOf('new'))
    const { summaries } = lackOf(ours, theirs)
    // 20,000 / 16² < 256: two levels of parts, then a list.
    assert.deepEqual(
      summaries.map(({ kind }) => kind),
      ['parts', 'parts', 'ids']
    )
    const whole = lackOf(TransferSet.empty(), theirs)
    assert.equal(whole.ids.length, 20_001)
    assert.equal(whole.summaries.length, 1 + 16 + 256)
  })

  it('is hashed and told as docs/PROTOCOL.md shows it in section 15', () => {
    const [zeros, ones] = [new Uint8Array(32).fill(0), new Uint8Array(32).fill(1)].map(asHash)
    assert.ok(zeros && ones)
    const set = setOf([ones, zeros])
    const query = encodeQuery(seedOf('network'), { kind: 'summary', prefix: '' })
    const answer = encodeAnswer({ kind: 'summary', summary: set.summary('') })
    const shown = repositoryFile('docs/PROTOCOL.md').replaceAll(/\s/g, '')
    for (const line of [
      `leafof01…01${toHex(leafHash(ones))}`,
      `digest${toHex(set.digest())}`,
      `query\`summary\`${toHex(query).replace(toHex(seedOf('network')), '<network>')}`,
      `answer\`summary\`${toHex(answer)
        .replace(`20${toHex(zeros)}`, '2000…00')
        .replace(`20${toHex(ones)}`, '2001…01')}`
    ])
      assert.ok(shown.includes(line), line)
  })

  it('sums up as ids up to a limit, and as sixteen parts from there on', () => {
    const set = setOf(ids(LIMITS.summaryIds))
    const summary = set.summary('')
    assert.ok(summary.kind === 'ids' && summary.ids.length === LIMITS.summaryIds)
    const larger = set.add(seedOf('one more')).summary('')
    assert.ok(larger.kind === 'parts' && larger.digests.length === 16)
    const [first = ''] = ids(1).map(toHex)
    for (const length of [1, 2, 63, 64]) {
      const part = set.summary(first.slice(0, length))
      assert.ok(part.kind === 'ids')
      assert.ok(part.ids.map(toHex).includes(first))
      assert.ok(part.ids.every(id => toHex(id).startsWith(first.slice(0, length))))
    }
    assert.deepEqual(set.summary('0'.repeat(64)), { kind: 'ids', ids: [] })
  })

  it('takes from a summary that is not true no ids of other parts, and asks on below the part alone', () => {
    const set = setOf(ids(5))
    const [one, other] = [seedOf('x'), seedOf('y')].map(toHex)
    assert.ok(one && other && one[0] !== other[0])
    const lack = set.lack(one.slice(0, 1), { kind: 'ids', ids: [seedOf('x'), seedOf('y')] })
    assert.deepEqual(lack.ids.map(toHex), [one])
    const few = set.lack('7', { kind: 'parts', digests: [seedOf('x')] })
    assert.deepEqual(few, { ids: [], prefixes: ['70'] })
    const many = set.lack('7', { kind: 'parts', digests: ids(40) })
    assert.equal(many.prefixes.length, 16)
  })
})
