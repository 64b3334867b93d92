import { LIMITS } from '#src/core/limits.js'
import type { EventOf, Exit, Peer } from '../localnet/index.js'
import { type Check, demand } from '../scenario/checks.js'
import { demandEnded, endOf, whenBlockCame } from '../scenario/ends.js'
import type { Stage } from '../scenario/scenario.js'

export interface DemoOptions {
  readonly clients: number
  /** Where there are some, clients connect to them alone. */
  readonly followers: number
  /** Messages a second of each client, for `duration` seconds. */
  readonly rate: number
  readonly duration: number
  readonly blockSize: number
}

/** One client's part: what it was told. */
export interface Part {
  readonly client: Peer
  readonly peerId: string
  readonly receipts: readonly EventOf<'receipt'>[]
  readonly refused: readonly EventOf<'refused'>[]
  readonly summary: EventOf<'summary'> | undefined
  /** Undefined where it was still running at the end of its time. */
  readonly exit: Exit | undefined
}

/** What happened while the clients were sending. */
export interface Sending {
  readonly options: DemoOptions
  readonly sequencer: Peer
  readonly followers: readonly Peer[]
  readonly parts: readonly Part[]
}

export function messagesOfEach({ rate, duration }: DemoOptions): number {
  return Math.round(rate * duration)
}

export function acceptedIn({ parts }: Pick<Sending, 'parts'>): number {
  return parts.reduce((count, { receipts }) => count + receipts.length, 0)
}

/** A client that was cut off has not summed up: what has a receipt it has sent. */
export function sentIn({ parts }: Sending): number {
  return parts.reduce((count, { summary, receipts }) => count + (summary?.sent ?? receipts.length), 0)
}

/** Beside the sending itself: to connect, to get the last receipts and to stop, ms. */
const BESIDE_SENDING_MS = LIMITS.firstConnectionMs + LIMITS.lastReceiptsMs + LIMITS.stopMs
const LAST_BLOCK_MS = 10_000

/** Starts a sequencer and its clients, and lets them send until all know what became of their messages. */
export async function send({ net, progress }: Stage, options: DemoOptions): Promise<Sending> {
  const { clients, followers: followerCount, rate, duration, blockSize } = options
  const expected = clients * messagesOfEach(options)
  const starting = progress.phase('starting', clients + followerCount + 1, 'processes')
  const accepting = progress.phase('sending', expected, 'messages accepted')
  const cutting = progress.phase('blocks', Math.floor(expected / blockSize), `blocks of ${blockSize}`)
  const followers: Peer[] = []
  const heard = new Map<Peer, { receipts: EventOf<'receipt'>[]; refused: EventOf<'refused'>[] }>()
  net.onEvent((peer, event) => {
    const { receipts, refused } = heard.get(peer) ?? { receipts: [], refused: [] }
    heard.set(peer, { receipts, refused })
    if (event.event === 'started') starting.advance()
    if (event.event === 'refused') refused.push(event)
    if (event.event === 'receipt') {
      receipts.push(event)
      accepting.advance()
    }
    if (event.event === 'block' && !followers.includes(peer)) {
      progress.note(`block ${event.height}: ${event.count} messages, id ${event.id.slice(0, 16)}…`)
      cutting.advance()
    }
  })

  progress.note(`keys and databases are in ${net.folder}`)
  const sequencer = await net.startSequencer()
  progress.note(`the sequencer listens on ${sequencer.addresses.join(', ')}`)
  for (let count = 0; count < followerCount; count += 1) followers.push(await net.startFollower())
  const start = (_: unknown, index: number): Promise<Peer> => {
    const follower = followers[index % followers.length]
    return net.startClient({ rate, duration, ...(follower && { connect: follower.addresses }) })
  }
  const running = await Promise.all(Array.from({ length: clients }, start))
  progress.note(
    `${clients} clients send ${rate} messages a second each for ${duration} s, ${expected} in all`
  )
  const done = Promise.all(running.map(peer => endOf(peer, duration * 1000 + BESIDE_SENDING_MS)))
  // Without it the clients would only wait; what they have so far is judged all the same.
  const exits = await Promise.race([done, sequencer.exited.then(() => [])])
  const sending = {
    options,
    sequencer,
    followers,
    parts: running.map((client, index) => {
      const { receipts, refused } = heard.get(client) ?? { receipts: [], refused: [] }
      const summary = client.events.findLast(event => event.event === 'summary')
      return { client, peerId: client.peerId, receipts, refused, summary, exit: exits[index] }
    })
  }
  const height = Math.floor(acceptedIn(sending) / blockSize)
  await whenBlockCame([sequencer, ...followers], height, LAST_BLOCK_MS)
  return sending
}

export function sendingChecks(sending: Sending): Check[] {
  const { options, parts } = sending
  return [
    {
      name: 'sent',
      what: 'each client sends rate × duration messages',
      run: async () => {
        for (const { client, summary } of parts) {
          demand(summary !== undefined, `${client.name} ended without a summary: ${client.stderr}`)
          const { sent } = summary
          demand(sent === messagesOfEach(options), `${client.name} sent ${sent}`)
        }
        return `${sentIn(sending)} messages by ${parts.length} clients`
      }
    },
    {
      name: 'accepted',
      what: 'each message sent has one verified receipt, none is refused',
      run: async () => {
        for (const { client, receipts, refused, summary } of parts) {
          const [first] = refused
          demand(first === undefined, `${client.name}: refused: ${first?.reason}: ${first?.detail}`)
          const sequences = new Set(receipts.map(({ sequence }) => String(sequence)))
          demand(sequences.size === receipts.length, `${client.name} has two receipts for one message`)
          demand(summary !== undefined, `${client.name} ended without a summary`)
          const { sent, accepted } = summary
          demand(
            receipts.length === sent && receipts.length === accepted,
            `${client.name} sent ${sent}, counts ${accepted} as accepted, showed ${receipts.length} receipts`
          )
        }
        return `${acceptedIn(sending)} receipts`
      }
    },
    {
      name: 'clients end',
      what: 'each client ends by itself once it has its last receipt',
      run: async () => {
        for (const { client, exit } of parts) demandEnded(client.name, exit, client.stderr)
        return `${parts.length} ended with exit code 0`
      }
    }
  ]
}
