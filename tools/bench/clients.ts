import { join } from 'node:path'
import type { PrivateKey } from '@libp2p/interface'
import { openDatabase, readOrderedNetwork } from '#src/cli/files/files.js'
import { printLine } from '#src/cli/terminal/terminal.js'
import { SequenceMark } from '#src/client/sequence-mark.js'
import type { Report } from '#src/core/events.js'
import { type Client, createClient } from '#src/node/client.js'
import type { Muxers } from './gossip.js'

export interface ClientsPlace {
  readonly network: string
  readonly data: string
  readonly address: string
  readonly muxers: Muxers
}

/** The real role, once for each key, all connected. `report` hears of what all of them report. */
export async function startClients(
  { network, data, address, muxers }: ClientsPlace,
  keys: readonly PrivateKey[],
  report: Report
): Promise<Client[]> {
  const document = await readOrderedNetwork(network)
  const clients: Client[] = []
  for (const [index, key] of keys.entries()) {
    const client = await createClient({
      key,
      network: document,
      database: await openDatabase(join(data, String(index))),
      mark: await SequenceMark.open(await openDatabase(join(data, `${index}.signed`)), document),
      listen: [],
      connect: [address],
      now: () => Date.now(),
      report: event => {
        report(event)
        if (event.event === 'warning' || event.event === 'refused') printLine(event.event)
      },
      failed: error => {
        throw error
      },
      muxers
    })
    await client.start()
    clients.push(client)
  }
  await Promise.all(clients.map(client => client.connected(AbortSignal.timeout(60_000))))
  return clients
}

/** Each client sends what its source gives, as fast as its receipts let it. Resolves when all have their receipts. */
export async function sendAll(
  clients: readonly Client[],
  source: (client: number) => AsyncIterable<unknown> | Iterable<unknown>
): Promise<void> {
  await Promise.all(
    clients.map(async (client, index) => {
      const deadline = AbortSignal.timeout(600_000)
      for await (const value of source(index)) await client.send(value, deadline)
      const left = await client.settled(deadline)
      if (left > 0) throw new Error(`${left} messages have no receipt`)
    })
  )
}

export interface Sent {
  readonly accepted: number
  readonly resent: number
}

export function sentBy(clients: readonly Client[]): Sent {
  const summaries = clients.map(client => client.summary())
  const sum = (pick: keyof Sent): number => summaries.reduce((total, each) => total + each[pick], 0)
  return { accepted: sum('accepted'), resent: sum('resent') }
}
