import assert from 'node:assert/strict'
import { ChainHandler, type ServedChain } from '#src/api/chain-handler.js'
import type { Account } from '#src/applications/ledger/account.js'
import { encodeAccountProof } from '#src/applications/ledger/account-proof.js'
import { LedgerState } from '#src/applications/ledger/state.js'
import { genesisCursor } from '#src/chain/cursor.js'
import { RootedAccounts } from '#src/client/rooted-accounts.js'
import { type Answer, encodeAnswer } from '#src/core/answer.js'
import { type CheckpointedHeader, signHeader } from '#src/core/block.js'
import { equal, type PeerIdBytes } from '#src/core/bytes.js'
import { signerOf } from '#src/core/keys.js'
import { decodeQuery, type Query } from '#src/core/query.js'
import { Host } from '#src/network/host.js'
import { QUERY_PROTOCOL } from '#src/network/names.js'
import { InvalidAnswer, QueryFailed } from '#src/query/query-errors.js'
import { QUERY_STREAMS } from '#src/query/query-protocol.js'
import { ChainMaker } from '../helpers/blocks.js'
import { Changes, deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity, makeWorkNetwork, nameOf, type TestNetwork } from '../helpers/networks.js'
import { ledgerOf } from '../helpers/payers.js'
import { RunningClient } from '../helpers/peers.js'
import { lastOf, rootlessHeaders } from '../helpers/rootless.js'
import { RunningEqual, readerOf } from '../helpers/running-equal.js'
import { childOf, lookedAt, mined } from '../helpers/work.js'

/** More than all chains here. */
const HEAVY = 2n ** 200n

/** What it shows of an account, and of which block. */
interface Shown {
  readonly proof: Uint8Array
  readonly signed: CheckpointedHeader
}

/** Shows headers, the last one as its head, and an account. Nothing else is there. */
class Forger extends Changes {
  questions = 0
  /** Of them, those for the account. */
  asked = 0
  address = ''

  static async start(
    cleanup: Cleanup,
    headers: readonly CheckpointedHeader[],
    shown: Shown | undefined,
    name = 'forger',
    claimed = 0n
  ): Promise<Forger> {
    const forger = new Forger()
    const handler = new ChainHandler(chainOf(headers, claimed), () => 0)
    const host = await Host.create({
      key: await identity(name),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      topics: []
    })
    await host.serve(QUERY_PROTOCOL, QUERY_STREAMS, async channel => {
      const { query } = decodeQuery(present(await channel.receive(deadline())))
      forger.questions += 1
      if (query.kind === 'account') forger.asked += 1
      forger.changed()
      for await (const answer of answersTo(query, handler, shown))
        await channel.send(encodeAnswer(answer), deadline())
      await channel.close(deadline())
    })
    await host.start()
    cleanup.add(() => host.stop())
    forger.address = present(host.addresses()[0])
    return forger
  }
}

async function* answersTo(
  query: Query,
  handler: ChainHandler,
  shown: Shown | undefined
): AsyncIterable<Answer> {
  if (query.kind !== 'account')
    return yield* handler.reply(query)?.answers ?? [{ kind: 'notFound', detail: 'it is not here' }]
  if (shown === undefined) return yield { kind: 'notFound', detail: 'it is kept back' }
  const { signed, proof } = shown
  yield { kind: 'account', header: signed.envelope, checkpoint: signed.checkpoint, proof }
}

/** All of it is there, but for the blocks. `claimed`: what it is said to weigh. */
function chainOf(headers: readonly CheckpointedHeader[], claimed: bigint): ServedChain {
  return {
    head: () => lastOf(headers),
    weight: () => claimed,
    headerAt: height => headers.find(({ header }) => header.height === height),
    headerById: id => headers.find(other => equal(other.id, id)),
    encodedBlock: async () => undefined
  }
}

describe('a peer among equals that forges what an account has', () => {
  const cleanup = new Cleanup(afterEach)

  it('makes a client sign nothing under a number that is not its next one, and refuse nothing that it can pay', async () => {
    const net = await makeWorkNetwork({ ledger: await ledgerOf({ alice: 1_000n }) })
    const alice = signerOf(await identity('alice')).peerId
    const state = LedgerState.of([{ id: alice, balance: 0n, sequence: 1_000_000n }])
    const forged = rootlessHeaders(net, state.digest())
    const forger = await Forger.start(cleanup, forged, {
      proof: encodeAccountProof(state.prove(alice)),
      signed: lastOf(forged)
    })
    const miner = await RunningEqual.start(cleanup, net, { mining: { threads: 1, blocks: 0 } })
    await miner.stop()
    const client = await RunningClient.connected(cleanup, net, [forger.address, miner.address], 'alice')
    const to = nameOf(await identity('bob'))
    const paid = client.client.send({ to, amount: '100', fee: '0' }, deadline())
    await forger.until('it is asked', () => forger.questions > 0)
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

describe('what an account has, by several peers among equals', () => {
  const cleanup = new Cleanup(afterEach)
  let net: TestNetwork
  let alice: PeerIdBytes
  let miner: RunningEqual
  let reader: Host
  let connected: PeerIdBytes[]
  let accounts: RootedAccounts

  beforeEach(async () => {
    net = await makeWorkNetwork({ ledger: await ledgerOf({ alice: 1_000n }) })
    alice = signerOf(await identity('alice')).peerId
    miner = await RunningEqual.start(cleanup, net, { mining: { threads: 1, blocks: 0 } })
    assert.ok((await miner.controls.mine(3, deadline())).ok)
    reader = await Host.create({ key: await identity('reader'), listen: [], topics: [] })
    await reader.start()
    cleanup.add(() => reader.stop())
    connected = []
    accounts = new RootedAccounts({
      host: reader,
      rules: net.rules,
      now: () => Date.now(),
      peers: () => connected
    })
  })

  async function connect({ address }: { readonly address: string }): Promise<PeerIdBytes> {
    const peer = await reader.connect(address, deadline())
    connected.push(peer)
    return peer
  }

  /** Shows block 1, with the work that it asks for: all that its header says of messages and accounts is made up. */
  function lightForger(
    held: Omit<Account, 'id'> = { balance: 500n, sequence: 7n },
    name = 'forger'
  ): Promise<Forger> {
    const state = LedgerState.of([{ id: alice, ...held }])
    const header = { count: 7, size: 7, state: state.digest() }
    const { signed } = new ChainMaker(net).forge([], { header: () => header })
    return Forger.start(cleanup, [signed], { proof: encodeAccountProof(state.prove(alice)), signed }, name)
  }

  async function balance(): Promise<bigint> {
    return (await present(accounts.ask(alice, deadline()))).account.balance
  }

  it('is what the chain with most work says, whoever is asked first', async () => {
    await connect(await lightForger())
    assert.equal(await balance(), 500n, 'nobody else is there who could tell')
    await connect(miner)
    assert.equal(await balance(), 1_000n)
    connected.reverse()
    assert.equal(await balance(), 1_000n)
  })

  it('is what it says among any number of peers, who have their shares of the time', async () => {
    for (let count = 0; count < 6; count += 1) await connect(await lightForger(undefined, `forger ${count}`))
    await connect(miner)
    assert.equal(await balance(), 1_000n)
  })

  for (const [what, held] of [
    ['a number above that of all messages', { balance: 500n, sequence: 8n }],
    ['more than there is', { balance: 1_001n, sequence: 7n }]
  ] as const)
    it(`is not what no account can have, whatever work shows it: ${what}`, async () => {
      await connect(await lightForger(held))
      await assert.rejects(balance(), InvalidAnswer)
    })

  it('is not what a chain with less work says than one that was shown before', async () => {
    const honest = await connect(miner)
    assert.equal(await balance(), 1_000n)
    await connect(await lightForger())
    connected = connected.filter(peer => peer !== honest)
    await assert.rejects(balance(), QueryFailed)
  })

  it('is shown by any peer of that chain, where the heaviest one keeps it back', async () => {
    const { ordering } = net.rules
    const parent = lastOf(miner.blocks).header
    const ancestors = lookedAt(ordering, [
      parent,
      ...miner.blocks
        .slice(0, -1)
        .toReversed()
        .map(({ header }) => header),
      genesisCursor(net.rules).signed.header
    ])
    const child = mined(ordering.prepare(childOf(parent, parent.time + 1), ancestors))
    const head = signHeader(child, net.signer, ordering)
    await connect(await Forger.start(cleanup, [...miner.blocks, head], undefined, 'keeper', 3n * HEAVY))
    await connect(miner)
    assert.equal(await balance(), 1_000n)
  })

  it('is what the head of that chain has, where one keeps it back and others show what an earlier block has', async () => {
    const state = LedgerState.of([{ id: alice, balance: 1_000n, sequence: 0n }])
    const first = present(miner.blocks[0])
    const shown = { proof: encodeAccountProof(state.prove(alice)), signed: first }
    await connect(await Forger.start(cleanup, miner.blocks, undefined, 'keeper', 3n * HEAVY))
    // They come before the honest peer by what they claim, and need not be looked at: the chain is known.
    await connect(await Forger.start(cleanup, miner.blocks, shown, 'one that shows all of it', 2n * HEAVY))
    await connect(await Forger.start(cleanup, [first], shown, 'one that shows its beginning', HEAVY))
    await connect(miner)
    const { signed } = await present(accounts.ask(alice, deadline()))
    assert.equal(signed.header.height, lastOf(miner.blocks).header.height)
    connected = connected.slice(0, -1)
    assert.equal(await balance(), 1_000n, 'an earlier one, where nobody shows another')
  })

  it('is shown in time, where a peer says nothing', async () => {
    const silent = await Host.create({
      key: await identity('silent'),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      topics: []
    })
    await silent.serve(QUERY_PROTOCOL, QUERY_STREAMS, async channel => {
      await channel.receive(deadline())
    })
    await silent.start()
    cleanup.add(() => silent.stop())
    await connect({ address: present(silent.addresses()[0]) })
    await connect(miner)
    assert.equal(await balance(), 1_000n)
  })

  it('is not of a block before the head that the same peer has shown', async () => {
    const state = LedgerState.of([{ id: alice, balance: 1_000n, sequence: 0n }])
    const [first] = miner.blocks
    const shown = { proof: encodeAccountProof(state.prove(alice)), signed: present(first) }
    await connect(await Forger.start(cleanup, miner.blocks, shown))
    await assert.rejects(balance(), InvalidAnswer)
  })
})
