import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { ChainHandler } from '#src/api/chain-handler.js'
import { submit } from '#src/client/submission-client.js'
import { type Answer, encodeAnswer } from '#src/core/answer.js'
import { type Block, encodeBlock, signHeader } from '#src/core/block.js'
import { asHash, type EnvelopeBytes, utf8 } from '#src/core/bytes.js'
import { DecodeError } from '#src/core/codec.js'
import { sha256 } from '#src/core/hash.js'
import { signerOf } from '#src/core/keys.js'
import { decodeQuery, type Query } from '#src/core/query.js'
import { encodeSubmissionAnswer, type SubmissionAnswer } from '#src/core/submission.js'
import { Host } from '#src/network/host.js'
import { QUERY_PROTOCOL, SUBMIT_PROTOCOL } from '#src/network/names.js'
import { SUBMIT_STREAMS } from '#src/network/stream-options.js'
import { BlockQueries } from '#src/query/block-queries.js'
import { NodeQueries } from '#src/query/node-queries.js'
import { InvalidAnswer, QueryFailed } from '#src/query/query-errors.js'
import { QUERY_STREAMS } from '#src/query/query-protocol.js'
import { Author } from '../helpers/authors.js'
import { ChainMaker } from '../helpers/blocks.js'
import { flipped } from '../helpers/bytes.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity, makeWorkNetwork, type TestNetwork } from '../helpers/networks.js'
import { servedChain } from '../helpers/served.js'

/** What a liar makes of the true answers. */
type Lie = (answers: readonly Answer[], query: Query) => readonly (Answer | Uint8Array)[]

describe('a peer of equal rank that lies', () => {
  const cleanup = new Cleanup(after)
  let net: TestNetwork
  let chain: ChainMaker
  let alice: Author
  let asker: BlockQueries
  let node: NodeQueries
  let reader: Host
  let liar: Host
  let lie: Lie
  let fates: SubmissionAnswer

  // Four blocks of two messages.
  before(async () => {
    net = await makeWorkNetwork({ blockSize: 2 })
    chain = new ChainMaker(net)
    alice = await Author.create(net, 'alice')
    chain.addAll(alice.says(8))
    liar = await Host.create({ key: net.key, listen: ['/ip4/127.0.0.1/tcp/0'], topics: [] })
    const truth = new ChainHandler(servedChain(chain), () => 0)
    await liar.serve(QUERY_PROTOCOL, QUERY_STREAMS, async channel => {
      const { query } = decodeQuery(present(await channel.receive(deadline())))
      const answers: Answer[] = []
      for await (const answer of truth.reply(query)?.answers ?? []) answers.push(answer)
      for (const told of lie(answers, query))
        await channel.send(told instanceof Uint8Array ? told : encodeAnswer(told), deadline())
      await channel.close(deadline())
    })
    await liar.serve(SUBMIT_PROTOCOL, SUBMIT_STREAMS, async channel => {
      await channel.receive(deadline())
      await channel.send(encodeSubmissionAnswer(fates), deadline())
      await channel.close(deadline())
    })
    await liar.start()
    cleanup.add(() => liar.stop())
    reader = await Host.create({ key: await identity('reader'), listen: [], topics: [] })
    await reader.start()
    cleanup.add(() => reader.stop())
    const peer = await reader.connect(present(liar.addresses()[0]), deadline())
    asker = new BlockQueries(reader, peer, net.rules, () => Date.now())
    node = new NodeQueries(reader, peer, net.network.id)
  })

  async function read(items: AsyncIterable<unknown>): Promise<number> {
    let count = 0
    for await (const _ of items) count += 1
    return count
  }

  const headers = (): Promise<number> => read(asker.headerPage(1, 4))
  const blocks = (): Promise<number> => read(asker.blocksById(chain.blocks.map(({ signed }) => signed.id)))

  async function expectCaught(asked: Promise<unknown>): Promise<void> {
    await assert.rejects(asked, error => {
      assert.ok(error instanceof InvalidAnswer || error instanceof DecodeError, String(error))
      return error.message !== ''
    })
  }

  /** In place of the block at this height, to whoever wants it by its id. */
  const replacing = (height: number, change: (block: Block) => Block): Lie => {
    return answers =>
      answers.map((answer, index) =>
        answer.kind === 'block' && index === height - 1
          ? { ...answer, block: encodeBlock(change(present(chain.blocks[index]))) }
          : answer
      )
  }

  it('is believed while it tells the truth', async () => {
    lie = answers => answers
    assert.equal(await headers(), 4)
    assert.equal(await blocks(), 4)
    assert.equal(await read(asker.headers(0, 10)), 5)
  })

  const ordersOfHeaders: readonly (readonly [string, Lie])[] = [
    ['leaves one out', ([first, , ...rest]) => [present(first), ...rest]],
    ['shows one twice', ([first, ...rest]) => [present(first), present(first), ...rest]],
    ['begins with another', ([, ...rest]) => rest],
    ['shows them backwards', answers => [...answers.slice(0, 4).toReversed(), ...answers.slice(4)]],
    ['says it is done before the first', () => [{ kind: 'done', next: 1 }]],
    ['answers with something else', ([first]) => [present(first), { kind: 'working' }]],
    ['answers with bytes that are no answer', () => [randomBytes(60)]]
  ]
  for (const [what, order] of ordersOfHeaders)
    it(`when asked for headers and ${what}, is caught`, async () => {
      lie = order
      await expectCaught(headers())
    })

  it('that shows more headers than were asked for is caught', async () => {
    lie = answers => answers
    assert.equal(await read(asker.headerPage(1, 2)), 2)
    const all = servedChain(chain)
    lie = () =>
      [1, 2, 3].map(height => {
        const { envelope: header, checkpoint } = present(all.headerAt(height))
        return { kind: 'header', header, checkpoint }
      })
    await expectCaught(read(asker.headerPage(1, 2)))
  })

  it('that ends a page of headers without saying so is not taken for one that has told all', async () => {
    lie = answers => answers.slice(0, 2)
    await assert.rejects(headers(), QueryFailed)
  })

  it('that shows a header without its work, or not signed, is caught before it is used', async () => {
    const { header } = present(chain.blocks[2]).signed
    const idle = signHeader({ ...header, time: header.time + 1 }, net.signer, net.rules.ordering)
    const mallory = signerOf(await identity('mallory'))
    const stolen = signHeader(header, mallory, net.rules.ordering)
    for (const { envelope, checkpoint } of [idle, stolen]) {
      lie = answers =>
        answers.map((answer, index) =>
          index === 2 ? { kind: 'header', header: envelope, checkpoint } : answer
        )
      await expectCaught(headers())
    }
  })

  it('that shows headers of another branch in the middle of a page is caught', async () => {
    const other = chain.fork(1)
    while (other.blocks.length < 4) other.add([])
    const { envelope, checkpoint } = present(other.blocks[2]).signed
    lie = answers =>
      answers.map((answer, index) =>
        index === 2 ? { kind: 'header', header: envelope, checkpoint } : answer
      )
    await expectCaught(headers())
  })

  const swapped = ([a, b]: readonly EnvelopeBytes[]): EnvelopeBytes[] => [present(b), present(a)]
  const bodies: readonly (readonly [string, (block: Block) => Block])[] = [
    ['without a message', block => ({ ...block, envelopes: block.envelopes.slice(1) })],
    ['with its messages swapped', block => ({ ...block, envelopes: swapped(block.envelopes) })],
    [
      'with a bit of a message changed',
      ({ signed, envelopes: [first, ...rest] }) => ({
        signed,
        envelopes: [flipped(present(first), 9) as EnvelopeBytes, ...rest]
      })
    ],
    [
      'with the messages of another block',
      block => ({ ...block, envelopes: present(chain.blocks[0]).envelopes })
    ],
    ['in place of another', () => present(chain.blocks[0])]
  ]
  for (const [what, change] of bodies)
    it(`that shows a block by its id ${what} is caught: it is the peer that is wrong, not the block`, async () => {
      lie = replacing(3, change)
      await expectCaught(blocks())
    })

  const missing: readonly (readonly [string, Lie])[] = [
    ['another block is missing', ([, ...rest]) => [{ kind: 'missing', id: sha256(utf8('x')) }, ...rest]],
    ['all are told, after none', () => [{ kind: 'done', next: 0 }]],
    ['all are told, after some', answers => [...answers.slice(0, 2), { kind: 'done', next: 4 }]],
    ['there are more', answers => [...answers.slice(0, 4), present(answers[0])]]
  ]
  for (const [what, told] of missing)
    it(`that says, of blocks by their ids, that ${what}, is caught`, async () => {
      lie = told
      await expectCaught(blocks())
    })

  it('that keeps back a header that its own block names is caught', async () => {
    lie = (answers, { kind }) =>
      kind === 'headerOfId'
        ? [{ kind: 'notFound', detail: 'no' }]
        : kind === 'height'
          ? [{ kind: 'block', block: encodeBlock(present(chain.blocks[3])), peaks: [] }]
          : answers
    await expectCaught(asker.blockAt(4))
    const { envelope: header, checkpoint } = present(chain.blocks[0]).signed
    lie = () => [{ kind: 'header', header, checkpoint }]
    await expectCaught(asker.headerById(present(chain.blocks[2]).signed.id))
  })

  it('that speaks of another peer than itself, or answers an owner with something else, is caught', async () => {
    const info = { role: 'miner', addresses: [], peers: [], isMining: true, hashRate: 0, pool: 0 }
    lie = () => [{ kind: 'node', peerId: reader.peerId, ...info }]
    await expectCaught(node.node())
    lie = () => [{ kind: 'done', next: 0 }]
    await expectCaught(node.node())
    await expectCaught(node.mine(1))
    await expectCaught(node.offer({ height: 1, id: asHash(new Uint8Array(32)), weight: 1n }))
    lie = () => [{ kind: 'working' }]
    await expectCaught(node.shutdown())
    await assert.rejects(node.mine(1), QueryFailed, 'work without an end')
  })

  it('that tells of more messages, or fewer, than it was given is caught', async () => {
    const envelopes = [alice.say({ text: 'one' }).envelope]
    const handed = () => submit(reader, liar.peerId, net.network.id, envelopes, new AbortController().signal)
    for (const count of [0, 2]) {
      fates = { kind: 'fates', fates: Array.from({ length: count }, () => ({ kind: 'accepted' as const })) }
      await expectCaught(handed())
    }
    fates = { kind: 'fates', fates: [{ kind: 'accepted' }] }
    assert.deepEqual(await handed(), [{ kind: 'accepted' }])
  })
})
