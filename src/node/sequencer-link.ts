import { equal, type Hash, type PeerIdBytes, toHex } from '../core/bytes.js'
import { DecodeError, decodeCanonical } from '../core/codec.js'
import { peerIdToString } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import { newSealingContext, type SealingContext } from '../core/sealing.js'
import { Hello, Notice } from '../core/wire/tallystick.js'
import type { Channel } from '../network/channel.js'
import type { Host } from '../network/host.js'
import { RECEIPTS_PROTOCOL } from '../network/names.js'
import type { Asker } from './asker.js'
import { describeError, type Report } from './events.js'
import { RECEIPT_STREAMS } from './receipt-server.js'
import type { Service } from './service.js'

export type ReceivedNotice = ReturnType<typeof Notice.decode>

/** Whoever uses the link hears, in this order: up, notices, down; and again. */
export interface LinkUser {
  up(context: SealingContext): void
  notice(notice: ReceivedNotice): void
  down(): void
}

export interface SequencerLinkOptions {
  readonly host: Host
  readonly network: Hash
  readonly author: PeerIdBytes
  readonly sequencer: PeerIdBytes
  readonly addresses: readonly string[]
  /** Where messages go: the link is up once the sequencer is known to listen there. */
  readonly topic: string
  readonly asker: Asker
  readonly user: LinkUser
  readonly report: Report
  /** Hears of what no retry can mend: another peer at that address, another network. */
  readonly failed: (error: Error) => void
}

class Hopeless extends Error {}

/** Keeps a client connected to its sequencer: dials, asks for the encryption key, keeps the receipts stream open, dials again. */
export class SequencerLink implements Service {
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined

  constructor(private readonly options: SequencerLinkOptions) {}

  async start(): Promise<void> {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the peer is stopping'))
    await this.#running
  }

  async #run(): Promise<void> {
    const { report, failed } = this.options
    let wait: number = LIMITS.redialMs.first
    let isTold = false
    while (!this.#stopping.signal.aborted) {
      try {
        const channel = await this.#connect()
        wait = LIMITS.redialMs.first
        isTold = false
        await this.#listen(channel)
      } catch (error) {
        if (this.#stopping.signal.aborted) return
        if (error instanceof Hopeless) return failed(error)
        if (!isTold) report({ event: 'warning', message: `${describeError(error)}; trying again` })
        isTold = true
      }
      await elapsed(wait, this.#stopping.signal)
      wait = Math.min(2 * wait, LIMITS.redialMs.longest)
    }
  }

  async #connect(): Promise<Channel> {
    const { host, network, author, sequencer, topic, asker, user, report } = this.options
    const signal = this.#deadline(LIMITS.dialMs)
    const peer = await this.#dial(signal)
    if (!equal(peer, sequencer))
      throw new Hopeless(
        `the peer that answers is ${peerIdToString(peer)}, but the network document names ${peerIdToString(sequencer)} as sequencer; connect to that one, or take the network document of this one`
      )
    const channel = await host.open(peer, RECEIPTS_PROTOCOL, RECEIPT_STREAMS, signal)
    try {
      await this.#greet(channel, signal)
      const key = await unlessAborted(asker.sealingKey(), signal)
      const context = await newSealingContext(key, network, author)
      await host.whenSubscribed(topic, peer, signal)
      user.up(context)
    } catch (error) {
      throw channel.abort(error)
    }
    report({ event: 'connected', peerId: peerIdToString(peer) })
    return channel
  }

  /** Throws unless the sequencer is ready for a client of this network. */
  async #greet(channel: Channel, signal: AbortSignal): Promise<void> {
    await channel.send(Hello.encode({ network: this.options.network }), signal)
    const first = await this.#receive(channel, signal)
    if (first?.refused?.reason === 'wrong network')
      throw new Hopeless(
        `the sequencer serves another network than this network document describes (here ${toHex(this.options.network)}, there: ${first.refused.detail}); get its network document`
      )
    if (first?.ready === undefined) throw new Error('the sequencer did not answer the hello')
  }

  /** The first address that answers. */
  async #dial(signal: AbortSignal): Promise<PeerIdBytes> {
    const { host, addresses } = this.options
    const problems: string[] = []
    for (const address of addresses) {
      try {
        return await host.connect(address, signal)
      } catch (error) {
        problems.push(`${address} does not answer (${describeError(error)})`)
      }
    }
    throw new Error(problems.join('; '))
  }

  async #listen(channel: Channel): Promise<void> {
    const { user, report, sequencer } = this.options
    try {
      for (;;) {
        const notice = await this.#receive(channel, this.#stopping.signal)
        if (notice === undefined) return
        user.notice(notice)
      }
    } finally {
      user.down()
      if (!this.#stopping.signal.aborted) report({ event: 'disconnected', peerId: peerIdToString(sequencer) })
    }
  }

  async #receive(channel: Channel, signal: AbortSignal): Promise<ReceivedNotice | undefined> {
    const frame = await channel.receive(signal)
    if (frame === undefined) return undefined
    try {
      return decodeCanonical('notice', Notice, frame)
    } catch (error) {
      throw error instanceof DecodeError ? channel.abort(error) : error
    }
  }

  #deadline(ms: number): AbortSignal {
    return AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(ms)])
  }
}

/** The promise goes on where it is; nobody waits for it any more. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

function elapsed(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
