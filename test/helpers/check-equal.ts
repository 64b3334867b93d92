import assert from 'node:assert/strict'
import { applyBlock } from '#src/applications/application.js'
import { Chain } from '#src/chain/chain.js'
import { expectOnlyBlocks } from '#src/chain/indexes.js'
import { Mempool } from '#src/chain/mempool.js'
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
import { VerifierCache } from '#src/core/keys.js'
import { leafHash, rootOf } from '#src/core/merkle.js'
import { decodeMessage } from '#src/core/message.js'
import { NO_STAKES } from '#src/core/stakes.js'
import { messageRules } from '#src/validation/message-rules.js'
import { assertBytes } from './bytes.js'
import { present } from './changes.js'
import type { RuledNetwork } from './networks.js'
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

/** What the folder of a peer among equals holds, once all of it has been found in order. */
export interface CheckedEqual {
  readonly head: SignedHeader
  readonly weight: bigint
  /** Of the main chain, block 1 first. */
  readonly headers: readonly SignedHeader[]
  /** Of the main chain. */
  readonly messages: readonly StoredMessage[]
  /** Blocks beside it. */
  readonly sides: readonly SignedHeader[]
  /** Messages that wait for a block. */
  readonly waiting: readonly ReadMessage[]
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

/**
 * Verifies the database of a peer among equals from its raw keys, without the code that wrote them: the main
 * chain with all its messages, indexes and tiles, the blocks beside it, the messages that wait; no message
 * twice, nothing better than the head, nothing left over. Then opens it as the program does, which must see
 * the same. Nobody may be writing meanwhile.
 */
export async function checkEqual(
  database: Database,
  net: RuledNetwork,
  now: number,
  judge = new MessageJudge(messageRules(net.rules))
): Promise<CheckedEqual> {
  const tables = await readTables(database, net)
  for (const name of ['r', 'e']) assert.equal(table(tables, name).size, 0, `keys of the kind ${name}`)
  const messages = await readMessages(tables, judge)
  checkMessageIndexes(tables, messages, false)

  const verifiers = new VerifierCache()
  const checker = new BranchChecker(net, now, verifiers)
  const main = mainBranches(tables, messages, checker)
  const head = present(main.at(-1))
  assert.equal(head.leaves.length, messages.length, 'every message is in a block')
  checkTiles(tables, head.leaves)
  const sides = checkSides(tables, main, checker)
  for (const { envelopes } of sides)
    for (const envelope of envelopes) await judge.read(envelope, 'a message beside')
  for (const { weight, signed } of sides) {
    const order = net.rules.ordering.compare(head.signed, signed)
    assert.ok(weight < head.weight || (weight === head.weight && order < 0), 'nothing beside is better')
  }
  const waiting: ReadMessage[] = []
  for (const [key, envelope] of table(tables, 'p')) {
    const message = await judge.read(envelope, `the waiting message ${key}`)
    assert.equal(key, nameKey(message), 'a waiting message under its author and sequence')
    assert.ok(!head.names.has(key), 'no message both waits and stands in a block')
    waiting.push(message)
  }

  const pool = await Mempool.open(database, messageRules(net.rules), verifiers, error => assert.fail(error))
  const chain = await Chain.open(database, net.rules, pool)
  await expectOnlyBlocks(database, messages.length)
  assertBytes(chain.head().id, head.signed.id, 'the head, once opened')
  assert.equal(chain.weight(), head.weight)
  assert.equal(pool.size, waiting.length)
  for (const { signed } of sides) assert.ok(chain.place(signed.id), 'a block beside, once opened')
  const after = await database.keys().all()
  const before = [...tables.values()].reduce((sum, rows) => sum + rows.size, 0)
  assert.equal(after.length, before, 'opening it changes nothing')
  return {
    head: head.signed,
    weight: head.weight,
    headers: main.slice(1).map(({ signed }) => signed),
    messages,
    sides: sides.map(({ signed }) => signed),
    waiting
  }
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
    readonly net: RuledNetwork,
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
}
