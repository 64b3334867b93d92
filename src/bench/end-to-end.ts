import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { genesisCursor } from '../chain/cursor.js'
import { rulesOf } from '../chain/rules.js'
import { readNetwork } from '../cli/files.js'
import { encryptionKeyBeside, makeNetwork } from '../cli/network-setup.js'
import { Host } from '../network/host.js'
import { Asker } from '../node/asker.js'
import { BenchProcess } from './child-process.js'
import type { Muxers } from './gossip.js'

export interface NetworkArgument {
  readonly network: string
  readonly key: string
  readonly encryptionKey: string
  readonly data: string
  readonly muxers: Muxers
}

export interface ClientsArgument {
  readonly network: string
  readonly data: string
  readonly address: string
  readonly clients: number
  readonly messages: number
  readonly bytes: number
  readonly latencySeconds: number
  readonly muxers: Muxers
}

export interface EndToEndOptions {
  readonly clients: number
  readonly messages: number
  readonly bytes: number
  readonly latencySeconds: number
  readonly muxers: Muxers
  readonly progress: (phase: string) => void
}

export interface EndToEnd {
  readonly messages: number
  readonly perSecond: number
  readonly lost: number
  readonly resent: number
  readonly sequencerCpuMsPerMessage: number
  readonly latency: { readonly p50: number; readonly p99: number; readonly messages: number }
  readonly peakRssMb: number
  readonly bytesPerMessage: number
  readonly catchUpBlocksPerSecond: number
}

const LONG = 600_000

/** The real roles in two processes: clients as fast as receipts let them, with every guarantee on. */
export async function endToEnd(options: EndToEndOptions): Promise<EndToEnd> {
  const folder = await mkdtemp(join(tmpdir(), 'tallystick-bench-'))
  const processes: BenchProcess[] = []
  const spawn = (module: string, argument: unknown): BenchProcess => {
    const child = new BenchProcess(new URL(module, import.meta.url), argument)
    processes.push(child)
    return child
  }
  try {
    const key = join(folder, 'sequencer.key')
    const files = { network: join(folder, 'network.json'), key, encryptionKey: encryptionKeyBeside(key) }
    await makeNetwork(files)
    const { muxers, progress } = options
    const sequencer = spawn('./sequencer-process.js', { ...files, data: join(folder, 'sequencer'), muxers })
    const address = await sequencer.ask<string>('address', LONG)
    const { network } = files
    const clients = spawn('./clients-process.js', {
      ...options,
      network,
      data: join(folder, 'clients'),
      address
    })
    await clients.ask<number>('connected', LONG)

    progress(`${options.messages} messages from ${options.clients} clients`)
    const before = await sequencer.ask<Usage>('usage', LONG)
    const { sent, accepted, resent, perSecond } = await clients.ask<Throughput>('throughput', LONG)
    const after = await sequencer.ask<Usage>('usage', LONG)

    progress(`one message a second from each client for ${options.latencySeconds} s`)
    const latency = await clients.ask<EndToEnd['latency']>('latency', LONG)

    progress('a reader that fetches and verifies the chain')
    const read = await readChain(network, address, muxers)
    progress('size on disk')
    const bytes = await sequencer.ask<number>('bytesOnDisk', LONG)
    const stored = sent + latency.messages
    return {
      messages: sent,
      perSecond,
      // Receipted messages that are in no block and do not wait for one either would be lost.
      lost: sent - accepted + Math.max(0, accepted + latency.messages - read.size - read.pending),
      resent,
      sequencerCpuMsPerMessage: (after.cpuMs - before.cpuMs) / sent,
      latency,
      peakRssMb: after.peakRssMb,
      bytesPerMessage: bytes / stored,
      catchUpBlocksPerSecond: read.blocksPerSecond
    }
  } finally {
    await Promise.all(processes.map(child => child.end()))
    await rm(folder, { recursive: true, force: true })
  }
}

interface Usage {
  readonly cpuMs: number
  readonly peakRssMb: number
  readonly height: number
}

interface Throughput {
  readonly sent: number
  readonly accepted: number
  readonly resent: number
  readonly perSecond: number
}

/** What a new follower does: fetches all blocks and verifies signatures, chaining, roots and every message. */
async function readChain(
  networkFile: string,
  address: string,
  muxers: Muxers
): Promise<{ readonly blocksPerSecond: number; readonly size: number; readonly pending: number }> {
  const network = await readNetwork(networkFile)
  const rules = rulesOf(network)
  const host = await Host.create({ key: await generateKeyPair('Ed25519'), listen: [], topics: [], muxers })
  await host.start()
  try {
    const peer = await host.connect(address, AbortSignal.timeout(10_000))
    const asker = new Asker(host, peer, rules, () => Date.now())
    const start = performance.now()
    let cursor = genesisCursor(rules)
    for await (const next of asker.chainAfter(cursor)) cursor = next.cursor
    const { height, size } = cursor.signed.header
    const blocksPerSecond = (height * 1000) / (performance.now() - start)
    return { blocksPerSecond, size, pending: (await asker.status()).pending }
  } finally {
    await host.stop()
  }
}
