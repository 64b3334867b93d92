import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { genesisCursor } from '#src/chain/cursor.js'
import { readOrderedNetwork } from '#src/cli/files/files.js'
import { Host } from '#src/network/host.js'
import { BlockQueries, type Status } from '#src/query/block-queries.js'
import { compareHeads } from '#src/query/head-comparison.js'
import { rulesOf } from '#src/rules/rules.js'
import type { BenchProcess } from './children.js'
import type { Muxers } from './gossip.js'
import { MeteredProxy } from './metered-proxy.js'

export interface CatchUpArgument {
  readonly network: string
  readonly data: string
  readonly address: string
  readonly muxers: Muxers
  /** Of the head to catch up with. */
  readonly height: number
}

export interface CatchUp {
  readonly blocks: number
  readonly blocksPerSecond: number
  /** Of the follower, on the way, in equal steps. */
  readonly rssMb: readonly number[]
}

/** What it takes a light client to move its head from the first block to the last. */
export interface LightMove {
  readonly blocks: number
  /** On its connection, both ways, with all that libp2p adds. */
  readonly bytes: number
  readonly ms: number
}

const LONG = 1_800_000

/** A new follower fetches all blocks, verifies them whole, and stores them. */
export async function catchUp(
  argument: Omit<CatchUpArgument, 'height' | 'data'> & { readonly folder: string },
  blocks: number,
  spawn: (module: string, argument: unknown) => BenchProcess
): Promise<CatchUp> {
  const { folder, ...rest } = argument
  const follower = spawn('follower-process', { ...rest, data: join(folder, 'follower'), height: blocks })
  const { blocksPerSecond, rssMb } = await follower.ask<Omit<CatchUp, 'blocks'>>('catchUp', LONG)
  await follower.end()
  return { blocks, blocksPerSecond, rssMb }
}

/** Asks as a light client: for the status, and for the way from the first block to the last. */
export async function lightMove(
  networkFile: string,
  address: string,
  muxers: Muxers
): Promise<{ readonly status: Status; readonly light: LightMove }> {
  const rules = rulesOf(await readOrderedNetwork(networkFile))
  const proxy = await MeteredProxy.before(address)
  const host = await Host.create({ key: await generateKeyPair('Ed25519'), listen: [], topics: [], muxers })
  await host.start()
  try {
    const peer = await host.connect(proxy.address, AbortSignal.timeout(10_000))
    const asker = new BlockQueries(host, peer, rules, () => Date.now())
    const status = await asker.status()
    const first = status.height > 0 ? await asker.headerAt(1) : genesisCursor(rules).signed
    const before = proxy.bytes
    const start = performance.now()
    const moved = await compareHeads(asker, first)
    const ms = performance.now() - start
    const head = moved.kind === 'newer' ? moved.head : first
    const blocks = head.header.height - first.header.height
    return { status, light: { blocks, bytes: proxy.bytes - before, ms } }
  } finally {
    await host.stop()
    await proxy.stop()
  }
}
