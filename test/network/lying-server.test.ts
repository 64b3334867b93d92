import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { genesisCursor } from '#src/chain/cursor.js'
import { LightClient } from '#src/client/light-client.js'
import { Outbox } from '#src/client/outbox.js'
import { type Answer, decodeAnswer, encodeAnswer } from '#src/core/answer.js'
import {
  type CheckpointedHeader,
  decodeBlockParts,
  encodeBlock,
  encodeGenesis,
  type Header,
  readStoredHeader,
  signHeader,
  type WireBlockParts
} from '#src/core/block.js'
import { asHash, type EnvelopeBytes, type Hash, utf8 } from '#src/core/bytes.js'
import { DecodeError } from '#src/core/codec.js'
import { certifyKey } from '#src/core/encryption-key.js'
import { decodeEnvelope } from '#src/core/envelope.js'
import type { Evidence } from '#src/core/evidence.js'
import { sha256 } from '#src/core/hash.js'
import { type Signer, signerOf, VerifierCache } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { leafHash, nodeHash, rootOf } from '#src/core/merkle.js'
import { decodeQuery, encodeQuery, type Query } from '#src/core/query.js'
import { type Receipt, readReceipt, signReceipt } from '#src/core/receipt.js'
import { Envelope, Block as WireBlock } from '#src/core/wire/tallystick.js'
import { Host } from '#src/network/host.js'
import { QUERY_PROTOCOL } from '#src/network/names.js'
import { BlockQueries } from '#src/query/block-queries.js'
import { compareHeads } from '#src/query/head-comparison.js'
import { Contradiction, InvalidAnswer } from '#src/query/query-errors.js'
import { QUERY_STREAMS } from '#src/query/query-protocol.js'
import { SequencerQueries } from '#src/query/sequencer-queries.js'
import { readEvidence } from '#src/validation/evidence-check.js'
import { Author, envelopesOf, type Made } from '../helpers/authors.js'
import { assertBytes, flipped } from '../helpers/bytes.js'
import { undated } from '../helpers/certificates.js'
import { deadline, present } from '../helpers/changes.js'
import { openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { encryptionKey, identity, makeNetwork, type TestNetwork } from '../helpers/networks.js'
import { RunningSequencer } from '../helpers/peers.js'
import { RawPeer } from '../helpers/raw-peer.js'

/** What a liar makes of the true answers to a query, as frames. */
type Lie = (answers: readonly Answer[], query: Query) => readonly (Answer | Uint8Array)[]

/** Alters answers of one kind and passes the others on. */
function altering<Kind extends Answer['kind']>(
  kind: Kind,
  alter: (answer: Extract<Answer, { kind: Kind }>, query: Query) => Answer | Uint8Array
): Lie {
  const isOfKind = (answer: Answer): answer is Extract<Answer, { kind: Kind }> => answer.kind === kind
  return (answers, query) => answers.map(answer => (isOfKind(answer) ? alter(answer, query) : answer))
}

/** Alters the blocks that a query asks for by more than their height: those that are not fetched as parents. */
function alteringBlocks(alter: (parts: WireBlockParts) => Uint8Array): Lie {
  return altering('block', (answer, query) => {
    const parts = decodeBlockParts(answer.block)
    const isAsked = query.kind === 'head' || query.kind === 'range'
    return isAsked ? { ...answer, block: alter(parts) } : answer
  })
}

function headerIn(envelope: Uint8Array): Header {
  return readStoredHeader(
    WireBlock.encode({
      header: envelope,
      envelopes: [],
      document: new Uint8Array(0),
      checkpoint: new Uint8Array(0)
    })
  ).header
}

function encoded({ header, checkpoint, envelopes }: Omit<WireBlockParts, 'document'>): Uint8Array {
  return WireBlock.encode({ header, checkpoint, envelopes: [...envelopes], document: new Uint8Array(0) })
}

function resigned(signer: Signer, changes: (header: Header) => Partial<Header>): Lie {
  return alteringBlocks(({ header: bytes, envelopes }) => {
    const header = headerIn(bytes)
    return encodeBlock({ signed: signHeader({ ...header, ...changes(header) }, signer), envelopes })
  })
}

describe('a server that lies', () => {
  const cleanup = new Cleanup(after)
  let net: TestNetwork
  let sequencer: RunningSequencer
  let truth: RawPeer
  let alice: Author
  let messages: Made[]
  let mallory: Signer
  let liar: Host
  let asker: BlockQueries
  let sequencerAsker: SequencerQueries
  let lie: Lie

  // Nine messages in three blocks. The liar relays the truth, but for what `lie` makes of it.
  before(async () => {
    net = await makeNetwork({ blockSize: 3 })
    sequencer = await RunningSequencer.start(cleanup, net)
    alice = await Author.create(net, 'alice')
    truth = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    messages = alice.says(9)
    await truth.publish(...envelopesOf(messages))
    await sequencer.events.times('block', 3)
    await truth.receipted(9)

    const key = await identity('mallory')
    mallory = signerOf(key)
    liar = await Host.create({ key, listen: ['/ip4/127.0.0.1/tcp/0'], topics: [] })
    await liar.serve(QUERY_PROTOCOL, QUERY_STREAMS, async channel => {
      const frame = present(await channel.receive(deadline()))
      const answers = (await truth.rawQuery(frame)).map(decodeAnswer)
      for (const told of lie(answers, decodeQuery(frame).query))
        await channel.send(told instanceof Uint8Array ? told : encodeAnswer(told), deadline())
      await channel.close(deadline())
    })
    await liar.start()
    cleanup.add(() => liar.stop())
    const reader = await Host.create({ key: await identity('reader'), listen: [], topics: [] })
    await reader.start()
    cleanup.add(() => reader.stop())
    const peer = await reader.connect(present(liar.addresses()[0]), deadline())
    asker = new BlockQueries(reader, peer, net.rules, () => Date.now())
    sequencerAsker = new SequencerQueries(reader, peer, net.network)
  })

  const idOf = (height: number): Hash => present(sequencer.blocks[height - 1]).id
  const headerOf = (height: number): Header => present(sequencer.blocks[height - 1]).header
  const signedBySequencer = (changes: (header: Header) => Partial<Header>): Lie =>
    resigned(net.signer, changes)
  /** The block's messages replaced, with a header that fits them, by a sequencer that lies itself. */
  const withMessages = (change: (envelopes: readonly EnvelopeBytes[]) => readonly EnvelopeBytes[]): Lie =>
    alteringBlocks(({ header: bytes, envelopes }) => {
      const header = headerIn(bytes)
      const changed = change(envelopes)
      const leaves = [...envelopesOf(messages.slice(0, 6)), ...changed].map(leafHash)
      const root = rootOf(changed.map(leafHash))
      return encodeBlock({
        signed: signHeader({ ...header, root, log: rootOf(leaves) }, net.signer),
        envelopes: changed
      })
    })

  async function expectCaught(ask: () => Promise<unknown>): Promise<void> {
    await assert.rejects(ask, error => {
      assert.ok(error instanceof InvalidAnswer || error instanceof DecodeError, String(error))
      assert.notEqual(error.message, '')
      return true
    })
  }

  it('is believed while it tells the truth', async () => {
    lie = answers => answers
    assert.equal((await asker.head()).signed.header.height, 3)
    assert.equal((await asker.previous(idOf(1))).signed.header.height, 0)
    assert.equal((await asker.inclusion({ position: 4 })).position, 4)
    const heights: number[] = []
    for await (const { block } of asker.chainAfter(genesisCursor(net.rules)))
      heights.push(block.signed.header.height)
    assert.deepEqual(heights, [1, 2, 3])
  })

  const other = (): EnvelopeBytes => alice.say({ text: 'never sent' }, { sequence: 77n }).envelope
  const swapped = ([a, b, ...rest]: readonly EnvelopeBytes[]): EnvelopeBytes[] =>
    [b, a, ...rest].map(envelope => present(envelope))

  const blockLies: readonly (readonly [string, () => Lie])[] = [
    [
      'leaves out a message',
      () =>
        alteringBlocks(({ header, checkpoint, envelopes }) =>
          encoded({ header, checkpoint, envelopes: envelopes.slice(1) })
        )
    ],
    [
      'adds a message',
      () =>
        alteringBlocks(({ header, checkpoint, envelopes }) =>
          encoded({ header, checkpoint, envelopes: [...envelopes, other()] })
        )
    ],
    [
      'replaces a message',
      () =>
        alteringBlocks(({ header, checkpoint, envelopes }) =>
          encoded({ header, checkpoint, envelopes: [other(), ...envelopes.slice(1)] })
        )
    ],
    [
      'swaps two messages',
      () =>
        alteringBlocks(({ header, checkpoint, envelopes }) =>
          encoded({ header, checkpoint, envelopes: swapped(envelopes) })
        )
    ],
    [
      'changes a bit of a message',
      () =>
        alteringBlocks(({ header, checkpoint, envelopes: [first, ...rest] }) =>
          encoded({ header, checkpoint, envelopes: [flipped(present(first), -1) as EnvelopeBytes, ...rest] })
        )
    ],
    [
      "changes a bit of the header's signature",
      () =>
        alteringBlocks(({ header, checkpoint, envelopes }) => {
          const envelope = decodeEnvelope(header)
          const signature = flipped(envelope.signature, 10)
          return encoded({ header: Envelope.encode({ ...envelope, signature }), checkpoint, envelopes })
        })
    ],
    [
      'changes a bit of the checkpoint',
      () =>
        alteringBlocks(({ header, checkpoint, envelopes }) =>
          encoded({ header, checkpoint: flipped(checkpoint, 10), envelopes })
        )
    ],
    [
      'leaves out the checkpoint',
      () =>
        alteringBlocks(({ header, envelopes }) =>
          encoded({ header, checkpoint: new Uint8Array(0), envelopes })
        )
    ],
    [
      'changes a bit of the header',
      () =>
        alteringBlocks(({ header, checkpoint, envelopes }) => {
          const envelope = decodeEnvelope(header)
          const payload = flipped(envelope.payload, -1)
          return encoded({ header: Envelope.encode({ ...envelope, payload }), checkpoint, envelopes })
        })
    ],
    [
      'signs the header itself, as its producer',
      () => resigned(mallory, () => ({ producer: mallory.peerId }))
    ],
    ["signs the header itself, in the sequencer's name", () => resigned(mallory, () => ({}))],
    [
      'shows a header for another network',
      () => signedBySequencer(() => ({ network: sha256(utf8('another network')) }))
    ],
    ['shows a header with another parent', () => signedBySequencer(() => ({ parent: sha256(utf8('x')) }))],
    ['shows a header with another root', () => signedBySequencer(() => ({ root: sha256(utf8('x')) }))],
    ['shows a header with another log', () => signedBySequencer(() => ({ log: sha256(utf8('x')) }))],
    ['shows a header with another state', () => signedBySequencer(() => ({ state: sha256(utf8('x')) }))],
    ['shows a header with another size', () => signedBySequencer(header => ({ size: header.size + 1 }))],
    ['shows a header with a time before its parent', () => signedBySequencer(() => ({ time: 1 }))],
    ['shows a header with a proof', () => signedBySequencer(() => ({ proof: Uint8Array.of(1) }))],
    [
      'is the sequencer itself, and puts a message in that nobody signed',
      () =>
        withMessages(([first, ...rest]) => [
          Uint8Array.from(
            Envelope.encode({ ...decodeEnvelope(present(first)), signature: new Uint8Array(64) })
          ) as EnvelopeBytes,
          ...rest
        ])
    ],
    [
      'is the sequencer itself, and puts garbage in as a message',
      () => withMessages(([, ...rest]) => [randomBytes(200) as Uint8Array as EnvelopeBytes, ...rest])
    ],
    ['answers with bytes that are no answer', () => () => [randomBytes(50)]],
    [
      'answers with bytes that are no block',
      () => altering('block', answer => ({ ...answer, block: randomBytes(99) }))
    ],
    ['answers with something else', () => () => [{ kind: 'done', next: 3 }]]
  ]
  for (const [what, make] of blockLies) {
    it(`that ${what} is caught when asked for the head`, async () => {
      lie = make()
      await expectCaught(() => asker.head())
    })
  }

  for (const [what, make] of blockLies.filter(([what]) => what !== 'answers with something else'))
    it(`that ${what} is caught when asked for the chain`, async () => {
      // Only the last block is a lie: what comes before it is good.
      const make3 = make()
      lie = (answers, query) => [...answers.slice(0, 2), ...make3(answers.slice(2), query)]
      const heights: number[] = []
      await expectCaught(async () => {
        for await (const { block } of asker.chainAfter(genesisCursor(net.rules)))
          heights.push(block.signed.header.height)
      })
      assert.deepEqual(heights, [1, 2])
    })

  const swaps: readonly (readonly [string, Query['kind'], number, () => Promise<unknown>])[] = [
    ['another block than the one at the height asked', 'height', 2, () => asker.blockAt(1)],
    ['the genesis for the block at a height', 'height', 0, () => asker.blockAt(2)],
    ['another block than the one with the id asked', 'id', 2, () => asker.blockById(idOf(1))],
    ['another block as the previous one', 'previous', 1, () => asker.previous(idOf(3))],
    ['the block itself as the previous one', 'previous', 3, () => asker.previous(idOf(3))]
  ]
  for (const [what, kind, height, ask] of swaps)
    it(`that shows ${what} is caught`, async () => {
      const [bytes] = await truth.rawQuery(encodeQuery(net.network.id, { kind: 'height', height }))
      const told = decodeAnswer(present(bytes))
      lie = (answers, query) => (query.kind === kind ? [told] : answers)
      await expectCaught(ask)
    })

  it('that shows another network document as the genesis is caught', async () => {
    const another = await makeNetwork({ name: 'another' })
    lie = altering('block', answer => ({ ...answer, block: encodeGenesis(another.network.canonical) }))
    await expectCaught(() => asker.blockAt(0))
  })

  const peakLies: readonly (readonly [string, (peaks: readonly Uint8Array[]) => readonly Uint8Array[]])[] = [
    ['leaves out', peaks => peaks.slice(1)],
    ['adds', peaks => [...peaks, sha256(utf8('x'))]],
    ['changes a bit of', ([first, ...rest]) => [flipped(present(first), 5), ...rest]],
    ['swaps', peaks => peaks.toReversed()],
    ['shortens', ([first, ...rest]) => [present(first).subarray(1), ...rest]]
  ]
  for (const [what, change] of peakLies)
    it(`that ${what} the peaks is caught`, async () => {
      lie = altering('block', (answer, query) =>
        query.kind === 'head' ? { ...answer, peaks: change(answer.peaks) } : answer
      )
      await expectCaught(() => asker.head())
    })

  type Inclusion = Extract<Answer, { kind: 'inclusion' }>
  const proofLies: readonly (readonly [string, (answer: Inclusion) => Partial<Inclusion>])[] = [
    [
      'a bit of a path changed',
      ({ path: [first, ...rest] }) => ({ path: [asHash(flipped(present(first), 3)), ...rest] })
    ],
    ['a path that is too short', ({ path }) => ({ path: path.slice(0, -1) })],
    ['a path that is too long', ({ path }) => ({ path: [...path, sha256(utf8('x'))] })],
    ['no path', () => ({ path: [] })],
    ['another leaf', () => ({ leaf: sha256(utf8('x')) })],
    ['another position', ({ position }) => ({ position: position + 1 })],
    ['a position past the end of the log', () => ({ position: 9 })],
    [
      'an inner node in place of the leaf',
      ({ leaf, path: [sibling, ...rest] }) => ({ leaf: nodeHash(present(sibling), leaf), path: rest })
    ],
    [
      'an inner node in place of the leaf, at its place in the row above',
      ({ position, leaf, path: [sibling, ...rest] }) => ({
        position: position >> 1,
        leaf: nodeHash(present(sibling), leaf),
        path: rest
      })
    ],
    ['the header of another block', () => ({ header: present(sequencer.blocks[0]).envelope })],
    [
      'a header signed by another',
      ({ header }) => ({
        header: signHeader({ ...headerIn(header), producer: mallory.peerId }, mallory).envelope
      })
    ],
    ['bytes for a header', () => ({ header: randomBytes(200) as Uint8Array as EnvelopeBytes })]
  ]
  for (const [what, change] of proofLies)
    it(`that gives an inclusion proof with ${what} is caught`, async () => {
      lie = altering('inclusion', answer => ({ ...answer, ...change(answer) }))
      await expectCaught(() => asker.inclusion({ position: 7 }))
      await expectCaught(() => asker.inclusion({ leaf: present(messages[7]).leaf }))
    })

  it('that proves another message than the one asked is caught', async () => {
    const [bytes] = await truth.rawQuery(
      encodeQuery(net.network.id, { kind: 'inclusionOfPosition', position: 2 })
    )
    const told = decodeAnswer(present(bytes))
    lie = () => [told]
    await expectCaught(() => asker.inclusion({ position: 1 }))
    await expectCaught(() => asker.inclusion({ leaf: present(messages[1]).leaf }))
  })

  it('whose log shrinks, or does not begin with the log seen before, is caught', async () => {
    lie = answers => answers
    await expectCaught(() => asker.consistency(headerOf(3), headerOf(2)))
    await expectCaught(() => asker.consistency({ size: 3, log: sha256(utf8('x')) }, headerOf(2)))
    await expectCaught(() => asker.consistency({ size: 6, log: sha256(utf8('x')) }, headerOf(2)))
    lie = altering('consistency', answer => ({
      ...answer,
      path: answer.path.map(node => asHash(flipped(node, 0)))
    }))
    await expectCaught(() => asker.consistency(headerOf(1), headerOf(3)))
    lie = altering('consistency', answer => ({ ...answer, path: [] }))
    await expectCaught(() => asker.consistency(headerOf(1), headerOf(3)))
  })

  it('that gives its own encryption key is caught', async () => {
    const key = await encryptionKey('mallory')
    const foreign = await makeNetwork({ name: 'another' })
    for (const certificate of [
      certifyKey(undated(key), net.network.id, mallory),
      certifyKey(undated(key), foreign.network.id, net.signer),
      certifyKey(
        undated({ keyId: net.openingKey.keyId, publicKey: key.publicKey }),
        net.network.id,
        net.signer
      ),
      certifyKey(
        undated({ keyId: key.keyId, publicKey: key.publicKey.subarray(1) }),
        net.network.id,
        net.signer
      ),
      certifyKey({ ...undated(net.openingKey), serial: 1 }, net.network.id, net.signer),
      certifyKey({ ...undated(net.openingKey), until: 1 }, net.network.id, net.signer),
      headerEnvelope(sequencer),
      randomBytes(100) as Uint8Array as EnvelopeBytes
    ]) {
      lie = () => [{ kind: 'key', certificate }]
      await expectCaught(() => sequencerAsker.certificate())
    }
  })

  it('that gives a receipt by another, of another, or for another network is caught', async () => {
    const { author, sequence } = present(messages[0])
    lie = answers => answers
    const good = await sequencerAsker.receipt(author, sequence)
    const foreign = await makeNetwork({ name: 'another' })
    const sign = (changes: Partial<Receipt>, signer = net.signer): EnvelopeBytes =>
      signReceipt({ ...good, ...changes }, signer)
    for (const receipt of [
      sign({}, mallory),
      sign({ author: mallory.peerId }),
      sign({ network: foreign.network.id }),
      sign({ entries: good.entries.filter(entry => entry.sequence !== sequence) }),
      sign({ entries: [] }),
      headerEnvelope(sequencer)
    ]) {
      lie = () => [{ kind: 'receipt', receipt }]
      await expectCaught(() => sequencerAsker.receipt(author, sequence))
    }
    assert.ok(readReceipt(sign({}), net.network.id, net.sequencer, new VerifierCache()))
  })

  it('that leaves a block out of the chain, shows one twice or out of order is caught', async () => {
    for (const order of [[0, 2], [0, 0], [1], [2, 1, 0]]) {
      lie = answers => order.map(index => present(answers[index]))
      await expectCaught(async () => {
        for await (const _ of asker.chainAfter(genesisCursor(net.rules)));
      })
    }
  })

  for (const [what, told] of [
    ['a page without a block that claims to be done', [{ kind: 'done', next: 1 }]],
    ['a page that ends without an answer', []]
  ] as const satisfies readonly (readonly [string, readonly Answer[]])[])
    it(`that gives ${what} is not asked again and again without end`, async () => {
      let pages = 0
      lie = () => {
        pages += 1
        // It would go on for ever; the test does not.
        return pages < 20 ? told : [{ kind: 'notFound', detail: 'the end' }]
      }
      const read = async (): Promise<void> => {
        for await (const { block } of asker.chainAfter(genesisCursor(net.rules)))
          assert.fail(`block ${block.signed.header.height}`)
      }
      const error: unknown = await read().catch((reason: unknown) => reason)
      assert.ok(pages < 20, `it asked for ${pages} pages that held nothing`)
      assert.ok(error instanceof Error)
    })

  const held = (height: number): CheckpointedHeader => present(sequencer.blocks[height - 1])
  const resign = (signed: CheckpointedHeader, changes: Partial<Header>): CheckpointedHeader =>
    signHeader({ ...signed.header, ...changes }, net.signer)
  /** Shows this header in place of the true one of its height, also on the block, and proves what it can. */
  const showing = (shown: CheckpointedHeader): Lie => {
    const isShown = (header: Uint8Array): boolean => headerIn(header).height === shown.header.height
    return (answers, query) =>
      answers.map(answer => {
        if (answer.kind === 'header' && isShown(answer.header))
          return { ...answer, header: shown.envelope, checkpoint: shown.checkpoint }
        if (answer.kind !== 'block' || query.kind !== 'height') return answer
        const { header, envelopes } = decodeBlockParts(answer.block)
        const block = { signed: shown, envelopes }
        return isShown(header) ? { ...answer, block: encodeBlock(block) } : answer
      })
  }

  async function contradictionWith(head: CheckpointedHeader): Promise<Contradiction> {
    const error: unknown = await compareHeads(asker, head).catch((reason: unknown) => reason)
    assert.ok(error instanceof Contradiction, String(error))
    return error
  }

  async function convictedWith(head: CheckpointedHeader): Promise<Pick<Evidence, 'kind' | 'height'>> {
    const { evidence } = await contradictionWith(head)
    const { kind, height } = await readEvidence(present(evidence), net.network, new VerifierCache())
    return { kind, height }
  }

  it('that tells the truth tells a light client whether the head is the same, newer or older', async () => {
    lie = answers => answers
    assert.equal((await compareHeads(asker, held(3))).kind, 'same')
    for (const head of [genesisCursor(net.rules).signed, held(1), held(2)]) {
      const compared = await compareHeads(asker, head)
      assert.ok(compared.kind === 'newer')
      assertBytes(compared.head.id, held(3).id)
    }
    const next = resign(held(3), { height: 4, parent: held(3).id })
    assert.equal((await compareHeads(asker, next)).kind, 'older')
  })

  it('with two signed blocks of one height: a light client proves it, whichever block it holds', async () => {
    lie = answers => answers
    const log = sha256(utf8('another log'))
    for (const height of [1, 2, 3])
      assert.deepEqual(await convictedWith(resign(held(height), { log })), { kind: 'fork', height })
  })

  it('with a signed block that names another parent: a light client proves it', async () => {
    const other = sha256(utf8('other'))
    lie = showing(resign(held(3), { parent: other, log: other }))
    assert.deepEqual(await convictedWith(held(1)), { kind: 'broken', height: 3 })
  })

  it('with a signed block whose log is not what its messages give: found by bisection, and proved', async () => {
    lie = showing(resign(held(3), { log: sha256(utf8('other')) }))
    assert.deepEqual(await convictedWith(held(1)), { kind: 'log', height: 3 })
    assert.deepEqual(await convictedWith(held(2)), { kind: 'log', height: 3 })
  })

  it('that keeps a consistency proof back is not believed, and the sequencer not convicted for it', async () => {
    for (const kept of [
      altering('consistency', () => ({ kind: 'notFound', detail: 'no' })),
      altering('consistency', answer => ({ ...answer, path: [] }))
    ]) {
      lie = kept
      const { evidence } = await contradictionWith(held(1))
      await assert.rejects(readEvidence(present(evidence), net.network, new VerifierCache()), DecodeError)
    }
  })

  it('that keeps back the proof of a receipted message is left by its client, and given up where it is the sequencer', async () => {
    const database = await openDatabase(await cleanup.folder())
    cleanup.add(() => database.close())
    const outbox = await Outbox.open(database, net.network, alice.signer, () => Date.now())
    const { author, sequence, leaf, envelope } = present(messages[0])
    const query = encodeQuery(net.network.id, { kind: 'receipt', author, sequence })
    const answer = decodeAnswer(present((await truth.rawQuery(query))[0]))
    assert.ok(answer.kind === 'receipt')
    await outbox.settle([{ sequence, leaf, envelope, keyId: net.openingKey.keyId }], answer.receipt)
    const left: string[] = []
    const failures: string[] = []
    const light = new LightClient({
      rules: net.rules,
      database,
      outbox,
      isBusy: () => true,
      suspect: async () => false,
      distrust: why => left.push(why),
      report: () => undefined,
      failed: error => failures.push(error.message)
    })
    lie = altering('inclusion', () => ({ kind: 'notFound', detail: 'no' }))
    await light.start()
    cleanup.add(() => light.stop())
    light.ask(asker, mallory.peerId)
    await light.look(deadline())
    assert.match(left.join(), /keeps back the proof/)
    assert.deepEqual(failures, [])
    light.ask(asker, net.sequencer)
    await light.look(deadline())
    assert.match(failures.join(), /keeps back the proof/)
    assert.equal(light.proved, 0)
    lie = answers => answers
    light.ask(asker, mallory.peerId)
    await light.look(deadline())
    assert.ok(light.proved > 0)
  })

  it('that answers with more bytes than an answer may have has its stream ended', async () => {
    lie = () => [new Uint8Array(LIMITS.answerBytes + 1)]
    await assert.rejects(asker.status())
  })

  it('that refuses to answer, or ends the stream, is said to have done so', async () => {
    lie = () => [{ kind: 'refused', reason: 'busy', detail: 'not now' }]
    await assert.rejects(asker.status(), /busy: not now/)
    lie = () => []
    await assert.rejects(asker.status(), /without an answer/)
  })

  it('has changed nothing at the one whose answers it twisted', async () => {
    const checked = await sequencer.check()
    assert.deepEqual([checked.height, checked.pending], [3, 0])
  })
})

function headerEnvelope({ blocks }: RunningSequencer): EnvelopeBytes {
  return present(blocks[0]).envelope
}
