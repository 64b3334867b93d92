import assert from 'node:assert/strict'
import type { Database } from '#src/chain/store.js'
import { type EnvelopeBytes, type Hash, toHex } from '#src/core/bytes.js'
import { decodeEnvelope } from '#src/core/envelope.js'
import { VerifierCache } from '#src/core/keys.js'
import { leafHash, subtreeOf } from '#src/core/merkle.js'
import { decodeMessage } from '#src/core/message.js'
import { type Receipt, readReceipt } from '#src/core/receipt.js'
import { type MessageRules, validateEnvelope } from '#src/core/validation.js'
import { present } from './changes.js'
import type { RuledNetwork, TestNetwork } from './networks.js'

/** What checks of a peer's folder share: they read its raw keys, without the code that wrote them. */

export interface ReadMessage {
  readonly envelope: EnvelopeBytes
  readonly leaf: Hash
  /** PeerId in hex. */
  readonly author: string
  readonly sequence: bigint
}

export interface StoredMessage extends ReadMessage {
  readonly position: number
}

/** Values by hex of the key behind its first letter, in the order of the keys. */
export type Tables = ReadonlyMap<string, ReadonlyMap<string, Buffer>>

/** Throws where there is anything but what a peer of this network may have. */
export async function readTables(database: Database, { network }: RuledNetwork): Promise<Tables> {
  const tables = new Map<string, Map<string, Buffer>>()
  for await (const [key, value] of database.iterator()) {
    const name = String.fromCharCode(present(key[0]))
    const rows = tables.get(name) ?? new Map<string, Buffer>()
    tables.set(name, rows)
    rows.set(toHex(key.subarray(1)), Buffer.from(value))
  }
  assert.deepEqual(
    [...tables.keys()].filter(name => !'nmalrhitespukgj'.includes(name)),
    [],
    'unknown keys'
  )
  assert.deepEqual(tables.get('n'), new Map([['', Buffer.from(network.canonical)]]), 'network document')
  return tables
}

export function table(tables: Tables, name: string): ReadonlyMap<string, Buffer> {
  return tables.get(name) ?? new Map<string, Buffer>()
}

export function number6(value: number): string {
  return value.toString(16).padStart(12, '0')
}

/** The key of a message's author and sequence. */
export function nameKey({ author, sequence }: ReadMessage): string {
  return author + sequence.toString(16).padStart(16, '0')
}

/** Judges messages by themselves, the same bytes only once: tests look at them after each step. */
export class MessageJudge {
  /** Leaves of those that are valid. */
  readonly #valid = new Set<string>()
  readonly #verifiers = new VerifierCache()

  constructor(private readonly rules: MessageRules) {}

  /** Throws where it is not valid. */
  async read(bytes: Uint8Array, what: string): Promise<ReadMessage> {
    const envelope = bytes as EnvelopeBytes
    const leaf = leafHash(envelope)
    if (!this.#valid.has(toHex(leaf))) {
      const verdict = await validateEnvelope(envelope, this.rules, this.#verifiers)
      assert.ok(verdict.ok, `${what} is not valid`)
      this.#valid.add(toHex(leaf))
    }
    const { author, sequence } = decodeMessage(decodeEnvelope(envelope).payload)
    return { envelope, leaf, author: toHex(author), sequence }
  }
}

/** All messages that have positions. */
export async function readMessages(tables: Tables, judge: MessageJudge): Promise<StoredMessage[]> {
  const messages: StoredMessage[] = []
  for (const [key, envelope] of table(tables, 'm')) {
    const position = messages.length
    assert.equal(key, number6(position), `positions are dense up to ${position}`)
    messages.push({ position, ...(await judge.read(envelope, `position ${position}`)) })
  }
  return messages
}

/** Each message is found by its author and sequence, by its leaf and, with receipts, in one of them; nothing else is. */
export function checkMessageIndexes(
  tables: Tables,
  messages: readonly StoredMessage[],
  { network, sequencer }: RuledNetwork & Partial<TestNetwork>,
  withReceipts: boolean
): void {
  const verifiers = new VerifierCache()
  const receipts = new Map<number, Receipt>()
  for (const [key, bytes] of table(tables, 'r')) {
    const first = Number.parseInt(key, 16)
    const receipt = readReceipt(bytes, network.id, present(sequencer, 'who signs receipts'), verifiers)
    assert.equal(Math.min(...receipt.entries.map(({ position }) => position)), first, 'key of a receipt')
    receipts.set(first, receipt)
  }
  const entries = [...receipts.values()].reduce((sum, receipt) => sum + receipt.entries.length, 0)
  assert.equal(entries, withReceipts ? messages.length : 0, 'as many receipted as there are')

  const leaves = table(tables, 'l')
  const sequences = table(tables, 'a')
  assert.equal(leaves.size, messages.length, 'one leaf index a message')
  assert.equal(sequences.size, messages.length, 'one author index a message')
  for (const message of messages) {
    const { leaf, position, author, sequence } = message
    assert.equal(leaves.get(toHex(leaf.subarray(0, 8)) + number6(position))?.length, 0, `leaf of ${position}`)
    const place = present(sequences.get(nameKey(message)), `author index of ${position}`)
    assert.equal(place.length, withReceipts ? 12 : 6)
    assert.equal(place.readUIntBE(0, 6), position)
    if (!withReceipts) continue
    const receipt = present(receipts.get(place.readUIntBE(6, 6)), `receipt of ${position}`)
    assert.equal(toHex(receipt.author), author)
    const named = receipt.entries.filter(entry => entry.sequence === sequence)
    assert.deepEqual(
      named.map(entry => ({ position: entry.position, leaf: toHex(entry.leaf) })),
      [{ position, leaf: toHex(leaf) }]
    )
  }
}

export function checkTiles(tables: Tables, leaves: readonly Hash[]): void {
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
