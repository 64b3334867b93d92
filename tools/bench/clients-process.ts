// The clients of the benchmark, all in one process: the real role, as fast as its receipts let it.
import 'core-js/actual/promise/with-resolvers.js'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { ticks } from '#src/cli/terminal/ticks.js'
import { answerAs } from './children.js'
import { sendAll, sentBy, startClients } from './clients.js'
import type { ClientsArgument } from './end-to-end.js'

await answerAs<ClientsArgument>(async argument => {
  const latencies: number[] = []
  const keys = await Promise.all(Array.from({ length: argument.clients }, () => generateKeyPair('Ed25519')))
  const clients = await startClients(argument, keys, event => {
    if (event.event === 'receipt') latencies.push(event.ms)
  })
  const perClient = Math.ceil(argument.messages / argument.clients)
  return {
    connected: async () => clients.length,
    /** Messages a second from the first one sent to the last verified receipt. */
    throughput: async () => {
      const start = performance.now()
      await sendAll(clients, client =>
        Array.from({ length: perClient }, (_, number) => messageOf(argument.bytes, client, number))
      )
      const ms = performance.now() - start
      const sent = perClient * clients.length
      return { sent, ...sentBy(clients), perSecond: (sent * 1000) / ms }
    },
    /** Time from publishing to the verified receipt, ms, while each client sends one message a second. */
    latency: async () => {
      latencies.length = 0
      await sendAll(clients, client => spread(argument, client))
      const sorted = latencies.toSorted((a, b) => a - b)
      const at = (share: number): number =>
        sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
      return { p50: at(0.5), p99: at(0.99), messages: sorted.length }
    }
  }
})

/** Clients that all spoke in the same moment would measure their own queue. */
async function* spread(
  { clients, latencySeconds, bytes }: ClientsArgument,
  client: number
): AsyncIterable<ReturnType<typeof messageOf>> {
  await new Promise(resolve => setTimeout(resolve, (client * 1000) / clients))
  for await (const number of ticks({ rate: 1, duration: latencySeconds }, new AbortController().signal))
    yield messageOf(bytes, client, number)
}

/** A message whose canonical JSON has just this many bytes. */
function messageOf(bytes: number, client: number, number: number): { readonly text: string } {
  const text = `${client}/${number} `
  return { text: text.padEnd(bytes - '{"text":""}'.length, 'x') }
}
