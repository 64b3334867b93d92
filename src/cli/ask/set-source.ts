import type { TransferSet } from '../../applications/ledger/transfer-set.js'
import { type Database, StoreError } from '../../chain/store.js'
import { type EnvelopeBytes, equal } from '../../core/bytes.js'
import type { SetNetwork } from '../../core/network.js'
import { SetQueries } from '../../replication/set/set-queries.js'
import { type ReadTransfers, transfersOf } from '../../replication/set/set-reading.js'
import { countStored, storedTransfers } from '../../replication/set/transfer-store.js'
import { Failure } from '../failure.js'
import { readNetwork } from '../files/files.js'
import { groupsOf, openSet, SET_MAGIC } from '../files/set-file.js'
import { beginningOf, KIND_BYTES } from '../files/written-files.js'
import { DEFAULTS } from '../options.js'
import { oneOf, withConnection } from './asking.js'
import { networkFor, type SourceOptions, type Target, withStored } from './log-source.js'

/** A set of transfers, wherever it is: in the folder of a stopped peer, in a file, or with a peer that is asked. */
export interface SetSource {
  readonly network: SetNetwork
  /** As they are found there; to be read once. `have`: those that were read and found valid so far. */
  readonly transfers: (have: () => TransferSet) => AsyncIterable<ReadTransfers>
  /** How much of it has been read, of how much. */
  readonly progress: { readonly total: number; readonly unit: string; readonly done: () => number }
}

/** Opens a set for as long as `use` takes. False, and nothing more, where what is there has an order. */
export function withSet(
  target: Target,
  options: SourceOptions,
  use: (source: SetSource) => Promise<void>
): Promise<boolean> {
  switch (target.kind) {
    case 'folder':
      return withFolder(target.name, options, use)
    case 'file':
      return withFile(target.name, options, use)
    case 'peer':
      return withPeer(target.connect, options, use)
  }
}

/** What a stopped peer has stored. */
export async function setIn(database: Database, network: SetNetwork): Promise<SetSource> {
  const total = await countStored(database)
  let done = 0
  async function* envelopes(): AsyncIterable<EnvelopeBytes> {
    for await (const { envelope } of storedTransfers(database, network)) {
      yield envelope
      done += 1
    }
  }
  async function* transfers(): AsyncIterable<ReadTransfers> {
    try {
      for await (const group of groupsOf(envelopes())) yield { envelopes: group }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      yield { fault: { kind: 'index', detail: error.message } }
    }
  }
  return { network, transfers, progress: { total, unit: 'transfers', done: () => done } }
}

function withFolder(
  folder: string,
  options: SourceOptions,
  use: (source: SetSource) => Promise<void>
): Promise<boolean> {
  return withStored(folder, options, async (database, network) => {
    if (network.kind === 'chain') return false
    await use(await setIn(database, network))
    return true
  })
}

async function withFile(
  path: string,
  options: SourceOptions,
  use: (source: SetSource) => Promise<void>
): Promise<boolean> {
  const beginning = await beginningOf(path, KIND_BYTES)
  if (!equal(beginning.subarray(0, SET_MAGIC.length), SET_MAGIC)) return false
  const set = await openSet(path)
  try {
    const network = await networkFor(set.document, options.network, path)
    if (network.kind === 'chain')
      throw new Failure(
        'ERR_WRONG_CONTENT',
        `${path} holds transfers with no order, of a network that has one`
      )
    const progress = { total: set.length, unit: 'bytes', done: set.read }
    await use({ network, transfers: set.transfers, progress })
    return true
  } finally {
    set.close()
  }
}

async function withPeer(
  connect: readonly string[],
  { network: path, askWith, swarmKey }: SourceOptions,
  use: (source: SetSource) => Promise<void>
): Promise<boolean> {
  const network = await readNetwork(path ?? DEFAULTS.network)
  if (network.kind === 'chain') return false
  const asked = { ...oneOf({ connect }), ...(askWith && { key: askWith }), ...(swarmKey && { swarmKey }) }
  await withConnection(asked, network, async ({ host, peer }) => {
    const asker = new SetQueries(host, peer, network)
    const { count } = await asker.status()
    let done = 0
    async function* transfers(have: () => TransferSet): AsyncIterable<ReadTransfers> {
      for await (const read of transfersOf(asker, have)) {
        yield read
        done = have().size
      }
    }
    await use({ network, transfers, progress: { total: count, unit: 'transfers', done: () => done } })
  })
  return true
}
