import { submit } from '#src/client/submission-client.js'
import type { EnvelopeBytes, Hash, PeerIdBytes } from '#src/core/bytes.js'
import { describeError } from '#src/core/events.js'
import { LIMITS } from '#src/core/limits.js'
import { within } from '#src/lifecycle/waiting.js'
import { Host } from '#src/network/host.js'
import type { Holder } from './holder.js'

/** What a peer said to an envelope. */
export type Told =
  | { readonly kind: 'accepted' }
  /** It was there before, and still counts once. */
  | { readonly kind: 'known' }
  | { readonly kind: 'refused'; readonly reason: string; readonly detail: string }
  /** Nothing, in time. */
  | { readonly kind: 'silent'; readonly why: string }

/** Hands one peer whatever it likes, as a program could that keeps to no rules but those of the protocol. */
export interface Stranger {
  hand(envelope: EnvelopeBytes): Promise<Told>
  stop(): Promise<void>
}

/** In one or two words. */
export function wordOf(told: Told): string {
  return told.kind === 'refused' ? told.reason : told.kind
}

/** All of it. */
export function sentenceOf(told: Told): string {
  if (told.kind === 'refused') return `${told.reason}: ${told.detail}`
  return told.kind === 'silent' ? `nothing: ${told.why}` : told.kind
}

/** Among equals: over the submit protocol. */
export class SubmittingStranger implements Stranger {
  /** One at a time: a connection has only so many streams for it. */
  #last: Promise<unknown> = Promise.resolve()

  private constructor(
    private readonly host: Host,
    private readonly peer: PeerIdBytes,
    private readonly network: Hash,
    private readonly signal: AbortSignal
  ) {}

  static async connect(
    { key }: Holder,
    network: Hash,
    address: string,
    signal: AbortSignal
  ): Promise<SubmittingStranger> {
    const host = await Host.create({ key, listen: [], topics: [] })
    await host.start()
    const peer = await host.connect(address, within(LIMITS.dialMs, signal)).catch(async (error: unknown) => {
      await host.stop()
      throw error
    })
    return new SubmittingStranger(host, peer, network, signal)
  }

  hand(envelope: EnvelopeBytes): Promise<Told> {
    const told = this.#last.then(() => this.#submit(envelope))
    this.#last = told
    return told
  }

  stop(): Promise<void> {
    return this.host.stop()
  }

  async #submit(envelope: EnvelopeBytes): Promise<Told> {
    try {
      const [fate] = await submit(this.host, this.peer, this.network, [envelope], this.signal)
      return fate ?? { kind: 'silent', why: 'the answer tells of no transfer' }
    } catch (error) {
      return { kind: 'silent', why: describeError(error) }
    }
  }
}
