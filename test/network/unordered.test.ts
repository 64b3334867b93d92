import assert from 'node:assert/strict'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { encodeBundle } from '#src/core/bundle.js'
import { toHex, utf8 } from '#src/core/bytes.js'
import { signEnvelope } from '#src/core/envelope.js'
import { sha256 } from '#src/core/hash.js'
import { signerOf } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { encodeMessage } from '#src/core/message.js'
import { isPassing } from '#src/core/refusal.js'
import type { SubmissionResult } from '#src/core/submission.js'
import { topicsOf } from '#src/network/names.js'
import { QueryClient } from '#src/query/query-client.js'
import { NotFound, QueryRefused } from '#src/query/query-errors.js'
import { madeOf } from '../helpers/authors.js'
import { present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { privateKeyOf, seedOf } from '../helpers/core.js'
import { identity } from '../helpers/networks.js'
import { Payer } from '../helpers/payers.js'
import {
  Customer,
  makeUnorderedNetwork,
  RunningUnordered,
  type UnorderedTestNetwork
} from '../helpers/unordered.js'

describe('a network with no order', () => {
  const cleanup = new Cleanup(afterEach)
  let net: UnorderedTestNetwork
  let alice: Payer
  let bob: Payer
  let carol: Payer

  before(async () => {
    net = await makeUnorderedNetwork({ alice: 100n, bob: 50n })
    ;[alice, bob, carol] = await Promise.all([
      Payer.create(net, 'alice'),
      Payer.create(net, 'bob'),
      Payer.create(net, 'carol')
    ])
  })

  /** Peers of which each keeps connected to those before it. */
  async function start(count: number): Promise<RunningUnordered[]> {
    const peers: RunningUnordered[] = []
    for (let number = 1; number <= count; number += 1) {
      const connect = peers.map(({ address }) => address)
      peers.push(await RunningUnordered.start(cleanup, net, `peer ${number}`, connect))
    }
    return peers
  }

  async function keyOf(number: number): Promise<Uint8Array> {
    return signerOf(await identity(`peer ${number}`)).peerId
  }

  async function expectAgreed(peers: readonly RunningUnordered[], count: number): Promise<void> {
    await Promise.all(peers.map(peer => peer.has(count)))
    const [first] = peers
    for (const peer of peers) {
      assert.equal(peer.controls.status().transfers, count)
      assert.equal(peer.digest, present(first).digest)
    }
  }

  /** What alice, bob and carol have at a peer. */
  async function balancesAt(peer: RunningUnordered): Promise<bigint[]> {
    const customer = await Customer.of(cleanup, peer, `customer of ${peer.address}`)
    const all = await customer.balances()
    const each = await Promise.all([alice, bob, carol].map(({ peerId }) => customer.asker.balance(peerId)))
    assert.deepEqual(
      each,
      [alice, bob, carol].map(({ peerId }) => all.get(toHex(peerId)) ?? 0n)
    )
    return each
  }

  it('tells all peers of a transfer that one of them was handed, whatever is on the account', async () => {
    const peers = await start(3)
    const customer = await Customer.of(cleanup, present(peers[0]))
    const payments = [alice.pay(bob, 70n, { fee: 1n }), alice.pay(carol, 70n), carol.pay(bob, 200n)]
    assert.deepEqual(
      await customer.handIn(...payments),
      payments.map(() => ({ kind: 'accepted' }))
    )
    await expectAgreed(peers, 3)
    for (const peer of peers) assert.deepEqual(await balancesAt(peer), [-41n, 320n, -130n])
  })

  it('comes to one digest and one set of sums after a partition, whatever was signed on either side', async () => {
    const peers = await start(4)
    const sides = [peers.slice(0, 2), peers.slice(2)]
    const ids = await Promise.all(peers.map(async (_, index) => (await keyOf(index + 1)) as Payer['peerId']))
    for (const [index, peer] of peers.entries())
      peer.controls.avoid(index < 2 ? ids.slice(2) : ids.slice(0, 2))
    // She pays the same money twice under one number, on either side.
    for (const [index, side] of sides.entries()) {
      const customer = await Customer.of(cleanup, present(side[index]), `customer ${index}`)
      const to = index === 0 ? bob : carol
      const twice = alice.pay(to, 100n, { sequence: 1_000n })
      const more = Array.from({ length: 20 + index }, () => bob.pay(carol, BigInt(1 + index)))
      const fates = await customer.handIn(twice, ...more)
      assert.ok(fates.every(({ kind }) => kind === 'accepted'))
    }
    await expectAgreed(present(sides[0]), 21)
    await expectAgreed(present(sides[1]), 22)
    assert.notEqual(present(peers[0]).digest, present(peers[3]).digest)
    assert.deepEqual(await balancesAt(present(peers[1])), [0n, 130n, 20n])
    assert.deepEqual(await balancesAt(present(peers[2])), [0n, 8n, 142n])

    for (const peer of peers) peer.controls.avoid([])
    await expectAgreed(peers, 43)
    for (const peer of peers) assert.deepEqual(await balancesAt(peer), [-100n, 88n, 162n])
  })

  it('gives its whole history to whoever comes later, over whomever he comes', async () => {
    const [first] = await start(1)
    const customer = await Customer.of(cleanup, present(first))
    // More than one summary tells, and more than one query asks for.
    const payments = Array.from({ length: 3 * LIMITS.bundleMessages }, () => alice.pay(bob, 1n))
    while (payments.length > 0) await customer.handIn(...payments.splice(0, LIMITS.bundleMessages))
    const second = await RunningUnordered.start(cleanup, net, 'second', [present(first).address])
    const third = await RunningUnordered.start(cleanup, net, 'third', [second.address])
    await expectAgreed([present(first), second, third], 3 * LIMITS.bundleMessages)
    assert.deepEqual(await balancesAt(third), [100n - 768n, 50n + 768n, 0n])
  })

  it('counts a transfer once: handed in at several peers, published again and again, signed once more', async () => {
    const peers = await start(2)
    const [one, other] = await Promise.all(
      peers.map((peer, index) => Customer.of(cleanup, peer, `customer ${index}`))
    )
    const key = await privateKeyOf('dave', 'secp256k1')
    const dave = await Payer.create(net, key)
    const paid = dave.pay(bob, 7n)
    // ECDSA has as many signatures of one thing as there are random numbers.
    const sign = (data: Uint8Array): Uint8Array =>
      secp256k1.sign(sha256(data), key.raw, { prehash: false, format: 'der', extraEntropy: true })
    const again = madeOf(
      signEnvelope('message', encodeMessage(paid.message), { ...dave.signer, sign }),
      paid.message
    )
    assert.notEqual(toHex(again.leaf), toHex(paid.leaf))
    assert.deepEqual(await present(one).handIn(paid, paid, again), [
      { kind: 'accepted' },
      { kind: 'known' },
      { kind: 'known' }
    ])
    assert.ok(['accepted', 'known'].includes((await present(other).handIn(again))[0]?.kind ?? ''))
    for (let salt = 0; salt < 10; salt += 1)
      await present(one).host.publish(
        topicsOf(net.network.id).messages,
        encodeBundle([paid.envelope, again.envelope], seedOf(`salt ${salt}`).slice(0, 8))
      )
    await present(one).handIn(alice.pay(bob, 1n))
    await expectAgreed(peers, 2)
    for (const peer of peers) assert.deepEqual((await balancesAt(peer)).slice(0, 2), [99n, 58n])
  })

  it('has all again after a restart, and what it missed', async () => {
    const [first, second] = await start(2)
    const customer = await Customer.of(cleanup, present(first))
    await customer.handIn(alice.pay(bob, 1n))
    await expectAgreed([present(first), present(second)], 1)
    await present(second).stop()
    await customer.handIn(bob.pay(alice, 2n), alice.pay(carol, 3n))
    await present(second).start()
    await expectAgreed([present(first), present(second)], 3)
    assert.deepEqual(await balancesAt(present(second)), [98n, 49n, 3n])
  })

  it('refuses what is not valid by itself, message by message, and nothing else', async () => {
    const strict = await makeUnorderedNetwork({ alice: 1n }, { name: 'strict', leastFee: 2n })
    const peer = await RunningUnordered.start(cleanup, strict, 'strict')
    const customer = await Customer.of(cleanup, peer)
    const eve = await Payer.create(strict, 'eve')
    const nobody = { peerId: utf8('nobody') as Payer['peerId'] }
    const signed = eve.pay(bob, 5n, { fee: 2n })
    const fates = await customer.handIn(
      eve.pay(bob, 0n, { fee: 2n }),
      eve.pay(bob, 5n, { fee: 1n }),
      eve.pay(nobody, 5n, { fee: 2n }),
      eve.saying(utf8('{"text":"hello"}')),
      alice.pay(bob, 5n, { fee: 2n }),
      eve.signed({ ...eve.claim(), author: alice.peerId }, signed.message.body),
      signed,
      eve.pay(bob, 2n ** 63n, { fee: 2n, sequence: 1n })
    )
    assert.deepEqual(
      fates.map(fate => (fate.kind === 'refused' ? fate.reason : fate.kind)),
      [
        'bad amount',
        'fee too low',
        'bad account',
        'bad encoding',
        'wrong network',
        'wrong author',
        'accepted',
        'accepted'
      ]
    )
    assert.equal(peer.controls.status().transfers, 2)
  })

  const HARDLY_ANY = 0.001
  const inWords = (fates: readonly SubmissionResult[]): string[] =>
    fates.map(fate => (fate.kind === 'refused' ? fate.reason : fate.kind))

  it('takes so many new transfers of one author where they come in; the rest counts all the same once it is fetched', async () => {
    const rates = { author: { perSecond: HARDLY_ANY, burst: 2 } }
    const slow = await RunningUnordered.start(cleanup, net, 'slow', [], { rates })
    const quick = await RunningUnordered.start(cleanup, net, 'quick', [slow.address])
    const [atSlow, atQuick] = [
      await Customer.of(cleanup, slow, 'customer of slow'),
      await Customer.of(cleanup, quick, 'customer of quick')
    ]
    const payments = Array.from({ length: 5 }, () => alice.pay(bob, 1n))
    const limited = ['rate limited', 'rate limited', 'rate limited']
    assert.deepEqual(inWords(await atSlow.handIn(...payments)), ['accepted', 'accepted', ...limited])
    assert.deepEqual(inWords(await atSlow.handIn(...payments)), ['known', 'known', ...limited])
    assert.deepEqual(inWords(await atSlow.handIn(bob.pay(alice, 2n))), ['accepted'])
    assert.ok(isPassing('rate limited'), 'a client hands them in again')
    await atQuick.handIn(...payments)
    await expectAgreed([slow, quick], 6)
  })

  it('takes so many new transfers of one peer, whoever their authors are, and those of others', async () => {
    const rates = { transfersOfPeer: { perSecond: HARDLY_ANY, burst: 2 } }
    const peer = await RunningUnordered.start(cleanup, net, 'slow', [], { rates })
    const [one, other] = [await Customer.of(cleanup, peer, 'one'), await Customer.of(cleanup, peer, 'other')]
    const payments = [alice.pay(bob, 1n), bob.pay(alice, 1n), carol.pay(bob, 1n)]
    assert.deepEqual(inWords(await one.handIn(...payments)), ['accepted', 'accepted', 'rate limited'])
    assert.deepEqual(inWords(await other.handIn(...payments)), ['known', 'known', 'accepted'])
  })

  it('answers about its set and its accounts, and about nothing that has to do with blocks', async () => {
    const [peer] = await start(1)
    const customer = await Customer.of(cleanup, present(peer))
    const client = new QueryClient(customer.host, customer.peer, net.network.id)
    const paid = [alice.pay(bob, 1n), bob.pay(alice, 2n)]
    await customer.handIn(...paid)
    const { asker } = customer
    const { count, digest } = await asker.status()
    assert.deepEqual([count, toHex(digest)], [2, present(peer).digest])
    const ids = paid.map(({ message }) => sha256(encodeMessage(message)))
    const whole = await asker.summary('')
    assert.ok(whole.kind === 'ids')
    assert.deepEqual(new Set(whole.ids.map(toHex)), new Set(ids.map(toHex)))
    const [first] = ids
    const name = toHex(present(first))
    const part = await asker.summary(name.slice(0, 5))
    assert.deepEqual(part.kind === 'ids' && part.ids.map(toHex), [name])
    assert.deepEqual(
      (await asker.transfers(ids)).map(toHex),
      paid.map(({ envelope }) => toHex(envelope))
    )
    assert.equal(await asker.balance(carol.peerId), 0n)
    assert.equal((await customer.balances()).size, 2)
    for (const query of [
      { kind: 'account', id: alice.peerId, height: 0 },
      { kind: 'accounts', height: 0, after: undefined, limit: 10 }
    ] as const)
      await assert.rejects(client.one(query), NotFound)
    for (const kind of ['head', 'headerOfHead', 'key', 'evidence'] as const)
      await assert.rejects(client.one({ kind }), QueryRefused)
    const node = await client.one({ kind: 'node' })
    assert.ok(node.kind === 'node')
    assert.deepEqual([node.role, node.isMining, node.peers.length], ['follower', false, 1])
  })
})
