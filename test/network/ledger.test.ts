import assert from 'node:assert/strict'
import { LedgerState } from '#src/applications/ledger/state.js'
import { concat, type PeerIdBytes, toHex } from '#src/core/bytes.js'
import { peerIdToString } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import type { AccountQueries } from '#src/query/account-queries.js'
import { NotFound } from '#src/query/query-errors.js'
import type { Wrong } from '#tools/demo/ledger/wrong-transfers.js'
import { envelopesOf, type Made } from '../helpers/authors.js'
import { assertBytes } from '../helpers/bytes.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { seedOf } from '../helpers/core.js'
import {
  identity,
  makeNetwork,
  rsaIdentity,
  secp256k1Identity,
  type TestNetwork
} from '../helpers/networks.js'
import { ledgerOf, Payer } from '../helpers/payers.js'
import { RunningClient, RunningFollower, RunningSequencer } from '../helpers/peers.js'
import { RawPeer } from '../helpers/raw-peer.js'
import { WRONG_TRANSFERS, wrongTransfer } from '../helpers/wrong-transfers.js'

/** What these have at the peer that is asked, in its head's state, proved. */
async function balancesAt(asker: AccountQueries, ...holders: readonly Holder[]): Promise<bigint[]> {
  const shown = await Promise.all(holders.map(({ peerId }) => asker.account(peerId)))
  return shown.map(({ account }) => account.balance)
}

interface StartWishes {
  readonly grants?: Readonly<Record<string, bigint>>
  readonly blockTimeout?: number
  readonly leastFee?: bigint
}

interface Holder {
  readonly peerId: PeerIdBytes
}

function pay(client: RunningClient, to: Holder, amount: bigint, fee = 0n): Promise<void> {
  const value = { to: peerIdToString(to.peerId), amount: String(amount), fee: String(fee) }
  return client.client.send(value, deadline())
}

describe('a ledger in the order of a sequencer', () => {
  const cleanup = new Cleanup(afterEach)
  let net: TestNetwork
  let sequencer: RunningSequencer
  let alice: Payer
  let bob: Payer
  let carol: Payer
  /** Each of them has a name of its own. */
  let readers = 0

  async function start(blockSize: number, wishes: StartWishes = {}): Promise<void> {
    const { grants = { alice: 1_000n, bob: 500n }, blockTimeout, leastFee } = wishes
    net = await makeNetwork({
      blockSize,
      ledger: await ledgerOf(grants, { ...(leastFee && { leastFee }) }),
      ...(blockTimeout && { blockTimeout })
    })
    sequencer = await RunningSequencer.start(cleanup, net)
    ;[alice, bob, carol] = [
      await Payer.create(net, 'alice'),
      await Payer.create(net, 'bob'),
      await Payer.create(net, 'carol')
    ]
  }

  function raw(who = `reader ${readers++}`, address = sequencer.address): Promise<RawPeer> {
    return RawPeer.connect(cleanup, net, address, who)
  }

  /** At the sequencer and at followers everybody has the same, and their folders hold it. */
  async function expectEverywhere(
    followers: readonly RunningFollower[],
    height: number,
    supply = 1_500n
  ): Promise<void> {
    const digests = new Set<string>()
    const askers = [(await raw()).asker]
    for (const follower of followers) {
      await follower.has(height)
      askers.push((await raw(undefined, follower.address)).asker)
    }
    for (const asker of askers) {
      const { signed, accounts } = await asker.accounts()
      assert.equal(signed.header.height, height)
      assert.equal(
        accounts.reduce((sum, { balance }) => sum + balance, 0n),
        supply,
        'nothing is made and nothing is lost'
      )
      assertBytes(LedgerState.of(accounts).digest(), signed.header.state)
      digests.add(toHex(signed.header.state))
    }
    assert.equal(digests.size, 1)
    for (const follower of followers) await follower.check()
    assert.equal((await sequencer.check()).height, height)
  }

  it('clients pay each other, and whoever asks is shown by proofs what each has, after each block', async () => {
    await start(2)
    const [payer, receiver] = [
      await RunningClient.connected(cleanup, net, sequencer.address, 'alice', { verify: 'full' }),
      await RunningClient.connected(cleanup, net, sequencer.address, 'bob')
    ]
    await pay(payer, bob, 100n, 1n)
    await pay(payer, carol, 50n)
    await payer.receipted(2)
    await sequencer.events.times('block', 1)
    await pay(receiver, carol, 599n)
    await pay(receiver, alice, 1n, 1n)
    await pay(receiver, alice, 1n)
    await receiver.receipted(2)
    assert.deepEqual(
      receiver.events.of('refused').map(({ reason, sequence }) => [reason, sequence]),
      [['overdraft', undefined]],
      'by the client itself, which has signed nothing'
    )
    await sequencer.events.times('block', 2)
    const { asker } = await raw()
    const history = [
      [1_000n, 500n, 0n, 0n],
      [849n, 600n, 50n, 1n],
      [850n, 0n, 649n, 1n]
    ]
    for (const [height, balances] of history.entries())
      for (const [index, { peerId }] of [alice, bob, carol, net.signer].entries()) {
        const { signed, account } = await asker.account(peerId, height)
        assert.equal(signed.header.height, height)
        assert.equal(account.balance, balances[index], `account ${index} after block ${height}`)
      }
    assert.equal((await asker.account(alice.peerId)).account.sequence, 2n)
    assert.equal((await asker.account(carol.peerId)).account.sequence, 0n)
    await assert.rejects(asker.account(alice.peerId, 3), NotFound)
    // A client that executes each block itself has the same ones, over a restart, too.
    await payer.events.times('block', 2)
    assert.equal((await payer.checkCopy()).height, 2)
    await payer.start()
    await pay(payer, bob, 1n)
    await pay(payer, carol, 1n)
    await payer.events.times('block', 3)
    assert.equal((await payer.checkCopy()).height, 3)
  })

  it('a client that executes blocks goes on with another peer where its own has gone', async () => {
    await start(1)
    const followers = [
      await RunningFollower.start(cleanup, net, [sequencer.address], 'one'),
      await RunningFollower.start(cleanup, net, [sequencer.address], 'two')
    ]
    const addresses = followers.map(({ address }) => address)
    const payer = await RunningClient.connected(cleanup, net, addresses, 'alice', { verify: 'headers' })
    for (const [index, gone] of [...followers, undefined].entries()) {
      await pay(payer, bob, 1n)
      await payer.events.times('block', index + 1)
      if (index === 0) await present(gone).stop()
    }
    assert.equal((await payer.checkCopy()).height, 3)
  })

  it('of two programs that spend one balance at once, one wins, and it is the same one everywhere', async () => {
    await start(1)
    const followers = [
      await RunningFollower.start(cleanup, net, [sequencer.address], 'one'),
      await RunningFollower.start(cleanup, net, [sequencer.address], 'two')
    ]
    // One key on two devices, each with a follower of its own.
    const devices: RunningClient[] = []
    for (const follower of followers) {
      await follower.events.times('connected', 1)
      devices.push(await RunningClient.connected(cleanup, net, follower.address, 'alice'))
    }
    const [one, other] = [present(devices[0]), present(devices[1])]
    await Promise.all([pay(one, bob, 1_000n), pay(other, carol, 1_000n)])
    const settled = (): number => one.receipts.length + other.receipts.length + failures().length
    const failures = (): string[] =>
      devices.flatMap(({ events }) => events.failures.map(({ message }) => message))
    await Promise.race(devices.map(device => device.failure()))
    await Promise.race(devices.map(device => device.receipted(1)))
    assert.equal(settled(), 2)
    assert.match(
      present(failures()[0]),
      /^transfer 1 was refused after it was signed: sequence taken: .*another program may pay from this account/
    )
    const { asker } = await raw()
    const winner = one.receipts.length === 1 ? bob : carol
    assert.deepEqual(
      await balancesAt(asker, alice, bob, carol),
      winner === bob ? [0n, 1_500n, 0n] : [0n, 500n, 1_000n]
    )
    await expectEverywhere(followers, 1)
  })

  it('a client that runs again, or in a new folder, goes on with the next number of its account', async () => {
    await start(1)
    const first = await RunningClient.connected(cleanup, net, sequencer.address, 'alice')
    await pay(first, bob, 1n)
    await first.receipted(1)
    await first.stop()
    await first.start()
    await pay(first, bob, 1n)
    await first.receipted(2)
    await sequencer.events.times('block', 2)
    await first.stop()
    const second = await RunningClient.connected(cleanup, net, sequencer.address, 'alice')
    await pay(second, bob, 998n)
    await second.receipted(1)
    const sequences = [...first.receipts, ...second.receipts].map(({ sequence }) => sequence)
    assert.deepEqual(sequences, [1n, 2n, 3n])
    await pay(second, bob, 1n)
    assert.equal(second.events.of('refused')[0]?.reason, 'overdraft')
  })

  it('a client knows over a restart what it has signed and is in no block yet', async () => {
    await start(10)
    const client = await RunningClient.connected(cleanup, net, sequencer.address, 'alice')
    await pay(client, bob, 900n)
    await client.receipted(1)
    await client.stop()
    await client.start()
    await pay(client, bob, 101n)
    assert.match(
      present(client.events.of('refused')[0]).detail,
      /^101 .* has 1000 as of block 0, and 900 of it /
    )
    await pay(client, bob, 100n)
    await client.receipted(2)
    assert.equal(client.receipts[1]?.sequence, 2n)
  })

  it('accounts of all three types of keys pay and are paid', async () => {
    const keys = [await identity('ed'), await secp256k1Identity(), await rsaIdentity()]
    await start(1)
    const holders = await Promise.all(keys.map(key => Payer.create(net, key)))
    const bank = await RunningClient.connected(cleanup, net, sequencer.address, 'alice')
    for (const holder of holders) await pay(bank, holder, 100n)
    await sequencer.events.times('block', 3)
    for (const [index, key] of keys.entries()) {
      const client = await RunningClient.connected(cleanup, net, sequencer.address, key)
      await pay(client, present(holders[(index + 1) % 3]), 30n + BigInt(index))
      await client.receipted(1)
      await client.stop()
    }
    await sequencer.events.times('block', 6)
    const { asker } = await raw()
    assert.deepEqual(await balancesAt(asker, ...holders), [102n, 99n, 99n])
    await expectEverywhere([], 6)
  })

  it('tells accounts as far back as states are kept, and how far that is', async () => {
    await start(1)
    const peer = await raw('alice')
    const payments = Array.from({ length: LIMITS.keptStates.blocks + 2 }, () => alice.pay(bob, 1n))
    await peer.publish(...envelopesOf(payments))
    await sequencer.events.times('block', payments.length)
    const oldest = payments.length - LIMITS.keptStates.blocks + 1
    const [now, then] = [await peer.asker.account(bob.peerId), await peer.asker.account(bob.peerId, oldest)]
    assert.equal(now.account.balance, 500n + BigInt(payments.length))
    assert.equal(then.account.balance, 500n + BigInt(oldest))
    await assert.rejects(peer.asker.account(bob.peerId, oldest - 1), (error: unknown) => {
      assert.ok(error instanceof NotFound)
      assert.match(
        error.message,
        new RegExp(`^what accounts had after block ${oldest - 1} is not kept .* to block ${oldest}$`)
      )
      return true
    })
  })

  it('lists more accounts than a page holds: all of them, which give the state together', async () => {
    // Of RSA keys that nobody has.
    const strangers = Array.from({ length: LIMITS.accountsPage + 250 }, (_, index) =>
      concat(Uint8Array.of(0x12, 0x20), seedOf(`stranger ${index}`))
    )
    const accounts = Object.fromEntries(strangers.map(id => [peerIdToString(id), '3']))
    const { accounts: granted } = await ledgerOf({ alice: 1_000n })
    net = await makeNetwork({
      blockSize: 1,
      ledger: { type: 'ledger', accounts: { ...accounts, ...granted } }
    })
    sequencer = await RunningSequencer.start(cleanup, net)
    const peer = await raw('alice')
    const first = await peer.asker.accounts()
    assert.equal(first.accounts.length, strangers.length + 1)
    await peer.publish((await Payer.create(net, 'alice')).pay(net.signer, 1n).envelope)
    await sequencer.events.times('block', 1)
    const { signed, accounts: now } = await peer.asker.accounts()
    assert.deepEqual([signed.header.height, now.length], [1, strangers.length + 2])
    assert.deepEqual(await peer.asker.accounts(0), first)
  })

  it('a quarter of all that comes is not valid: each is refused with its reason, and all else counts once', async () => {
    const grant = 10_000n
    await start(WRONG_TRANSFERS.length, { grants: { alice: grant, bob: grant, carol: grant }, leastFee: 1n })
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address], 'one')
    const payers = [alice, bob, carol]
    const peers = await Promise.all(['alice', 'bob', 'carol'].map(name => raw(name)))
    const rounds = WRONG_TRANSFERS.length
    const wrong: {
      readonly peer: RawPeer
      readonly made: Made
      readonly kind: Wrong
    }[] = []
    const valid: { readonly peer: RawPeer; readonly made: Made }[] = []
    await Promise.all(
      peers.map(async (peer, index) => {
        const [payer, to] = [present(payers[index]), present(payers[(index + 1) % 3])]
        for (let round = 0; round < rounds; round += 1) {
          const next = BigInt(3 * round + 1)
          const payments = [0n, 1n, 2n].map(off => payer.pay(to, 1n, { fee: 1n, sequence: next + off }))
          const kind = present(WRONG_TRANSFERS[(round + index) % WRONG_TRANSFERS.length])
          const made = wrongTransfer(kind, payer, next + 2n, to)
          wrong.push({ peer, made, kind })
          valid.push(...payments.map(payment => ({ peer, made: payment })))
          const [first, second, third] = payments
          assert.ok(first && second && third)
          await peer.publish(...envelopesOf([first, second, made, third]))
          // What has come comes again.
          await peer.publish(...envelopesOf([second, first]))
        }
      })
    )
    for (const { peer, made, kind } of wrong)
      assert.equal((await peer.refusalOf(made.leaf)).reason, kind.told, kind.name)
    for (const { peer, made } of valid) await peer.receiptOf(made.leaf)
    const height = valid.length / rounds
    await sequencer.events.times('block', height)
    const each = BigInt(valid.length) / 3n
    const { asker } = await raw()
    assert.deepEqual(await balancesAt(asker, ...payers, net.signer), [
      grant - each,
      grant - each,
      grant - each,
      3n * each
    ])
    await expectEverywhere([follower], height, 3n * grant)
    assert.equal((await sequencer.check()).size, valid.length)
  })
})
