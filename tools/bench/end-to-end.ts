import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encryptionKeyBeside, makeNetwork } from '#src/cli/make-network.js'
import { type CatchUp, catchUp, type LightMove, lightMove } from './catch-up.js'
import { BenchProcess, type Usage } from './children.js'
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
  readonly catchUp: CatchUp
  readonly messagesPerBlock: number
  readonly light: LightMove
}

const LONG = 600_000

/** The real roles in two processes: clients as fast as receipts let them, with every guarantee on. */
export async function endToEnd(options: EndToEndOptions): Promise<EndToEnd> {
  const folder = await mkdtemp(join(tmpdir(), 'tallystick-bench-'))
  const processes: BenchProcess[] = []
  const spawn = (module: string, argument: unknown): BenchProcess => {
    const child = new BenchProcess(module, argument)
    processes.push(child)
    return child
  }
  try {
    const key = join(folder, 'sequencer.key')
    const files = { network: join(folder, 'network.json'), key, encryptionKey: encryptionKeyBeside(key) }
    await makeNetwork(files, 'sequencer')
    const { muxers, progress } = options
    const sequencer = spawn('sequencer-process', { ...files, data: join(folder, 'sequencer'), muxers })
    const address = await sequencer.ask<string>('address', LONG)
    const { network } = files
    const clients = spawn('clients-process', {
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

    await clients.end()
    progress('a light client')
    const { status, light } = await lightMove(network, address, muxers)
    progress(`a follower that starts from nothing against ${status.height} blocks`)
    const caughtUp = await catchUp({ network, folder, address, muxers }, status.height, spawn)
    progress('size on disk')
    const bytes = await sequencer.ask<number>('bytesOnDisk', LONG)
    const stored = sent + latency.messages
    return {
      messages: sent,
      perSecond,
      // Receipted messages that are in no block and do not wait for one either would be lost.
      lost: sent - accepted + Math.max(0, accepted + latency.messages - status.size - status.pending),
      resent,
      sequencerCpuMsPerMessage: (after.cpuMs - before.cpuMs) / sent,
      latency,
      peakRssMb: after.peakRssMb,
      bytesPerMessage: bytes / stored,
      catchUp: caughtUp,
      messagesPerBlock: status.size / Math.max(1, status.height),
      light
    }
  } finally {
    await Promise.all(processes.map(child => child.end()))
    await rm(folder, { recursive: true, force: true })
  }
}

interface Throughput {
  readonly sent: number
  readonly accepted: number
  readonly resent: number
  readonly perSecond: number
}
