import assert from 'node:assert/strict'
import { ClassicLevel } from 'classic-level'
import { applyBlock } from '#src/applications/application.js'
import { Chain } from '#src/chain/chain.js'
import { LevelJournal } from '#src/chain/level-journal.js'
import { PendingQueue } from '#src/chain/pending-queue.js'
import type { Database } from '#src/chain/store.js'
import { decodeStoredHeader, readBlockHeader, type SignedHeader } from '#src/core/block.js'
import { type Hash, toHex } from '#src/core/bytes.js'
import { decodeEnvelope } from '#src/core/envelope.js'
import { sha256 } from '#src/core/hash.js'
import { VerifierCache } from '#src/core/keys.js'
import { rootOf } from '#src/core/merkle.js'
import { decodeMessage } from '#src/core/message.js'
import { type Receipt, readReceipt } from '#src/core/receipt.js'
import { Opener, type OpeningKey } from '#src/core/sealing.js'
import { readEvidence } from '#src/validation/evidence-check.js'
import { messageRules } from '#src/validation/message-rules.js'
import { assertBytes } from './bytes.js'
import { present } from './changes.js'
import { receiptIssuer } from './logs.js'
import type { TestNetwork } from './networks.js'
import {
  checkMessageIndexes,
  checkTiles,
  MessageJudge,
  nameKey,
  number6,
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
  readonly height: number
  readonly size: number
  readonly pending: number
  /** Block 1 first. */
  readonly headers: readonly SignedHeader[]
  readonly messages: readonly StoredMessage[]
  /** Pieces of evidence. */
  readonly evidence: number
}

export interface CheckOptions {
  /** Whether the peer has given receipts for its messages: a sequencer has, a follower has not. */
  readonly receipts?: boolean
  /** Of the sequencer; 'sealed' where they are not at hand and bodies stay closed. */
  readonly openingKeys?: readonly OpeningKey[] | 'sealed'
}

/**
 * Verifies the folder of a stopped sequencer from its raw keys, without the code that wrote them: messages and
 * their signatures, positions, every index, receipts, headers, chaining, both roots, tiles; nothing missing
 * and nothing left over. Then opens it as the program does, which must see the same.
 */
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

export async function checkDatabase(
  database: Database,
  net: TestNetwork,
  { receipts = true, openingKeys = [net.openingKey] }: CheckOptions = {}
): Promise<CheckedPeer> {
  const tables = await readTables(database, net)
  const rules =
    openingKeys === 'sealed' ? messageRules(net.rules) : messageRules(net.rules, new Opener(openingKeys))
  const verifiers = new VerifierCache()
  const messages = await readMessages(tables, new MessageJudge(rules))
  checkIndexes(tables, messages, net, receipts)
  const headers = checkHeaders(tables, messages, net, verifiers)
  const size = headers.at(-1)?.header.size ?? 0
  checkTiles(
    tables,
    messages.slice(0, size).map(({ leaf }) => leaf)
  )

  for (const [key, bytes] of table(tables, 'e')) {
    assert.equal(key, toHex(sha256(bytes)), 'evidence under its hash')
    await readEvidence(bytes, net.network, verifiers)
  }

  const chain = await Chain.open(database, net.rules)
  assert.equal(chain.head().header.height, headers.length)
  if (headers.length > 0) assertBytes(headers.at(-1)?.id, chain.head().id)
  const queue = await PendingQueue.open(
    {
      journal: await LevelJournal.open(database, receiptIssuer(net)),
      database,
      chain,
      sequencer: net.sequencer,
      now: () => Date.now(),
      clock: () => performance.now(),
      committed: () => assert.fail('nothing was appended'),
      failed: error => assert.fail(error)
    },
    rules,
    verifiers
  )
  assert.equal(queue.pending().count, messages.length - size)
  const evidence = table(tables, 'e').size
  return { height: headers.length, size, pending: messages.length - size, headers, messages, evidence }
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

function checkIndexes(
  tables: Tables,
  messages: readonly StoredMessage[],
  { network, sequencer }: TestNetwork,
  withReceipts: boolean
): void {
  const verifiers = new VerifierCache()
  const receipts = new Map<number, Receipt>()
  for (const [key, bytes] of table(tables, 'r')) {
    const first = Number.parseInt(key, 16)
    const receipt = readReceipt(bytes, network.id, sequencer, verifiers)
    assert.equal(Math.min(...receipt.entries.map(({ position }) => position)), first, 'key of a receipt')
    receipts.set(first, receipt)
  }
  const entries = [...receipts.values()].reduce((sum, receipt) => sum + receipt.entries.length, 0)
  assert.equal(entries, withReceipts ? messages.length : 0, 'as many receipted as there are')

  checkMessageIndexes(tables, messages, withReceipts)
  if (!withReceipts) return
  for (const message of messages) {
    const { leaf, position, author, sequence } = message
    const place = present(table(tables, 'a').get(nameKey(message)))
    const receipt = receipts.get(place.readUIntBE(6, 6))
    assert.ok(receipt, `receipt of ${position}`)
    assert.equal(toHex(receipt.author), author)
    const named = receipt.entries.filter(entry => entry.sequence === sequence)
    assert.deepEqual(
      named.map(entry => ({ position: entry.position, leaf: toHex(entry.leaf) })),
      [{ position, leaf: toHex(leaf) }]
    )
  }
}

function checkHeaders(
  tables: Tables,
  messages: readonly StoredMessage[],
  { network, sequencer, rules }: TestNetwork,
  verifiers: VerifierCache
): SignedHeader[] {
  const { blockSize, maxPendingAge } = rules.ordering
  const mayBeShort = network.sequencer === undefined || maxPendingAge !== undefined
  const leaves = messages.map(({ leaf }) => leaf)
  const headers: SignedHeader[] = []
  const ids = table(tables, 'i')
  let state = rules.application.genesis()
  for (const [key, bytes] of table(tables, 'h')) {
    const height = headers.length + 1
    assert.equal(key, number6(height), `heights are dense up to ${height}`)
    const { header: envelope, checkpoint } = decodeStoredHeader(bytes)
    const read = readBlockHeader(envelope, checkpoint, verifiers, rules.ordering)
    assert.ok(read.ok, `the signatures of header ${height}`)
    const { header, id } = read.signed
    const parent = headers.at(-1)
    assertBytes(header.network, network.id)
    assert.equal(header.height, height)
    assertBytes(header.producer, sequencer)
    if (parent) assertBytes(header.parent, parent.id)
    assert.ok(header.time >= (parent?.header.time ?? 0), 'time never goes back')
    if (!mayBeShort) assert.equal(header.count, blockSize)
    assert.ok(header.count >= 1 && header.count <= blockSize, `${header.count} messages in block ${height}`)
    assert.equal(header.size, (parent?.header.size ?? 0) + header.count)
    assert.ok(header.size <= leaves.length, `messages of block ${height}`)
    assertBytes(header.root, rootOf(leaves.slice(header.size - header.count, header.size)), 'root')
    assertBytes(header.log, rootOf(leaves.slice(0, header.size)), 'log')
    const inside = messages.slice(header.size - header.count, header.size)
    const applied = applyBlock(
      rules.application,
      state,
      header,
      inside.map(({ envelope }) => decodeMessage(decodeEnvelope(envelope).payload))
    )
    assert.ok(applied.ok, `the state takes the messages of block ${height}`)
    state = applied.state
    assertBytes(header.state, rules.application.digest(state), `state at block ${height}`)
    assert.equal(header.proof.length, 0)
    assert.equal(ids.get(toHex(id))?.toString('hex'), number6(height), 'index of ids')
    headers.push(read.signed)
  }
  assert.equal(ids.size, headers.length, 'one id a header')
  return headers
}
