import { decodeAccountProof, encodeAccountProof } from '#src/applications/ledger/account-proof.js'
import { LedgerState } from '#src/applications/ledger/state.js'
import { touchedBy } from '#src/applications/ledger/touched.js'
import type { Cursor } from '#src/chain/cursor.js'
import type { Block, SignedHeader } from '#src/core/block.js'
import { type EnvelopeBytes, type Hash, toHex } from '#src/core/bytes.js'
import { decodeEnvelope } from '#src/core/envelope.js'
import { EMPTY_ROOT, Frontier, inclusionPath, leafHash, subtreeOf } from '#src/core/merkle.js'
import { decodeMessage } from '#src/core/message.js'
import { signReceipt } from '#src/core/receipt.js'
import { Author, type Made } from './authors.js'
import { ChainMaker } from './blocks.js'
import { present } from './changes.js'
import { folded } from './false-evidence.js'
import { makeNetwork, type TestNetwork } from './networks.js'
import { ledgerOf, Payer } from './payers.js'

/** The most messages in a block; shorter ones are allowed. */
const BLOCK_SIZE = 9

/** All that everybody can have of a sequencer that keeps to the rules: its blocks, its receipts, and what follows from them. */
export interface PublicData {
  readonly net: TestNetwork
  readonly maker: ChainMaker
  /** Where the chain stood before each block. */
  readonly before: readonly Cursor[]
  readonly blocks: readonly Block[]
  readonly leaves: readonly Hash[]
  readonly receipts: readonly { readonly receipt: EnvelopeBytes; readonly positions: readonly number[] }[]
}

/** A network in which a history of any block sizes can be. */
export async function dataNetwork(application: 'messages' | 'ledger', name: string): Promise<TestNetwork> {
  const ledger = await ledgerOf({ alice: 1_000_000n, bob: 1_000n, dave: 7n })
  return makeNetwork({
    name,
    blockSize: BLOCK_SIZE,
    blockTimeout: 1,
    ...(application === 'ledger' && { ledger })
  })
}

/** A history of blocks of these sizes. */
export async function historyOf(net: TestNetwork, sizes: readonly number[]): Promise<PublicData> {
  const maker = new ChainMaker(net)
  const write = await writing(net)
  const before: Cursor[] = []
  const receipts: { receipt: EnvelopeBytes; positions: number[] }[] = []
  const made: Made[] = []
  for (const size of sizes) {
    before.push(maker.cursor)
    const messages = Array.from({ length: size }, (_, index) => write(made.length + index))
    maker.add(messages)
    made.push(...messages)
  }
  const promise = (positions: number[]): void => {
    const named = positions.map(position => ({ ...present(made[position]), position }))
    const { author } = present(named[0])
    const entries = named.map(({ sequence, position, leaf }) => ({ sequence, position, leaf }))
    const receipt = signReceipt({ network: net.network.id, author, time: 1, entries }, net.signer)
    receipts.push({ receipt, positions })
  }
  for (const position of made.keys()) promise([position])
  for (const [author] of [
    made.filter((_, index) => index % 2 === 0),
    made.filter((_, index) => index % 2 === 1)
  ])
    if (author !== undefined)
      promise(
        [...made.keys()].filter(position => toHex(present(made[position]).author) === toHex(author.author))
      )
  return { net, maker, before, blocks: maker.blocks, leaves: made.map(({ leaf }) => leaf), receipts }
}

/** Two authors in turn, who say or pay something. */
async function writing(net: TestNetwork): Promise<(index: number) => Made> {
  if (net.rules.application.isStateless) {
    const [one, other] = [await Author.create(net, 'alice'), await Author.create(net, 'bob')]
    return index => (index % 2 === 0 ? one : other).say({ text: `message ${index}` })
  }
  const [alice, bob, carol] = [
    await Payer.create(net, 'alice'),
    await Payer.create(net, 'bob'),
    await Payer.create(net, 'carol')
  ]
  const receivers = [bob, carol, alice, net.signer]
  return index =>
    (index % 2 === 0 ? alice : bob).pay(present(receivers[index % 4]), 1n, { fee: BigInt(index % 3) })
}

/** The header of a block that somebody has signed; undefined for the genesis. */
export function parentOf({ blocks }: PublicData, height: number): SignedHeader | undefined {
  return blocks[height - 2]?.signed
}

export function pathIn({ leaves }: PublicData, position: number, size: number): Hash[] {
  return inclusionPath(position, size, subtreeOf(leaves.slice(0, size)))
}

export function peaksAt({ leaves }: PublicData, size: number): readonly Hash[] {
  return Frontier.at(size, subtreeOf(leaves)).peaks
}

/** Of the accounts that decide about a block, against the state before it. Empty where there are none. */
export function proofsFor(data: PublicData, height: number): Uint8Array[] {
  const { state } = present(data.before[height - 1])
  if (!(state instanceof LedgerState)) return []
  const { signed, envelopes } = present(data.blocks[height - 1])
  const messages = envelopes.map(envelope => decodeMessage(decodeEnvelope(envelope).payload))
  return touchedBy(messages, signed.header.producer).map(id => encodeAccountProof(state.prove(id)))
}

/** Every hash of these histories: leaves, inner nodes, peaks, roots, ids, siblings of accounts. */
export function hashesOf(all: readonly PublicData[]): Hash[] {
  const found = new Map<string, Hash>([[toHex(EMPTY_ROOT), EMPTY_ROOT]])
  const add = (...hashes: readonly Hash[]): void => {
    for (const hash of hashes) found.set(toHex(hash), hash)
  }
  const addTree = (leaves: readonly Hash[]): void => {
    for (let nodes = leaves; nodes.length > 0; nodes = nodes.length === 1 ? [] : folded(nodes)) add(...nodes)
  }
  for (const data of all)
    for (const [index, { signed, envelopes }] of data.blocks.entries()) {
      const { id, header } = signed
      add(id, header.parent, header.root, header.log, header.state, header.network)
      addTree(envelopes.map(leafHash))
      addTree(data.leaves.slice(0, header.size))
      for (const proof of proofsFor(data, index + 1)) add(...decodeAccountProof(proof).path)
    }
  return [...found.values()]
}
