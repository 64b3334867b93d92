import { type Hash, type PeerIdBytes, toHex } from '../core/bytes.js'
import { DecodeError, decodeCanonical } from '../core/codec.js'
import { hasCode, TallystickError } from '../core/errors.js'
import type { Report } from '../core/events.js'
import { peerIdToString } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import { decodeRefusal } from '../core/refusal.js'
import { Hello, Notice } from '../core/wire/tallystick.js'
import type { Service } from '../lifecycle/service.js'
import { unlessAborted, within } from '../lifecycle/waiting.js'
import type { AddressBook } from '../network/address-book.js'
import type { Channel } from '../network/channel.js'
import { asError, dialProblem, WrongAddress } from '../network/connection-errors.js'
import type { Host } from '../network/host.js'
import { RECEIPTS_PROTOCOL } from '../network/names.js'
import { RECEIPT_STREAMS } from '../network/stream-options.js'

export type ReceivedNotice = ReturnType<typeof Notice.decode>

/** Whoever uses the link hears, in this order: up, notices, down; and again. */
export interface LinkUser<Prepared> {
  /** What is needed from the peer before the link is up. */
  prepare(peer: PeerIdBytes): Promise<Prepared>
  up(prepared: Prepared, peer: PeerIdBytes): void
  notice(notice: ReceivedNotice): void
  down(): void
}

export interface SequencerLinkOptions<Prepared> {
  readonly host: Host
  readonly network: Hash
  /** A follower is told about all messages, a client about its own. */
  readonly isRelay: boolean
  readonly book: AddressBook
  /** Where messages go: the link is up once the peer is known to listen there. */
  readonly topic: string
  readonly user: LinkUser<Prepared>
  /** Hears of each peer that was reached, before it is known whether it is ready. */
  readonly met?: (peer: PeerIdBytes) => void
  readonly report: Report
  /** Hears of what no retry can mend: at each address a peer serves another network. */
  readonly failed: (error: Error) => void
}

interface Dialled {
  readonly peer: PeerIdBytes
  readonly address: string
}

/**
 * Keeps a peer connected to the sequencer, itself or through a follower: dials one address after the other,
 * keeps a receipts stream open, dials again.
 */
export class SequencerLink<Prepared> implements Service {
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #next = 0
  #channel: Channel | undefined
  #problem: Error | undefined
  /** Addresses at which the last peer that answered serves another network. */
  readonly #foreign = new Set<string>()

  constructor(private readonly options: SequencerLinkOptions<Prepared>) {}

  async start(): Promise<void> {
    this.#running = this.#run()
  }

  /** Why the last try failed; undefined before one has. */
  get problem(): Error | undefined {
    return this.#problem
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the peer is stopping'))
    await this.#running
  }

  /** Leaves the peer that is connected now, and tries the next address. */
  leave(why: string): void {
    this.#channel?.abort(new Error(why))
    this.options.report({ event: 'warning', message: `${why}; trying another peer` })
  }

  async #run(): Promise<void> {
    const { book, report, failed } = this.options
    const { signal } = this.#stopping
    let wait: number = LIMITS.redialMs.first
    let isTold = false
    while (!signal.aborted) {
      while (book.all.length === 0 && !signal.aborted) await book.changed(signal)
      try {
        const { channel, peer } = await this.#connect()
        wait = LIMITS.redialMs.first
        isTold = false
        await this.#listen(channel, peer)
      } catch (error) {
        if (signal.aborted) return
        if (hasCode(error, 'ERR_OTHER_NETWORK') && book.all.every(address => this.#foreign.has(address)))
          return failed(error)
        this.#problem = asError(error)
        if (!isTold) report({ event: 'warning', message: `${this.#problem.message}; trying again` })
        isTold = true
      }
      const isNews = await book.changed(signal, wait)
      wait = isNews ? LIMITS.redialMs.first : Math.min(2 * wait, LIMITS.redialMs.longest)
    }
  }

  async #connect(): Promise<{ readonly channel: Channel; readonly peer: PeerIdBytes }> {
    const { host, topic, user, report } = this.options
    const { peer, address } = await this.#dial()
    // One that is not ready may know why: that the sequencer has lied.
    this.options.met?.(peer)
    const signal = this.#deadline(LIMITS.dialMs)
    try {
      const channel = await host.open(peer, RECEIPTS_PROTOCOL, RECEIPT_STREAMS, signal)
      try {
        await this.#greet(channel, address, signal)
        const prepared = await unlessAborted(user.prepare(peer), signal)
        await host.whenSubscribed(topic, peer, signal)
        user.up(prepared, peer)
      } catch (error) {
        throw host.explained(channel.abort(error))
      }
      report({ event: 'connected', peerId: peerIdToString(peer) })
      return { channel, peer }
    } catch (error) {
      // What does not come about on a connection is not tried there again.
      if (signal.aborted) host.disconnect(peer, 'it was not ready in time')
      throw error
    }
  }

  /** Throws unless the peer is ready for a peer of this network. */
  async #greet(channel: Channel, address: string, signal: AbortSignal): Promise<void> {
    await channel.send(Hello.encode({ network: this.options.network, relay: this.options.isRelay }), signal)
    const first = await this.#receive(channel, signal)
    this.#foreign.delete(address)
    if (first?.refused?.reason === 'wrong network') {
      this.#foreign.add(address)
      throw new TallystickError(
        'ERR_OTHER_NETWORK',
        `the peer at ${address} serves another network than this network document describes (here ${toHex(this.options.network)}, there: ${first.refused.detail}); get its network document, or name another peer with --connect ADDRESS`
      )
    }
    if (first?.refused !== undefined) throw new Error(`the peer is not ready: ${first.refused.detail}`)
    if (first?.ready === undefined) throw new Error('the peer did not answer the hello')
  }

  /** The first address that answers, beginning with the one after the last: it may have been of no use. */
  async #dial(): Promise<Dialled> {
    const { host, book } = this.options
    const addresses = book.all
    const problems: string[] = []
    let isOfAddress = true
    for (let tries = 0; tries < addresses.length; tries += 1) {
      const address = addresses[this.#next % addresses.length]
      this.#next += 1
      if (address === undefined) break
      try {
        // A silent one must not use up the time of the next.
        const peer = await host.connect(address, this.#deadline(LIMITS.dialMs / addresses.length))
        return { peer, address }
      } catch (error) {
        problems.push(dialProblem(address, error))
        isOfAddress &&= hasCode(error, 'ERR_WRONG_ADDRESS')
      }
    }
    const what = problems.join('; ')
    throw isOfAddress ? new WrongAddress(what) : new Error(what)
  }

  async #listen(channel: Channel, peer: PeerIdBytes): Promise<void> {
    const { user, report } = this.options
    this.#channel = channel
    try {
      for (;;) {
        const notice = await this.#receive(channel, this.#stopping.signal)
        if (notice === undefined) return
        user.notice(notice)
      }
    } finally {
      this.#channel = undefined
      user.down()
      if (!this.#stopping.signal.aborted) report({ event: 'disconnected', peerId: peerIdToString(peer) })
    }
  }

  async #receive(channel: Channel, signal: AbortSignal): Promise<ReceivedNotice | undefined> {
    const frame = await channel.receive(signal)
    if (frame === undefined) return undefined
    try {
      const notice = decodeCanonical('notice', Notice, frame)
      const { refused } = notice
      return refused ? { ...notice, refused: { ...refused, ...decodeRefusal('notice', refused) } } : notice
    } catch (error) {
      throw error instanceof DecodeError ? channel.abort(error) : error
    }
  }

  #deadline(ms: number): AbortSignal {
    return within(ms, this.#stopping.signal)
  }
}
