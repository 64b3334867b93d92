import assert from 'node:assert/strict'
import { LedgerState } from '#src/applications/ledger/state.js'
import { decodeTransfer } from '#src/applications/ledger/transfer.js'
import { submit } from '#src/client/submission-client.js'
import { encodeBundle } from '#src/core/bundle.js'
import { type PeerIdBytes, toHex } from '#src/core/bytes.js'
import type { SubmissionResult } from '#src/core/submission.js'
import { topicsOf } from '#src/network/names.js'
import type { Wrong } from '#tools/demo/ledger/wrong-transfers.js'
import { envelopesOf, type Made } from '../helpers/authors.js'
import { assertBytes } from '../helpers/bytes.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeWorkNetwork } from '../helpers/networks.js'
import { ledgerOf, Payer } from '../helpers/payers.js'
import { levelled, RunningEqual, readerOf } from '../helpers/running-equal.js'
import { Customer, makeUnorderedNetwork, RunningUnordered } from '../helpers/unordered.js'
import { WRONG_TRANSFERS, wrongTransfer } from '../helpers/wrong-transfers.js'

const NAMES = ['alice', 'bob', 'carol'] as const
const GRANT = 10_000n
const GRANTS = { alice: GRANT, bob: GRANT, carol: GRANT }
const REWARD = 50n

interface Round {
  readonly valid: readonly [Made, Made, Made]
  readonly wrong: Made
  readonly kind: Wrong
}

/** Of one payer: three valid transfers to each that is not, and each kind of those once. */
function roundsOf(payer: Payer, to: Payer, start: number): Round[] {
  return WRONG_TRANSFERS.map((_, round) => {
    const next = BigInt(3 * round + 1)
    const pay = (off: bigint): Made => payer.pay(to, 1n, { fee: 1n, sequence: next + off })
    const kind = present(WRONG_TRANSFERS[(round + start) % WRONG_TRANSFERS.length])
    return { valid: [pay(0n), pay(1n), pay(2n)], wrong: wrongTransfer(kind, payer, next + 2n, to), kind }
  })
}

const inOrder = ({ valid: [first, second, third], wrong }: Round): Made[] => [first, second, wrong, third]

const inWords = (fate: SubmissionResult): string => (fate.kind === 'refused' ? fate.reason : fate.kind)

describe('a quarter of all transfers is not valid', () => {
  const cleanup = new Cleanup(afterEach)

  it('among equals who mine: each is refused with its reason, and all else counts once, everywhere', async () => {
    const net = await makeWorkNetwork({ ledger: await ledgerOf(GRANTS, { reward: REWARD, leastFee: 1n }) })
    const peers: RunningEqual[] = []
    for (const who of ['one', 'two', 'three']) {
      const connect = peers.map(({ address }) => address)
      peers.push(await RunningEqual.start(cleanup, net, { who, connect, mining: { threads: 1, blocks: 0 } }))
    }
    const readers = await Promise.all(
      peers.map(({ address }, index) => readerOf(cleanup, net, address, `reader ${index}`))
    )
    const payers = await Promise.all(NAMES.map(name => Payer.create(net, name)))
    const { messages } = topicsOf(net.network.id)
    await Promise.all(
      readers.map(async ({ host, peer }, index) => {
        const handIn = (...made: readonly Made[]): Promise<readonly SubmissionResult[]> =>
          submit(host, peer, net.network.id, envelopesOf(made), deadline())
        const to = present(payers[(index + 1) % 3])
        const rounds = roundsOf(present(payers[index]), to, index)
        const fates = await handIn(...rounds.flatMap(inOrder))
        assert.deepEqual(
          fates.map(inWords),
          rounds.flatMap(({ kind: { told } }) => ['accepted', 'accepted', told, 'accepted'])
        )
        const again = await handIn(...rounds.flatMap(({ valid }) => valid.toReversed()))
        assert.ok(again.every(({ kind }) => kind === 'known'))
        // By gossip, too, where nobody is told.
        for (const { wrong } of rounds) await host.publish(messages, encodeBundle([wrong.envelope]))
      })
    )
    const last = 3n * BigInt(WRONG_TRANSFERS.length)
    const isDone = async (): Promise<boolean> => {
      const { asker } = present(readers[0])
      const shown = await Promise.all(payers.map(({ peerId }) => asker.account(peerId)))
      return shown.every(({ account }) => account.sequence === last)
    }
    for (let turn = 0; !(await isDone()); turn += 1) {
      const mined = await present(peers[turn % 3]).controls.mine(2, deadline())
      assert.ok(mined.ok)
      await levelled(...peers)
    }
    const digests = new Set<string>()
    for (const { asker } of readers) {
      const { signed, accounts } = await asker.accounts()
      const { header } = signed
      assert.equal(BigInt(header.size), 3n * last, 'nothing that is not valid stands in a block')
      assertBytes(LedgerState.of(accounts).digest(), header.state)
      digests.add(toHex(header.state))
      const supply = accounts.reduce((sum, { balance }) => sum + balance, 0n)
      assert.equal(supply, 3n * GRANT + REWARD * BigInt(header.height))
      for (const { peerId } of payers)
        assert.equal((await asker.account(peerId)).account.balance, GRANT - last, 'it has paid the fees')
    }
    assert.equal(digests.size, 1)
  })

  it('where nobody orders them: what no order would make valid is refused, and all else counts once, everywhere', async () => {
    const net = await makeUnorderedNetwork(GRANTS, { leastFee: 1n })
    const peers: RunningUnordered[] = []
    for (const who of ['one', 'two', 'three']) {
      const connect = peers.map(({ address }) => address)
      peers.push(await RunningUnordered.start(cleanup, net, who, connect))
    }
    const payers = await Promise.all(NAMES.map(name => Payer.create(net, name)))
    const counted: Made[] = []
    await Promise.all(
      peers.map(async (peer, index) => {
        const customer = await Customer.of(cleanup, peer, `customer ${index}`)
        const to = present(payers[(index + 1) % 3])
        const rounds = roundsOf(present(payers[index]), to, index)
        const fates = await customer.handIn(...rounds.flatMap(inOrder))
        assert.deepEqual(
          fates.map(inWords),
          rounds.flatMap(({ kind: { needsOrder, told } }) => [
            'accepted',
            'accepted',
            needsOrder ? 'accepted' : told,
            'accepted'
          ])
        )
        for (const { valid, wrong, kind } of rounds) {
          await customer.host.publish(topicsOf(net.network.id).messages, encodeBundle([wrong.envelope]))
          counted.push(...valid, ...(kind.needsOrder ? [wrong] : []))
        }
      })
    )
    const balances = new Map(payers.map(({ peerId }) => [toHex(peerId), GRANT]))
    const add = (id: PeerIdBytes, units: bigint): void => {
      balances.set(toHex(id), (balances.get(toHex(id)) ?? 0n) + units)
    }
    for (const { author, message } of counted) {
      assert.ok(message.body.kind === 'open')
      const { to, amount, fee } = decodeTransfer(message.body.bytes)
      add(author, -amount - fee)
      add(to, amount)
    }
    for (const [index, peer] of peers.entries()) {
      await peer.has(counted.length)
      assert.equal(peer.controls.status().transfers, counted.length)
      assert.equal(peer.digest, present(peers[0]).digest)
      const customer = await Customer.of(cleanup, peer, `reader ${index}`)
      assert.deepEqual(await customer.balances(), balances)
    }
  })
})
