import { decodeStoredHeader, readBlockHeader } from '../core/block.js'
import { equal } from '../core/bytes.js'
import { describeFault, type Fault } from '../core/fault.js'
import { VerifierCache } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import type { Rules } from '../rules/rules.js'
import { nameIn, nameOf } from './candidate.js'
import { advance, genesisCursor } from './cursor.js'
import { duplicateIn } from './duplicates.js'
import { ForkTree } from './fork-tree.js'
import { expectBlockIndexed, expectMessagesIndexed, expectNoMoreBlocks } from './indexes.js'
import { LogTree } from './log-tree.js'
import { RecentStates } from './recent-states.js'
import {
  bindToNetwork,
  type Database,
  envelopesBetween,
  expectStored,
  headerAt,
  ranges,
  StoreError,
  type Write,
  writeLazily
} from './store.js'
import { readSide } from './stored-blocks.js'

/** What is on disk of a chain, once all of it has been found in order. */
export interface OpenedChain {
  readonly forks: ForkTree
  readonly states: RecentStates
  readonly tree: LogTree
}

/** Verifies a chain by the same path that imported it. Throws StoreError naming the first fault. */
export async function openChain(database: Database, rules: Rules): Promise<OpenedChain> {
  await bindToNetwork(database, rules.network)
  const verifiers = new VerifierCache()
  const opened = await openMain(database, rules, verifiers)
  await openSides(opened.forks, database, rules, verifiers)
  return opened
}

async function openMain(database: Database, rules: Rules, verifiers: VerifierCache): Promise<OpenedChain> {
  const genesis = genesisCursor(rules)
  const forks = new ForkTree(genesis, rules.ordering, LIMITS.sideBlocks)
  const states = new RecentStates(genesis)
  let tree = LogTree.empty(database)
  let height = 1
  for (; ; height += 1) {
    const stored = headerAt(database, height)
    if (stored === undefined) break
    const { header, checkpoint } = expectStored(`header ${height}`, () => decodeStoredHeader(stored))
    const read = readBlockHeader(header, checkpoint, verifiers, rules.ordering)
    if (!read.ok) throw damaged({ ...read.fault, height })
    const { size, count } = read.signed.header
    const envelopes = await envelopesBetween(database, size - count, size)
    const advanced = advance(forks.head.cursor, { signed: read.signed, envelopes }, rules, ANY_TIME)
    if (!advanced.ok) throw damaged(advanced.fault)
    const extended = tree.extend(advanced.leaves)
    for (const write of extended.writes) await expectWritten(database, write, height)
    expectBlockIndexed(database, read.signed.id, height)
    expectMessagesIndexed(database, size - count, envelopes, advanced.leaves)
    tree = extended.tree
    states.follow(forks.extend(advanced.cursor))
  }
  await expectNoMoreBlocks(database, height - 1, tree.fullTiles)
  return { forks, states, tree }
}

/** Blocks beside the main chain were not synced to disk: what is damaged or has no parent is let go. */
async function openSides(
  forks: ForkTree,
  database: Database,
  rules: Rules,
  verifiers: VerifierCache
): Promise<void> {
  const dropped: Write[] = []
  for await (const [key, value] of database.iterator(ranges.sides)) {
    const block = readSide(value, verifiers, rules.ordering)
    const parent = block && forks.get(block.signed.header.parent)
    const advanced = block && parent && advance(parent.cursor, block, rules, ANY_TIME)
    const names = block?.envelopes.map(nameIn) ?? []
    const isNew = block !== undefined && forks.get(block.signed.id) === undefined
    if (isNew && parent && advanced?.ok === true && duplicateIn(database, parent, names) === undefined)
      forks.add(parent, advanced.cursor, new Set(names.map(nameOf)))
    else dropped.push({ type: 'del', key })
  }
  await writeLazily(database, dropped)
}

/** What was taken once is not of the future, whatever the clock says after a restart. */
const ANY_TIME = Number.POSITIVE_INFINITY

async function expectWritten(database: Database, write: Write, height: number): Promise<void> {
  const stored = await database.get(write.key)
  if (write.type !== 'put' || stored === undefined || !equal(stored, write.value))
    throw damaged({ kind: 'log', height, detail: 'a tile of the log tree is not what the messages give' })
}

function damaged(fault: Fault): StoreError {
  return new StoreError(`${describeFault(fault)}`)
}
