import assert from 'node:assert/strict'
import { encodeAccountProof } from '#src/applications/ledger/account-proof.js'
import { LedgerState } from '#src/applications/ledger/state.js'
import { type Answer, encodeAnswer } from '#src/core/answer.js'
import { equal } from '#src/core/bytes.js'
import { signerOf } from '#src/core/keys.js'
import { decodeQuery } from '#src/core/query.js'
import { Host } from '#src/network/host.js'
import { QUERY_PROTOCOL } from '#src/network/names.js'
import { QUERY_STREAMS } from '#src/node/query-protocol.js'
import { Changes, deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity, makeWorkNetwork, nameOf, type TestNetwork } from '../helpers/networks.js'
import { ledgerOf } from '../helpers/payers.js'
import { RunningClient } from '../helpers/peers.js'
import { lastOf, rootlessHeaders } from '../helpers/rootless.js'
import { RunningEqual, readerOf } from '../helpers/running-equal.js'

/** Shows an account under a header that has its work, costs nothing to make, and stands on no chain. */
class Forger extends Changes {
  asked = 0
  address = ''

  static async start(
    cleanup: Cleanup,
    net: TestNetwork,
    account: LedgerState,
    shown: Uint8Array
  ): Promise<Forger> {
    const forger = new Forger()
    const forged = rootlessHeaders(net, account.digest())
    const answerTo = (query: ReturnType<typeof decodeQuery>['query']): Answer => {
      const found =
        query.kind === 'headerOfId' ? forged.find(({ id }) => equal(id, query.id)) : lastOf(forged)
      if (found === undefined || (query.kind !== 'account' && !query.kind.startsWith('headerOf')))
        return { kind: 'notFound', detail: 'it is not here' }
      const shownWith = { header: found.envelope, checkpoint: found.checkpoint }
      return query.kind === 'account'
        ? { kind: 'account', ...shownWith, proof: shown }
        : { kind: 'header', ...shownWith }
    }
    const host = await Host.create({
      key: await identity('forger'),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      topics: []
    })
    await host.serve(QUERY_PROTOCOL, QUERY_STREAMS, async channel => {
      const { query } = decodeQuery(present(await channel.receive(deadline())))
      await channel.send(encodeAnswer(answerTo(query)), deadline())
      await channel.close(deadline())
      if (query.kind === 'account') forger.asked += 1
      forger.changed()
    })
    await host.start()
    cleanup.add(() => host.stop())
    forger.address = present(host.addresses()[0])
    return forger
  }
}

describe('a peer among equals that forges what an account has', () => {
  const cleanup = new Cleanup(afterEach)

  it('makes a client sign nothing under a number that is not its next one, and refuse nothing that it can pay', async () => {
    const net = await makeWorkNetwork({ ledger: await ledgerOf({ alice: 1_000n }) })
    const alice = signerOf(await identity('alice')).peerId
    const state = LedgerState.of([{ id: alice, balance: 0n, sequence: 1_000_000n }])
    const forger = await Forger.start(cleanup, net, state, encodeAccountProof(state.prove(alice)))
    const miner = await RunningEqual.start(cleanup, net, { mining: { threads: 1, blocks: 0 } })
    await miner.stop()
    const client = await RunningClient.connected(cleanup, net, [forger.address, miner.address], 'alice')
    const to = nameOf(await identity('bob'))
    const paid = client.client.send({ to, amount: '100', fee: '0' }, deadline())
    await forger.until('the account is asked for', () => forger.asked > 0)
    await miner.start()
    await paid
    await client.events.times('accepted', 1)
    assert.deepEqual(
      client.events.of('accepted').map(({ sequence }) => sequence),
      [1n]
    )
    assert.deepEqual(client.events.of('refused'), [])
    assert.ok((await miner.controls.mine(1, deadline())).ok)
    const { asker } = await readerOf(cleanup, net, miner.address)
    assert.equal((await asker.account(alice)).account.sequence, 1n)
  })
})
