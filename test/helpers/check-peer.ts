import assert from 'node:assert/strict'
import { ClassicLevel } from 'classic-level'
import { Chain } from '#src/chain/chain.js'
import { Journal } from '#src/chain/journal.js'
import type { Database } from '#src/chain/store.js'
import { decodeStoredHeader, readBlockHeader, type SignedHeader } from '#src/core/block.js'
import { type EnvelopeBytes, type Hash, toHex } from '#src/core/bytes.js'
import { decodeEnvelope } from '#src/core/envelope.js'
import { checkEvidence } from '#src/core/evidence.js'
import { VerifierCache } from '#src/core/keys.js'
import { leafHash, rootOf, subtreeOf } from '#src/core/merkle.js'
import { decodeMessage } from '#src/core/message.js'
import { type Receipt, readReceipt } from '#src/core/receipt.js'
import { Opener, type OpeningKey } from '#src/core/sealing.js'
import { validateEnvelope } from '#src/core/validation.js'
import { messageRules } from '#src/node/message-rules.js'
import { assertBytes } from './bytes.js'
import { present } from './changes.js'
import type { TestNetwork } from './networks.js'

export async function openDatabase(folder: string): Promise<Database> {
  const database = new ClassicLevel<Uint8Array, Uint8Array>(folder, {
    keyEncoding: 'view',
    valueEncoding: 'view'
  })
  await database.open()
  return database
}

export interface StoredMessage {
  readonly position: number
  readonly envelope: EnvelopeBytes
  readonly leaf: Hash
  /** PeerId in hex. */
  readonly author: string
  readonly sequence: bigint
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
  const tables = await readTables(database)
  const rules =
    openingKeys === 'sealed' ? messageRules(net.rules) : messageRules(net.rules, new Opener(openingKeys))
  const verifiers = new VerifierCache()
  assert.deepEqual(
    [...tables.keys()].filter(name => !'nmalrhitesp'.includes(name)),
    [],
    'unknown keys'
  )
  assert.deepEqual(tables.get('n'), new Map([['', Buffer.from(net.network.canonical)]]), 'network document')

  const messages: StoredMessage[] = []
  for (const [key, envelope] of table(tables, 'm')) {
    assert.equal(key, number6(messages.length), `positions are dense up to ${messages.length}`)
    const verdict = await validateEnvelope(envelope as Uint8Array as EnvelopeBytes, rules, verifiers)
    assert.ok(verdict.ok, `position ${messages.length} is not valid`)
    const { author, sequence } = decodeMessage(decodeEnvelope(envelope).payload)
    messages.push({
      position: messages.length,
      envelope: envelope as Uint8Array as EnvelopeBytes,
      leaf: leafHash(envelope),
      author: toHex(author),
      sequence
    })
  }
  checkIndexes(tables, messages, net, receipts)
  const headers = checkHeaders(tables, messages, net, verifiers)
  const size = headers.at(-1)?.header.size ?? 0
  checkTiles(
    tables,
    messages.slice(0, size).map(({ leaf }) => leaf)
  )

  for (const [key, bytes] of table(tables, 'e'))
    assert.equal(key, toHex(checkEvidence(bytes, net.network, verifiers).id), 'evidence under its id')

  const chain = await Chain.open(database, net.rules, Date.now())
  assert.equal(chain.head().header.height, headers.length)
  if (headers.length > 0) assertBytes(headers.at(-1)?.id, chain.head().id)
  const journal = await Journal.open(
    {
      database,
      chain,
      signer: net.signer,
      now: () => Date.now(),
      committed: () => assert.fail('nothing was appended'),
      failed: error => assert.fail(error)
    },
    rules,
    verifiers
  )
  assert.equal(journal.pending().count, messages.length - size)
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

/** Values by hex of the key behind its first letter, in the order of the keys. */
type Tables = ReadonlyMap<string, ReadonlyMap<string, Buffer>>

async function readTables(database: Database): Promise<Tables> {
  const tables = new Map<string, Map<string, Buffer>>()
  for await (const [key, value] of database.iterator()) {
    const name = String.fromCharCode(present(key[0]))
    const rows = tables.get(name) ?? new Map<string, Buffer>()
    tables.set(name, rows)
    rows.set(toHex(key.subarray(1)), Buffer.from(value))
  }
  return tables
}

function table(tables: Tables, name: string): ReadonlyMap<string, Buffer> {
  return tables.get(name) ?? new Map<string, Buffer>()
}

function number6(value: number): string {
  return value.toString(16).padStart(12, '0')
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

  const leaves = table(tables, 'l')
  const sequences = table(tables, 'a')
  assert.equal(leaves.size, messages.length, 'one leaf index a message')
  assert.equal(sequences.size, messages.length, 'one author index a message')
  for (const { leaf, position, author, sequence } of messages) {
    assert.equal(leaves.get(toHex(leaf.subarray(0, 8)) + number6(position))?.length, 0, `leaf of ${position}`)
    const place = sequences.get(author + sequence.toString(16).padStart(16, '0'))
    assert.ok(place, `author index of ${position}`)
    assert.equal(place.length, withReceipts ? 12 : 6)
    assert.equal(place.readUIntBE(0, 6), position)
    if (!withReceipts) continue
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
  const { ordering } = network.document
  const { blockSize } = ordering
  const mayBeShort = ordering.type !== 'sequencer' || ordering.blockTimeout !== undefined
  const leaves = messages.map(({ leaf }) => leaf)
  const headers: SignedHeader[] = []
  const ids = table(tables, 'i')
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
    assertBytes(header.state, rules.application.digest(rules.application.genesis()), 'state')
    assert.equal(header.proof.length, 0)
    assert.equal(ids.get(toHex(id))?.toString('hex'), number6(height), 'index of ids')
    headers.push(read.signed)
  }
  assert.equal(ids.size, headers.length, 'one id a header')
  return headers
}

function checkTiles(tables: Tables, leaves: readonly Hash[]): void {
  const subtree = subtreeOf(leaves)
  const expected = new Map<string, string>()
  for (let level = 0; 256 ** (level + 1) <= leaves.length; level += 1) {
    const width = 256 ** level
    for (let tile = 0; tile < Math.floor(leaves.length / (256 * width)); tile += 1) {
      const hashes = Array.from({ length: 256 }, (_, index) =>
        subtree((tile * 256 + index) * width, (tile * 256 + index + 1) * width)
      )
      expected.set(level.toString(16).padStart(2, '0') + number6(tile), Buffer.concat(hashes).toString('hex'))
    }
  }
  const tiles = new Map([...table(tables, 't')].map(([key, value]) => [key, value.toString('hex')]))
  assert.deepEqual(tiles, expected, 'full tiles of the log tree')
}
