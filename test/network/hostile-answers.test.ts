import assert from 'node:assert/strict'
import { asHash, concat, utf8 } from '#src/core/bytes.js'
import { DecodeError } from '#src/core/codec.js'
import { sha256 } from '#src/core/hash.js'
import { LIMITS } from '#src/core/limits.js'
import type { Query } from '#src/core/query.js'
import { Host } from '#src/network/host.js'
import { QUERY_PROTOCOL } from '#src/network/names.js'
import { expectedAnswers } from '#src/query/expected-answers.js'
import { QueryClient } from '#src/query/query-client.js'
import { InvalidAnswer, QueryFailed } from '#src/query/query-errors.js'
import { QUERY_STREAMS } from '#src/query/query-protocol.js'
import { SCHEMA, varint } from '../core/protobuf.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity } from '../helpers/networks.js'

const network = sha256(utf8('network'))
const id = asHash(sha256(utf8('id')))

describe('a peer that answers with what costs most', () => {
  const cleanup = new Cleanup(after)
  let client: QueryClient
  /** What it says to any query. */
  let frames: readonly Uint8Array[]
  let queries: Readonly<Record<Query['kind'], Query>>

  before(async () => {
    const liar = await Host.create({
      key: await identity('liar'),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      topics: []
    })
    await liar.serve(QUERY_PROTOCOL, QUERY_STREAMS, async channel => {
      await channel.receive(deadline())
      for (const frame of frames) await channel.send(frame, deadline())
      await channel.close(deadline())
    })
    await liar.start()
    cleanup.add(() => liar.stop())
    const reader = await Host.create({ key: await identity('reader'), listen: [], topics: [] })
    await reader.start()
    cleanup.add(() => reader.stop())
    const peer = await reader.connect(present(liar.addresses()[0]), deadline())
    client = new QueryClient(reader, peer, network)
    queries = {
      status: { kind: 'status' },
      head: { kind: 'head' },
      headerOfHead: { kind: 'headerOfHead' },
      headerOfHeight: { kind: 'headerOfHeight', height: 1 },
      headerOfId: { kind: 'headerOfId', id },
      headers: { kind: 'headers', from: 1, limit: 2 },
      height: { kind: 'height', height: 1 },
      id: { kind: 'id', id },
      previous: { kind: 'previous', id },
      range: { kind: 'range', from: 1, limit: 2 },
      blocksById: { kind: 'blocksById', ids: [id, id] },
      inclusionOfPosition: { kind: 'inclusionOfPosition', position: 1 },
      inclusionOfLeaf: { kind: 'inclusionOfLeaf', leaf: id },
      inclusionInLog: { kind: 'inclusionInLog', position: 1, size: 2 },
      consistency: { kind: 'consistency', from: 1, to: 2 },
      key: { kind: 'key' },
      evidence: { kind: 'evidence' },
      receipt: { kind: 'receipt', author: peer, sequence: 1n },
      node: { kind: 'node' },
      offer: { kind: 'offer', claim: { height: 1, id, weight: 1n } },
      mine: { kind: 'mine', count: LIMITS.miningRequests.blocks },
      shutdown: { kind: 'shutdown' },
      account: { kind: 'account', id: peer, height: undefined },
      accounts: { kind: 'accounts', height: undefined, after: undefined, limit: LIMITS.accountsPage },
      summary: { kind: 'summary', prefix: '' },
      transfers: { kind: 'transfers', ids: [id, id] }
    }
  })

  async function ask(query: Query, ...said: readonly Uint8Array[]): Promise<number> {
    frames = said
    let count = 0
    for await (const _ of client.all(query)) count += 1
    return count
  }

  const choices = present(SCHEMA.get('QueryAnswer'))
  const numberOf = (name: string): number => present(choices.find(choice => choice.name === name)).number
  const field = (number: number, content: Uint8Array): Uint8Array =>
    concat(varint(BigInt(number) * 8n + 2n), varint(BigInt(content.length)), content)
  const kindOf = (name: string): string => name.replaceAll(/_(\w)/g, (_, letter) => letter.toUpperCase())
  /** An answer whose field has as many empty elements as fit so many bytes. */
  function full(name: string, element: number, bytes: number): Uint8Array {
    const empty = field(element, new Uint8Array(0))
    return field(
      numberOf(name),
      new Uint8Array(bytes - 32).map((_, index) => empty[index % 2] ?? 0)
    )
  }

  it('has its stream ended by an error that names the answer, for every kind that does not answer the query', async () => {
    for (const query of Object.values(queries))
      for (const { name, number } of choices) {
        if (expectedAnswers(query).kinds.has(kindOf(name))) continue
        await assert.rejects(ask(query, field(number, new Uint8Array(100))), error => {
          assert.ok(error instanceof InvalidAnswer, `${query.kind}: ${error}`)
          assert.ok(error.message.includes(` ${kindOf(name)},`), error.message)
          return true
        })
      }
  })

  for (const [query, name, element, what] of [
    ['inclusionOfPosition', 'inclusion', 3, 'the path of an inclusion proof'],
    ['consistency', 'consistency', 3, 'the path of a consistency proof'],
    ['head', 'block', 2, 'the peaks of a block'],
    ['accounts', 'accounts', 3, 'accounts'],
    ['accounts', 'balances', 1, 'balances'],
    ['mine', 'mined', 1, 'mined blocks'],
    ['node', 'node', 3, 'the addresses of a node'],
    ['node', 'node', 4, 'the peers of a node'],
    ['summary', 'summary', 1, 'the ids of a summary'],
    ['transfers', 'transfers', 1, 'transfers']
  ] as const)
    it(`is refused before an element is decoded that fills ${what} with empty ones`, async () => {
      const { frameBytes } = expectedAnswers(queries[query])
      await assert.rejects(ask(queries[query], full(name, element, frameBytes)), error => {
        assert.ok(error instanceof DecodeError, String(error))
        assert.match(error.message, /more than \d+ elements/)
        return true
      })
    })

  it('has its stream ended at the first frame that is longer than any answer to the query', async () => {
    for (const query of Object.values(queries)) {
      const { frameBytes } = expectedAnswers(query)
      if (frameBytes >= LIMITS.answerBytes) continue
      const { number } = present(choices.find(({ name }) => expectedAnswers(query).kinds.has(kindOf(name))))
      const tooLong = field(number, new Uint8Array(frameBytes))
      await assert.rejects(ask(query, tooLong), QueryFailed, query.kind)
    }
  })

  it('has its stream ended at the first answer that is one too many', async () => {
    const header = field(numberOf('header'), new Uint8Array(0))
    assert.equal(await ask(queries.headers, header, header, header), 3)
    await assert.rejects(ask(queries.headers, header, header, header, header), /more than 3 answers/)
    const piece = field(numberOf('evidence'), new Uint8Array(9))
    const pieces = Array.from({ length: LIMITS.evidence + 2 }, () => piece)
    await assert.rejects(ask(queries.evidence, ...pieces), /more than 17 answers/)
  })

  it('has its stream ended at groups that are nested a hundred thousand deep', async () => {
    const nested = new Uint8Array(LIMITS.answerBytes / 4).fill(0x1b)
    for (const query of [queries.head, queries.range])
      await assert.rejects(ask(query, nested), error => {
        assert.ok(error instanceof InvalidAnswer || error instanceof DecodeError, String(error))
        assert.doesNotMatch(error.message, /call stack/)
        return true
      })
  })
})
