// The clients of the benchmark, all in one process: the real role, as fast as its receipts let it.
import 'core-js/actual/promise/with-resolvers.js'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { openDatabase, readOrderedNetwork } from '../cli/files.js'
import { ticks } from '../cli/ticks.js'
import { type Client, createClient } from '../roles/client.js'
import { answerAs } from './child-process.js'
import type { ClientsArgument } from './end-to-end.js'

await answerAs<ClientsArgument>(async argument => {
  const network = await readOrderedNetwork(argument.network)
  const clients: Client[] = []
  const latencies: number[] = []
  for (let index = 0; index < argument.clients; index += 1) {
    const client = await createClient({
      key: await generateKeyPair('Ed25519'),
      network,
      database: await openDatabase(join(argument.data, String(index))),
      listen: [],
      connect: [argument.address],
      now: () => Date.now(),
      report: event => {
        if (event.event === 'receipt') latencies.push(event.ms)
        if (event.event === 'warning' || event.event === 'refused')
          process.stderr.write(`${JSON.stringify(event.event)}\n`)
      },
      failed: error => {
        throw error
      },
      muxers: argument.muxers
    })
    await client.start()
    clients.push(client)
  }
  await Promise.all(clients.map(client => client.connected(AbortSignal.timeout(60_000))))

  const sendAll = async (
    source: (client: number) => AsyncIterable<number> | Iterable<number>
  ): Promise<void> => {
    await Promise.all(
      clients.map(async (client, index) => {
        const deadline = AbortSignal.timeout(600_000)
        for await (const number of source(index))
          await client.send(messageOf(argument.bytes, index, number), deadline)
        const left = await client.settled(deadline)
        if (left > 0) throw new Error(`${left} messages have no receipt`)
      })
    )
  }
  const perClient = Math.ceil(argument.messages / argument.clients)
  return {
    connected: async () => clients.length,
    /** Messages a second from the first one sent to the last verified receipt. */
    throughput: async () => {
      const start = performance.now()
      await sendAll(() => Array.from({ length: perClient }, (_, number) => number))
      const ms = performance.now() - start
      const summaries = clients.map(client => client.summary())
      const sum = (pick: 'accepted' | 'resent'): number =>
        summaries.reduce((total, each) => total + each[pick], 0)
      const sent = perClient * clients.length
      return { sent, accepted: sum('accepted'), resent: sum('resent'), perSecond: (sent * 1000) / ms }
    },
    /** Time from publishing to the verified receipt, ms, while each client sends one message a second. */
    latency: async () => {
      latencies.length = 0
      await sendAll(client => spread(client / clients.length, argument.latencySeconds))
      const sorted = latencies.toSorted((a, b) => a - b)
      const at = (share: number): number =>
        sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
      return { p50: at(0.5), p99: at(0.99), messages: sorted.length }
    }
  }
})

/** Clients that all spoke in the same moment would measure their own queue. */
async function* spread(offset: number, seconds: number): AsyncIterable<number> {
  await new Promise(resolve => setTimeout(resolve, offset * 1000))
  yield* ticks({ rate: 1, duration: seconds }, new AbortController().signal)
}

/** A message whose canonical JSON has just this many bytes. */
function messageOf(bytes: number, client: number, number: number): { readonly text: string } {
  const text = `${client}/${number} `
  return { text: text.padEnd(bytes - '{"text":""}'.length, 'x') }
}
