import assert from 'node:assert/strict'
import { encodeAccountProof } from '#src/applications/ledger/account-proof.js'
import { LedgerState } from '#src/applications/ledger/state.js'
import { genesisCursor } from '#src/chain/cursor.js'
import { submit } from '#src/client/submission-client.js'
import { encodeAnswer } from '#src/core/answer.js'
import { type PeerIdBytes, toHex } from '#src/core/bytes.js'
import { peerIdToString } from '#src/core/keys.js'
import { QUERY_PROTOCOL } from '#src/network/names.js'
import { QUERY_STREAMS } from '#src/query/query-protocol.js'
import { assertBytes } from '../helpers/bytes.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeWorkNetwork, type TestNetwork } from '../helpers/networks.js'
import { ledgerOf, Payer } from '../helpers/payers.js'
import { RunningClient } from '../helpers/peers.js'
import { levelled, type Reader, RunningEqual, readerOf } from '../helpers/running-equal.js'
import { listening } from '../helpers/served.js'

const REWARD = 50n

interface Holder {
  readonly peerId: PeerIdBytes
}

describe('a ledger on proof of work', () => {
  const cleanup = new Cleanup(afterEach)
  let net: TestNetwork
  let alice: Payer
  let bob: Payer
  let carol: Payer
  let readers: number

  beforeEach(async () => {
    readers = 0
    net = await makeWorkNetwork({ ledger: await ledgerOf({ alice: 1_000n, bob: 500n }, { reward: REWARD }) })
    ;[alice, bob, carol] = [
      await Payer.create(net, 'alice'),
      await Payer.create(net, 'bob'),
      await Payer.create(net, 'carol')
    ]
  })

  function miner(who: string, ...connect: readonly RunningEqual[]): Promise<RunningEqual> {
    const addresses = connect.map(({ address }) => address)
    return RunningEqual.start(cleanup, net, { who, connect: addresses, mining: { threads: 1, blocks: 0 } })
  }

  function reader(peer: RunningEqual): Promise<Reader> {
    return readerOf(cleanup, net, peer.address, `reader ${readers++}`)
  }

  async function mine(peer: RunningEqual, count: number): Promise<void> {
    const mined = await peer.controls.mine(count, deadline())
    assert.ok(mined.ok && mined.blocks.length === count)
  }

  function pay(client: RunningClient, to: Holder, amount: bigint, fee = 0n): Promise<void> {
    const value = { to: peerIdToString(to.peerId), amount: String(amount), fee: String(fee) }
    return client.client.send(value, deadline())
  }

  async function balances({ asker }: Reader, ...holders: readonly Holder[]): Promise<bigint[]> {
    const shown = await Promise.all(holders.map(({ peerId }) => asker.account(peerId)))
    return shown.map(({ account }) => account.balance)
  }

  /** Everybody has the same; nothing was made but the rewards. */
  async function expectSame(...peers: readonly RunningEqual[]): Promise<void> {
    const digests = new Set<string>()
    for (const peer of peers) {
      const { asker } = await reader(peer)
      const { signed, accounts } = await asker.accounts()
      assertBytes(LedgerState.of(accounts).digest(), signed.header.state)
      const supply = accounts.reduce((sum, { balance }) => sum + balance, 0n)
      assert.equal(supply, 1_500n + REWARD * BigInt(signed.header.height))
      digests.add(toHex(signed.header.state))
    }
    assert.equal(digests.size, 1)
  }

  it('fees and the reward of a block are its miner’s, and can be spent from the next one on', async () => {
    const peer = await miner('miner')
    const { peer: self } = await reader(peer)
    const client = await RunningClient.connected(cleanup, net, peer.address, 'alice')
    await pay(client, bob, 100n, 3n)
    await pay(client, carol, 10n, 4n)
    await client.events.times('accepted', 2)
    await mine(peer, 1)
    const look = await reader(peer)
    assert.deepEqual(await balances(look, alice, bob, carol, { peerId: self }), [883n, 600n, 10n, 57n])
    assert.equal((await look.asker.account(self, 0)).account.balance, 0n)
    const paying = await Payer.create(net, 'miner')
    assertBytes(paying.peerId, self)
    const handIn = (amount: bigint, sequence: bigint) =>
      submit(look.host, self, net.network.id, [paying.pay(alice, amount, { sequence }).envelope], deadline())
    const [over] = await handIn(58n, 1n)
    assert.ok(over?.kind === 'refused')
    assert.equal(over.reason, 'overdraft')
    assert.deepEqual(await handIn(57n, 1n), [{ kind: 'accepted' }])
    await mine(peer, 1)
    assert.deepEqual(await balances(look, alice, { peerId: self }), [940n, 50n])
    await expectSame(peer)
  })

  it('a payer whose first neighbour lies about accounts asks the next one', async () => {
    const peer = await miner('honest')
    const asked = Promise.withResolvers<void>()
    const liar = await listening(cleanup, net, host =>
      host.serve(QUERY_PROTOCOL, QUERY_STREAMS, async channel => {
        await channel.receive(deadline())
        const { envelope: header, checkpoint } = genesisCursor(net.rules).signed
        const proof = encodeAccountProof({ leaf: undefined, path: [] })
        const lie = encodeAnswer({ kind: 'account', header, checkpoint, proof })
        await channel.send(lie, deadline())
        asked.resolve()
        await channel.close(deadline())
      })
    )
    const client = await RunningClient.connected(cleanup, net, liar, 'alice')
    const paid = pay(client, bob, 100n)
    await asked.promise
    client.client.controls.connect([liar, peer.address])
    await paid
    await pay(client, carol, 10n)
    await client.events.times('accepted', 2)
    assert.equal(client.events.count('refused'), 0)
  })

  it('a double spend while the network is in two: after it has healed all have one of the two, and the same', async () => {
    const one = await miner('one')
    const two = await miner('two', one)
    const three = await miner('three', one, two)
    const all = [one, two, three]
    await mine(two, 1)
    await levelled(...all)
    const ids = await Promise.all(all.map(async peer => (await reader(peer)).peer))
    const [ofOne, ofTwo, ofThree] = ids
    assert.ok(ofOne && ofTwo && ofThree)
    one.controls.avoid([ofTwo, ofThree])
    for (const peer of [two, three]) peer.controls.avoid([ofOne])

    // Alice pays all that she has twice; Bob pays once more than he will have had, and once what he has anyway.
    const here = await RunningClient.connected(cleanup, net, one.address, 'alice')
    await pay(here, bob, 1_000n)
    await here.events.times('accepted', 1)
    await mine(one, 1)
    const bobs = await RunningClient.connected(cleanup, net, one.address, 'bob')
    await pay(bobs, carol, 20n)
    await pay(bobs, carol, 1_400n)
    await bobs.events.times('accepted', 2)
    await mine(one, 1)
    const there = await RunningClient.connected(cleanup, net, two.address, 'alice')
    await pay(there, carol, 1_000n)
    await there.events.times('accepted', 1)
    await mine(two, 4)
    await levelled(two, three)
    const [left, right] = [await reader(one), await reader(three)]
    assert.deepEqual(await balances(left, alice, bob, carol), [0n, 80n, 1_420n])
    assert.deepEqual(await balances(right, alice, bob, carol), [0n, 500n, 1_000n])

    for (const peer of all) peer.controls.avoid([])
    await one.events.times('reorg', 1)
    await levelled(...all)
    assert.equal(present(one.events.of('reorg')[0]).depth, 2)
    assert.deepEqual(await balances(left, alice, bob, carol), [0n, 500n, 1_000n])
    await expectSame(...all)
    // Both of Bob's wait again. One of them is covered.
    await one.pools(2)
    await mine(one, 1)
    await levelled(...all)
    for (const peer of all)
      assert.deepEqual(await balances(await reader(peer), alice, bob, carol), [0n, 480n, 1_020n])
    assert.equal(one.controls.status().pool, 1)
    await expectSame(...all)
  })

  it('a block comes before its transfers, and transfers come after their block: each counts once', async () => {
    const one = await miner('one')
    const look = await reader(one)
    const payment = alice.pay(bob, 1n)
    const client = (): Promise<unknown> =>
      submit(look.host, look.peer, net.network.id, [payment.envelope], deadline())
    await client()
    await mine(one, 1)
    // It was not there when the transfer was said, and hears of it in the block.
    const late = await RunningEqual.start(cleanup, net, { who: 'late', connect: [one.address] })
    await levelled(one, late)
    const there = await reader(late)
    assert.deepEqual(await submit(there.host, there.peer, net.network.id, [payment.envelope], deadline()), [
      { kind: 'known' }
    ])
    assert.deepEqual(await client(), [{ kind: 'known' }])
    assert.deepEqual(await balances(there, alice, bob), [999n, 501n])
    await expectSame(one, late)
  })

  it('a client that is refused for good ends, and says why; what it pays next has the free number', async () => {
    const one = await miner('one')
    const client = await RunningClient.connected(cleanup, net, one.address, 'alice')
    await pay(client, bob, 600n)
    await client.events.times('accepted', 1)
    const other = await RunningClient.connected(cleanup, net, one.address, 'alice')
    await pay(other, carol, 500n)
    assert.match(await other.failure(), /^transfer 1 was refused after it was signed: sequence taken: /)
    await other.stop()
    await mine(one, 1)
    await other.start()
    await pay(other, carol, 300n)
    await other.events.times('accepted', 1)
    assert.equal(present(other.events.of('accepted')[0]).sequence, 2n)
    await mine(one, 1)
    const look = await reader(one)
    assert.deepEqual(await balances(look, alice, bob, carol), [100n, 1_100n, 300n])
  })
})
