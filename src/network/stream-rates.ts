import type { MessageStream } from '@libp2p/interface'
import { LIMITS } from '../core/limits.js'
import { type Rate, RateLimiter } from '../core/rate-limiter.js'
import { originOfConnection } from './connection-origin.js'

/** Gives back what was taken. */
type Release = () => void

/** Takes for one stream; undefined where there is nothing left. */
export type TakeStream = () => Release | undefined

/**
 * Counts streams of one kind. A connection has a rate, and its host has another, as connections are free. Past that of its
 * host a connection still has a few: who floods on many connections ends no other one from there.
 */
export class StreamRates {
  readonly #ofHost: RateLimiter

  constructor(
    private readonly rates: { readonly ofConnection: Rate; readonly ofHost: Rate },
    private readonly clock: () => number
  ) {
    this.#ofHost = new RateLimiter(rates.ofHost, LIMITS.rememberedRates)
  }

  /** For one connection; `host` is undefined where it comes over no network. */
  of(host: string | undefined): TakeStream {
    const all = new RateLimiter(this.rates.ofConnection, 1)
    const few = new RateLimiter(LIMITS.fewStreamsRate, 1)
    return () => {
      const now = this.clock()
      if (!all.take('', now)) return undefined
      const isOfHost = host === undefined || this.#ofHost.take(host, now)
      if (!isOfHost && !few.take('', now)) return undefined
      return () => {
        const later = this.clock()
        all.charge('', later, -1)
        if (!isOfHost) few.charge('', later, -1)
        else if (host !== undefined) this.#ofHost.charge(host, later, -1)
      }
    }
  }
}

/** Where connections come from, for those who see no more of them than what they carry. */
export class ConnectionHosts {
  readonly #hosts = new WeakMap<object, string>()

  /** Of a connection as it comes from its socket. */
  note(connection: MessageStream): void {
    const origin = originOfConnection(connection)
    if (origin !== undefined) this.#hosts.set(connection, origin.host)
  }

  /** `outer` is carried by `inner`. */
  pass(inner: MessageStream, outer: MessageStream): void {
    const host = this.of(inner)
    if (host !== undefined) this.#hosts.set(outer, host)
  }

  of(connection: MessageStream): string | undefined {
    return this.#hosts.get(connection)
  }
}
