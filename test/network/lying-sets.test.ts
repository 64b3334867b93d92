import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { TransferSet, transferId } from '#src/applications/ledger/transfer-set.js'
import { type Answer, encodeAnswer } from '#src/core/answer.js'
import type { Balance } from '#src/core/balance.js'
import { asHash, concat, type EnvelopeBytes, type Hash, type PeerIdBytes, toHex } from '#src/core/bytes.js'
import { DecodeError } from '#src/core/codec.js'
import { decodeEnvelope } from '#src/core/envelope.js'
import { peerIdToString, signerOf } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { decodeQuery, type Query } from '#src/core/query.js'
import { Host } from '#src/network/host.js'
import { QUERY_PROTOCOL, topicsOf } from '#src/network/names.js'
import { InvalidAnswer, QueryFailed } from '#src/query/query-errors.js'
import { QUERY_STREAMS } from '#src/query/query-protocol.js'
import { SetQueries } from '#src/replication/set/set-queries.js'
import type { Made } from '../helpers/authors.js'
import { flipped } from '../helpers/bytes.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity } from '../helpers/networks.js'
import { Payer } from '../helpers/payers.js'
import {
  Customer,
  makeUnorderedNetwork,
  RunningUnordered,
  type UnorderedTestNetwork
} from '../helpers/unordered.js'

/** What a liar says to a query; undefined: nothing, ever. */
type Lie = (query: Query) => Answer | Uint8Array | undefined

const anyHash = (): Hash => asHash(randomBytes(32))
const ascending = (hashes: readonly Hash[]): Hash[] => hashes.toSorted(Buffer.compare)
const set = (): Answer => ({ kind: 'set', count: 1_000_000, digest: anyHash() })
const ids = (...hashes: readonly Hash[]): Answer => ({
  kind: 'summary',
  summary: { kind: 'ids', ids: ascending(hashes) }
})
const parts = (): Answer => ({
  kind: 'summary',
  summary: { kind: 'parts', digests: Array.from({ length: 16 }, anyHash) }
})
const given = (...envelopes: readonly Uint8Array[]): Answer => ({
  kind: 'transfers',
  envelopes: envelopes as EnvelopeBytes[]
})

function idOf(envelope: Uint8Array): Hash {
  return transferId(decodeEnvelope(envelope).payload)
}

/** A peer that subscribes as others do, and says what it likes. */
async function startLiar(cleanup: Cleanup, net: UnorderedTestNetwork, who: string, lie: Lie): Promise<Host> {
  const { messages } = topicsOf(net.network.id)
  const host = await Host.create({
    key: await identity(who),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    topics: [messages]
  })
  await host.serve(QUERY_PROTOCOL, QUERY_STREAMS, async channel => {
    const { query } = decodeQuery(present(await channel.receive(deadline())))
    const said = lie(query)
    if (said === undefined) return
    await channel.send(said instanceof Uint8Array ? said : encodeAnswer(said), deadline())
    await channel.close(deadline())
  })
  await host.start()
  cleanup.add(() => host.stop())
  host.subscribe(messages, () => 'ignore')
  return host
}

describe('a peer that tells untruths about its transfers', () => {
  const cleanup = new Cleanup(after)
  let net: UnorderedTestNetwork
  let alice: Payer
  let one: Made
  let other: Made
  let asker: SetQueries
  let lie: Lie

  before(async () => {
    net = await makeUnorderedNetwork({ alice: 100n })
    alice = await Payer.create(net, 'alice')
    ;[one, other] = [alice.pay(alice, 1n), alice.pay(alice, 2n)]
    const liar = await startLiar(cleanup, net, 'liar', query => lie(query))
    const reader = await Host.create({ key: await identity('reader'), listen: [], topics: [] })
    await reader.start()
    cleanup.add(() => reader.stop())
    const peer = await reader.connect(present(liar.addresses()[0]), deadline())
    asker = new SetQueries(reader, peer, net.network)
  })

  it('is believed while it tells the truth', async () => {
    const [first, second] = [idOf(one.envelope), idOf(other.envelope)]
    const transfers = TransferSet.empty().add(first).add(second)
    lie = query => {
      switch (query.kind) {
        case 'summary':
          return { kind: 'summary', summary: transfers.summary(query.prefix) }
        case 'transfers':
          return given(one.envelope, other.envelope)
        default:
          return { kind: 'set', count: transfers.size, digest: transfers.digest() }
      }
    }
    assert.deepEqual(toHex((await asker.status()).digest), toHex(transfers.digest()))
    assert.deepEqual(await asker.summary(''), transfers.summary(''))
    assert.equal((await asker.transfers([first, second])).length, 2)
  })

  const summary = (): Promise<unknown> => asker.summary('ab')
  const both = (): Promise<unknown> => asker.transfers([one, other].map(({ envelope }) => idOf(envelope)))
  const withPrefix = (prefix: string): Hash =>
    asHash(Buffer.concat([Buffer.from(prefix, 'hex'), randomBytes(31)]))
  const nobody = new Uint8Array(38) as PeerIdBytes

  /** Says that it has so few transfers that they can have made so few accounts. */
  const withFew =
    (balances: () => readonly Balance[]) =>
    (query: Query): Answer =>
      query.kind === 'status'
        ? { kind: 'set', count: 5, digest: anyHash() }
        : { kind: 'balances', balances: balances() }
  const anyAccount = (): Balance => {
    const id = concat(Uint8Array.of(0x12, 32), randomBytes(32))
    return { id: id as PeerIdBytes, balance: 1n }
  }

  const lies: readonly (readonly [string, () => Promise<unknown>, (query: Query) => Answer | Uint8Array])[] =
    [
      ['ids of another part', summary, () => ids(withPrefix('ac'))],
      [
        'ids in another order',
        summary,
        () => ({
          kind: 'summary',
          summary: { kind: 'ids', ids: ascending([withPrefix('ab'), withPrefix('ab')]).toReversed() }
        })
      ],
      [
        'an id twice',
        summary,
        () => {
          const id = withPrefix('ab')
          return { kind: 'summary', summary: { kind: 'ids', ids: [id, id] } }
        }
      ],
      [
        'more ids than a summary has',
        summary,
        () => ids(...Array.from({ length: LIMITS.summaryIds + 1 }, () => withPrefix('ab')))
      ],
      [
        'fifteen parts',
        summary,
        () => ({ kind: 'summary', summary: { kind: 'parts', digests: Array.from({ length: 15 }, anyHash) } })
      ],
      ['parts where nobody can have so many', () => asker.summary('0'.repeat(LIMITS.summaryDigits)), parts],
      ['a digest where a summary is due', summary, set],
      ['a summary where a digest is due', () => asker.status(), () => ids()],
      ['bytes that are no answer', summary, () => randomBytes(50)],
      ['ids of transfers that it does not have', both, () => given()],
      ['fewer transfers than it has told of', both, () => given(one.envelope)],
      ['more transfers than were asked for', both, () => given(one.envelope, other.envelope, one.envelope)],
      ['transfers in another order', both, () => given(other.envelope, one.envelope)],
      ['one transfer in place of another', both, () => given(one.envelope, one.envelope)],
      ['a transfer of which a bit has changed', both, () => given(flipped(one.envelope, 60), other.envelope)],
      ['a transfer that is longer than any', both, () => given(new Uint8Array(5_000), other.envelope)],
      ['a transfer that is none', both, () => given(randomBytes(100), other.envelope)],
      [
        'another account',
        () => asker.balance(alice.peerId),
        () => ({ kind: 'balance', id: nobody, balance: 1n })
      ],
      [
        'an account twice',
        () => asker.balances(),
        withFew(() => [1n, 2n].map(balance => ({ id: alice.peerId, balance })))
      ],
      ['accounts without an end', () => asker.balances(), withFew(() => [{ id: alice.peerId, balance: 1n }])],
      [
        'ever new accounts: there are no more than transfers can have made',
        () => asker.balances(),
        withFew(() => [anyAccount(), anyAccount()])
      ]
    ]
  for (const [what, ask, told] of lies)
    it(`is caught: ${what}`, async () => {
      lie = told
      await assert.rejects(ask(), error => {
        assert.ok(error instanceof InvalidAnswer || error instanceof DecodeError, String(error))
        return error.message !== ''
      })
    })

  it('is not waited for without an end', async () => {
    lie = () => ({ kind: 'working' })
    await assert.rejects(
      asker.status(),
      error => error instanceof InvalidAnswer || error instanceof QueryFailed
    )
  })
})

describe('peers that lie to a peer of a network with no order', () => {
  const cleanup = new Cleanup(after)
  let net: UnorderedTestNetwork
  let honest: RunningUnordered
  let victim: RunningUnordered
  const liars = new Map<string, string>()

  /** Says that it has these, and gives them. */
  const having =
    (...envelopes: readonly Uint8Array[]): Lie =>
    query => {
      if (query.kind === 'status') return set()
      return query.kind === 'summary'
        ? ids(...envelopes.map(idOf))
        : given(...envelopes.toSorted((a, b) => Buffer.compare(idOf(a), idOf(b))))
    }

  before(async () => {
    net = await makeUnorderedNetwork({ alice: 100n })
    const elsewhere = await makeUnorderedNetwork({ alice: 100n }, { name: 'elsewhere' })
    const [alice, foreign] = [await Payer.create(net, 'alice'), await Payer.create(elsewhere, 'alice')]
    honest = await RunningUnordered.start(cleanup, net, 'honest')
    const customer = await Customer.of(cleanup, honest)
    await customer.handIn(...Array.from({ length: 30 }, () => alice.pay(alice, 1n)))
    const lies: Readonly<Record<string, Lie>> = {
      'parts without end': query => (query.kind === 'status' ? set() : parts()),
      'what it does not have': query =>
        query.kind === 'status' ? set() : query.kind === 'summary' ? ids(anyHash()) : given(),
      'transfers with false signatures': having(flipped(alice.pay(alice, 2n).envelope, -1)),
      'transfers of nothing': having(alice.pay(alice, 0n).envelope),
      'transfers of another network': having(foreign.pay(alice, 2n).envelope),
      'nothing at all': query => (query.kind === 'status' ? set() : undefined)
    }
    const addresses: string[] = []
    for (const [what, lie] of Object.entries(lies)) {
      const liar = await startLiar(cleanup, net, what, lie)
      liars.set(what, peerIdToString(signerOf(await identity(what)).peerId))
      addresses.push(present(liar.addresses()[0]))
    }
    victim = await RunningUnordered.start(cleanup, net, 'victim', [...addresses, honest.address])
  })

  it('keep none of the transfers of others from it', async () => {
    await victim.has(30)
    assert.equal(victim.digest, honest.digest)
  })

  for (const what of [
    'parts without end',
    'what it does not have',
    'transfers with false signatures',
    'transfers of nothing',
    'transfers of another network'
  ])
    it(`are told of, once, and not taken at their word: who shows ${what}`, async () => {
      const told = (): string[] =>
        victim.events
          .of('warning')
          .flatMap(({ message }) => (message.includes(present(liars.get(what))) ? [message] : []))
      await victim.events.until('it is told of', () => told().length > 0)
      assert.equal(told().length, 1)
      assert.equal(victim.controls.status().transfers, 30)
    })

  it('do not keep it from stopping', async () => {
    const before = performance.now()
    await victim.stop()
    assert.ok(performance.now() - before < LIMITS.stopMs)
  })
})
