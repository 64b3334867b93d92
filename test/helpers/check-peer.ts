import assert from 'node:assert/strict'
import { ClassicLevel } from 'classic-level'
import { applyBlock } from '#src/applications/application.js'
import { Chain } from '#src/chain/chain.js'
import { expectOnlyBlocks } from '#src/chain/indexes.js'
import { LevelJournal } from '#src/chain/level-journal.js'
import { Mempool } from '#src/chain/mempool.js'
import { PendingQueue } from '#src/chain/pending-queue.js'
import type { Database } from '#src/chain/store.js'
import {
  type Block,
  decodeBlockParts,
  decodeStoredHeader,
  genesisOf,
  type Header,
  readBlockHeader,
  type SignedHeader
} from '#src/core/block.js'
import { type EnvelopeBytes, type Hash, toHex } from '#src/core/bytes.js'
import { decodeEnvelope } from '#src/core/envelope.js'
import { sha256 } from '#src/core/hash.js'
import { VerifierCache } from '#src/core/keys.js'
import { leafHash, rootOf } from '#src/core/merkle.js'
import { decodeMessage } from '#src/core/message.js'
import { Opener, type OpeningKey } from '#src/core/sealing.js'
import { NO_STAKES } from '#src/core/stakes.js'
import { readEvidence } from '#src/validation/evidence-check.js'
import { messageRules } from '#src/validation/message-rules.js'
import { assertBytes } from './bytes.js'
import { present } from './changes.js'
import { receiptIssuer } from './logs.js'
import type { RuledNetwork, TestNetwork } from './networks.js'
import {
  checkMessageIndexes,
  checkTiles,
  MessageJudge,
  nameKey,
  number6,
  type ReadMessage,
  readMessages,
  readTables,
  type StoredMessage,
  type Tables,
  table
} from './raw-tables.js'

export async function openDatabase(folder: string): Promise<Database> {
  const database = new ClassicLevel<Uint8Array, Uint8Array>(folder, {
    keyEncoding: 'view',
    valueEncoding: 'view'
  })
  await database.open()
  return database
}

/** What a peer's folder holds, once all of it has been found in order. */
export interface CheckedPeer {
  readonly head: SignedHeader
  readonly weight: bigint
  readonly height: number
  readonly size: number
  /** Messages that have a position, and no block yet. */
  readonly pending: number
  /** Of the main chain, block 1 first. */
  readonly headers: readonly SignedHeader[]
  readonly messages: readonly StoredMessage[]
  /** Blocks beside the main chain. */
  readonly sides: readonly SignedHeader[]
  /** Messages that wait for a block, without a position. */
  readonly waiting: readonly ReadMessage[]
  /** Pieces of evidence. */
  readonly evidence: number
}

export interface CheckOptions {
  /** Whether the peer has given receipts for its messages: a sequencer has, others have not. */
  readonly receipts?: boolean
  /** Of the sequencer; 'sealed' where they are not at hand and bodies stay closed. */
  readonly openingKeys?: readonly OpeningKey[] | 'sealed'
  /** Instead of one that is new. */
  readonly judge?: MessageJudge
  /** Later than any block may be where it is left out. */
  readonly now?: number
}

/** A chain from the genesis up to a block, as far as it decides about the next one. */
interface Branch {
  readonly signed: SignedHeader
  /** Of its last block. */
  readonly envelopes: readonly EnvelopeBytes[]
  /** The newest first. */
  readonly headers: readonly [Header, ...Header[]]
  readonly leaves: readonly Hash[]
  readonly names: ReadonlySet<string>
  readonly weight: bigint
  readonly state: unknown
}

/** The same of the folder of a peer that has stopped. */
export async function checkPeer(
  folder: string,
  net: TestNetwork,
  options: CheckOptions = {}
): Promise<CheckedPeer> {
  const database = await openDatabase(folder)
  try {
    return await checkDatabase(database, net, options)
  } finally {
    await database.close()
  }
}

/**
 * Verifies a peer's database from its raw keys, without the code that wrote them: messages and their signatures,
 * positions, every index, receipts, evidence, the main chain and the blocks beside it, both roots, tiles, the messages
 * that wait; no message twice, nothing better than the head, nothing missing and nothing left over. Then opens it as the
 * program does, which must see the same. Nobody may be writing meanwhile.
 */
export async function checkDatabase(
  database: Database,
  net: RuledNetwork & Partial<TestNetwork>,
  options: CheckOptions = {}
): Promise<CheckedPeer> {
  const { receipts = true, openingKeys = net.openingKey ? [net.openingKey] : 'sealed' } = options
  const { judge: given, now = Number.MAX_SAFE_INTEGER } = options
  const tables = await readTables(database, net)
  const opener = openingKeys === 'sealed' ? undefined : new Opener(openingKeys)
  const rules = messageRules(net.rules, opener)
  const judge = given ?? new MessageJudge(rules)
  const verifiers = new VerifierCache()
  const messages = await readMessages(tables, judge)
  checkMessageIndexes(tables, messages, net, receipts)
  const checker = new BranchChecker(net, now, verifiers)
  const main = mainBranches(tables, messages, checker)
  const head = present(main.at(-1))
  const size = head.leaves.length
  const pending = messages.length - size
  checkTiles(tables, head.leaves)
  const sides = checkSides(tables, main, checker)
  for (const { envelopes, weight, signed } of sides) {
    for (const envelope of envelopes) await judge.read(envelope, 'a message beside')
    const order = net.rules.ordering.compare(head.signed, signed)
    assert.ok(weight < head.weight || (weight === head.weight && order < 0), 'nothing beside is better')
  }
  const waiting = await waitingIn(tables, head, judge)
  for (const [key, bytes] of table(tables, 'e')) {
    assert.equal(key, toHex(sha256(bytes)), 'evidence under its hash')
    await readEvidence(bytes, net.network, verifiers)
  }

  const pool = await Mempool.open(database, rules, verifiers, error => assert.fail(error))
  const chain = await Chain.open(database, net.rules, pool)
  assertBytes(chain.head().id, head.signed.id, 'the head, once opened')
  assert.equal(chain.weight(), head.weight)
  assert.equal(pool.size, waiting.length)
  for (const { signed } of sides) assert.ok(chain.place(signed.id), 'a block beside, once opened')
  const after = await database.keys().all()
  const before = [...tables.values()].reduce((sum, rows) => sum + rows.size, 0)
  assert.equal(after.length, before, 'opening it changes nothing')
  const { signer, sequencer } = net
  if (receipts && signer && sequencer) {
    const queue = await PendingQueue.open(
      {
        journal: await LevelJournal.open(database, receiptIssuer({ network: net.network, signer })),
        database,
        chain,
        sequencer,
        now: () => Date.now(),
        clock: () => performance.now(),
        committed: () => assert.fail('nothing was appended'),
        failed: error => assert.fail(error)
      },
      rules,
      verifiers
    )
    assert.equal(queue.pending().count, pending)
  } else {
    assert.equal(pending, 0, 'every message is in a block')
    await expectOnlyBlocks(database, size)
  }
  return {
    head: head.signed,
    weight: head.weight,
    height: main.length - 1,
    size,
    pending,
    headers: main.slice(1).map(({ signed }) => signed),
    messages,
    sides: sides.map(({ signed }) => signed),
    waiting,
    evidence: table(tables, 'e').size
  }
}

async function waitingIn(tables: Tables, { names }: Branch, judge: MessageJudge): Promise<ReadMessage[]> {
  const waiting: ReadMessage[] = []
  for (const [key, envelope] of table(tables, 'p')) {
    const message = await judge.read(envelope, `the waiting message ${key}`)
    assert.equal(key, nameKey(message), 'a waiting message under its author and sequence')
    assert.ok(!names.has(key), 'no message both waits and stands in a block')
    waiting.push(message)
  }
  return waiting
}

/** Each of these receipts says where the message truly stands, and no message stands twice. */
export function expectReceiptsHold(
  checked: CheckedPeer,
  receipts: Iterable<{ readonly position: number; readonly leaf: Hash }>
): void {
  for (const { position, leaf } of receipts)
    assert.equal(
      checked.messages[position] && toHex(checked.messages[position].leaf),
      toHex(leaf),
      `the message with a receipt for position ${position} is not there`
    )
  assert.equal(new Set(checked.messages.map(({ leaf }) => toHex(leaf))).size, checked.messages.length)
}

/** Of each block of the main chain, the genesis first. */
function mainBranches(
  tables: Tables,
  messages: readonly StoredMessage[],
  checker: BranchChecker
): readonly Branch[] {
  const branches: Branch[] = [checker.genesis()]
  const ids = table(tables, 'i')
  for (const [key, bytes] of table(tables, 'h')) {
    const parent = present(branches.at(-1))
    assert.equal(key, number6(branches.length), `heights are dense up to ${branches.length}`)
    const { header, checkpoint } = decodeStoredHeader(bytes)
    const signed = checker.read(header, checkpoint)
    const { size, count } = signed.header
    const envelopes = messages.slice(size - count, size).map(({ envelope }) => envelope)
    branches.push(checker.follow(parent, { signed, envelopes }))
    assert.equal(ids.get(toHex(signed.id))?.toString('hex'), key, 'index of ids')
  }
  assert.equal(ids.size, branches.length - 1, 'one id a header')
  return branches
}

function checkSides(tables: Tables, main: readonly Branch[], checker: BranchChecker): readonly Branch[] {
  const { maxReorg } = checker.net.rules.ordering
  const parents = new Map(main.slice(-maxReorg - 1).map(branch => [toHex(branch.signed.id), branch]))
  const sides: Branch[] = []
  for (const [key, bytes] of table(tables, 's')) {
    const { header, checkpoint, envelopes, document } = decodeBlockParts(bytes)
    assert.equal(document.length, 0)
    const signed = checker.read(header, checkpoint)
    const id = toHex(signed.id)
    assert.equal(key, number6(signed.header.height) + id, 'a block beside under its height and id')
    assert.ok(!parents.has(id), 'no block both in the main chain and beside it')
    const parent = present(parents.get(toHex(signed.header.parent)), 'the parent of a block beside, in reach')
    const branch = checker.follow(parent, { signed, envelopes })
    parents.set(id, branch)
    sides.push(branch)
  }
  return sides
}

/** Judges blocks as what follows a branch, in the plainest way. */
class BranchChecker {
  constructor(
    readonly net: RuledNetwork & Partial<TestNetwork>,
    private readonly now: number,
    private readonly verifiers: VerifierCache
  ) {}

  genesis(): Branch {
    const { network, ordering, application } = this.net.rules
    const state = application.genesis()
    const signed = genesisOf(network.id, application.digest(state), ordering.genesisTime)
    return {
      signed,
      envelopes: [],
      headers: [signed.header],
      leaves: [],
      names: new Set(),
      weight: 0n,
      state
    }
  }

  read(header: Uint8Array, checkpoint: Uint8Array): Block['signed'] {
    const read = readBlockHeader(header, checkpoint, this.verifiers, this.net.rules.ordering)
    assert.ok(read.ok, 'the header is signed, and the work is in it')
    return read.signed
  }

  follow(parent: Branch, { signed, envelopes }: Block): Branch {
    const { ordering, application, network } = this.net.rules
    const { header } = signed
    const at = `block ${header.height}`
    assertBytes(header.network, network.id)
    assert.equal(header.height, parent.signed.header.height + 1)
    assertBytes(header.parent, parent.signed.id, `parent of ${at}`)
    const [newest, ...older] = parent.headers
    const ancestors = [newest, ...older.slice(0, ordering.lookback - 1)] as const
    assert.equal(
      ordering.verify(header, ancestors, () => NO_STAKES, this.now),
      undefined,
      at
    )
    if (ordering.maxReorg === 0) this.#expectSequenced(header, newest)
    assert.equal(header.count, envelopes.length, `messages of ${at}`)
    assert.equal(header.size, parent.leaves.length + header.count, `size at ${at}`)

    const messages = envelopes.map(envelope => decodeMessage(decodeEnvelope(envelope).payload))
    const leaves = envelopes.map(leafHash)
    assertBytes(header.root, rootOf(leaves), `root of ${at}`)
    const log = [...parent.leaves, ...leaves]
    assertBytes(header.log, rootOf(log), `log at ${at}`)
    const names = new Set(parent.names)
    for (const { author, sequence } of messages) {
      const name = toHex(author) + sequence.toString(16).padStart(16, '0')
      assert.ok(!names.has(name), `${at} has a message of its chain once more`)
      names.add(name)
    }
    const applied = applyBlock(application, parent.state, header, messages)
    assert.ok(applied.ok, `the state takes the messages of ${at}`)
    assertBytes(header.state, application.digest(applied.state), `state at ${at}`)
    return {
      signed,
      envelopes,
      headers: [header, ...parent.headers],
      leaves: log,
      names,
      weight: parent.weight + ordering.weight(header),
      state: applied.state
    }
  }
  /** What a sequencer may do, once more, without the code of its ordering. */
  #expectSequenced(header: Header, parent: Header): void {
    const { blockSize, maxPendingAge } = this.net.rules.ordering
    const { producer, count, time, proof } = header
    assertBytes(producer, present(this.net.sequencer, 'the sequencer'))
    assert.ok(time >= parent.time, 'time never goes back')
    assert.ok(count >= 1 && count <= blockSize, `${count} messages in block ${header.height}`)
    if (maxPendingAge === undefined) assert.equal(count, blockSize)
    assert.equal(proof.length, 0)
  }
}
