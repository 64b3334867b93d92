import assert from 'node:assert/strict'
import { LedgerState } from '#src/applications/ledger/state.js'
import { submit } from '#src/client/submission-client.js'
import { equal, type PeerIdBytes, toHex } from '#src/core/bytes.js'
import type { SubmissionResult } from '#src/core/submission.js'
import type { AccountQueries } from '#src/query/account-queries.js'
import type { Made } from '../helpers/authors.js'
import { assertBytes } from '../helpers/bytes.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork, makeWorkNetwork } from '../helpers/networks.js'
import { ledgerOf, Payer } from '../helpers/payers.js'
import { RunningFollower, RunningSequencer } from '../helpers/peers.js'
import { RawPeer } from '../helpers/raw-peer.js'
import { levelled, type Reader, RunningEqual, readerOf } from '../helpers/running-equal.js'

const ROUNDS = 6

/** Everybody proves the same accounts after the same block, after all blocks before it too. Gives the balances. */
async function agreed(
  askers: readonly AccountQueries[],
  holders: readonly { readonly peerId: PeerIdBytes }[]
): Promise<bigint[]> {
  const [first] = askers
  const { signed, accounts } = await present(first).accounts()
  assertBytes(LedgerState.of(accounts).digest(), signed.header.state)
  const balancesAt = async (asker: AccountQueries, height: number): Promise<bigint[]> => {
    const shown = await Promise.all(holders.map(({ peerId }) => asker.account(peerId, height)))
    return shown.map(({ account }) => account.balance)
  }
  for (const asker of askers) assertBytes((await asker.accounts()).signed.id, signed.id)
  let balances: bigint[] = []
  for (let height = 0; height <= signed.header.height; height += 1) {
    const [here, ...elsewhere] = await Promise.all(askers.map(asker => balancesAt(asker, height)))
    balances = present(here)
    for (const others of elsewhere) assert.deepEqual(others, balances, `after block ${height}`)
  }
  return balances
}

function hasReceipt({ receipts }: RawPeer, { leaf }: Made): boolean {
  return receipts.some(receipt => equal(receipt.leaf, leaf))
}

function isTold(peer: RawPeer, made: Made): boolean {
  return hasReceipt(peer, made) || peer.refusals.some(({ leaf }) => leaf === toHex(made.leaf))
}

describe('two transfers of the same units, handed to two peers at once', () => {
  const cleanup = new Cleanup(afterEach)

  it('through two followers: the sequencer takes one and refuses the other, time after time', async () => {
    const net = await makeNetwork({ blockSize: 1, ledger: await ledgerOf({ alice: BigInt(ROUNDS) }) })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const [alice, bob, carol] = [
      await Payer.create(net, 'alice'),
      await Payer.create(net, 'bob'),
      await Payer.create(net, 'carol')
    ]
    const followers = [
      await RunningFollower.start(cleanup, net, [sequencer.address], 'one'),
      await RunningFollower.start(cleanup, net, [sequencer.address], 'two')
    ]
    const devices: RawPeer[] = []
    for (const follower of followers) {
      await follower.events.times('connected', 1)
      devices.push(await RawPeer.connect(cleanup, net, follower.address, 'alice'))
    }
    const [one, other] = [present(devices[0]), present(devices[1])]
    let toBob = 0n
    for (let round = 1; round <= ROUNDS; round += 1) {
      const sequence = BigInt(round)
      const toBobs = alice.pay(bob, 1n, { sequence })
      const toCarols = alice.pay(carol, 1n, { sequence })
      // Now one of them is first, now the other.
      const [here, there] = round % 2 === 0 ? [one, other] : [other, one]
      await Promise.all([here.publish(toBobs.envelope), there.publish(toCarols.envelope)])
      await here.until('it is decided', () => isTold(here, toBobs))
      await there.until('it is decided', () => isTold(there, toCarols))
      const isBobs = hasReceipt(here, toBobs)
      const refused = await (isBobs ? there.refusalOf(toCarols.leaf) : here.refusalOf(toBobs.leaf))
      assert.equal(refused.reason, 'sequence taken')
      assert.notEqual(hasReceipt(there, toCarols), isBobs)
      if (isBobs) toBob += 1n
      await sequencer.events.times('block', round)
    }
    const askers: AccountQueries[] = []
    for (const peer of [sequencer, ...followers]) {
      if (peer instanceof RunningFollower) await peer.has(ROUNDS)
      askers.push((await RawPeer.connect(cleanup, net, peer.address, `reader ${askers.length}`)).asker)
    }
    assert.deepEqual(await agreed(askers, [alice, bob, carol]), [0n, toBob, BigInt(ROUNDS) - toBob])
    for (const peer of [sequencer, ...followers]) assert.equal((await peer.check()).size, ROUNDS)
  })

  it('to two miners who mine at once: one of them stands in the end, and the same one everywhere', async () => {
    const net = await makeWorkNetwork({ ledger: await ledgerOf({ alice: BigInt(ROUNDS) }) })
    const [alice, bob, carol] = [
      await Payer.create(net, 'alice'),
      await Payer.create(net, 'bob'),
      await Payer.create(net, 'carol')
    ]
    const peers: RunningEqual[] = []
    for (const who of ['one', 'two', 'three']) {
      const connect = peers.map(({ address }) => address)
      peers.push(await RunningEqual.start(cleanup, net, { who, connect, mining: { threads: 1, blocks: 0 } }))
    }
    const readers = await Promise.all(
      peers.map(({ address }, index) => readerOf(cleanup, net, address, `reader ${index}`))
    )
    const [here, there] = [present(readers[0]), present(readers[1])]
    const handIn = async ({ host, peer }: Reader, { envelope }: Made): Promise<SubmissionResult> =>
      present((await submit(host, peer, net.network.id, [envelope], deadline()))[0])
    for (let round = 1; round <= ROUNDS; round += 1) {
      const sequence = BigInt(round)
      const fates = await Promise.all([
        handIn(here, alice.pay(bob, 1n, { sequence })),
        handIn(there, alice.pay(carol, 1n, { sequence }))
      ])
      // One may have heard of the other transfer before.
      for (const fate of fates)
        assert.ok(fate.kind === 'accepted' || (fate.kind === 'refused' && fate.reason === 'sequence taken'))
      assert.ok(fates.some(({ kind }) => kind === 'accepted'))
      await Promise.all(
        peers.slice(0, 2).map(async ({ controls }) => assert.ok((await controls.mine(1, deadline())).ok))
      )
      await levelled(...peers)
      for (const { asker } of readers)
        assert.equal((await asker.account(alice.peerId)).account.sequence, sequence)
    }
    const [left, ofBob, ofCarol] = await agreed(
      readers.map(({ asker }) => asker),
      [alice, bob, carol]
    )
    assert.equal(left, 0n)
    assert.equal(present(ofBob) + present(ofCarol), BigInt(ROUNDS), 'nothing is paid twice')
    for (const { controls } of peers) assert.equal(controls.status().pool, 0, 'what has lost waits no more')
  })
})
