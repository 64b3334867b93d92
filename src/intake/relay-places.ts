import { LIMITS } from '../core/limits.js'

/** Where a follower connects from, as limits count it. */
export interface RelayOrigin {
  readonly host: string
  readonly site: string
}

interface Place extends RelayOrigin {
  readonly since: number
  readonly isNamed: boolean
}

export type Admission =
  | { readonly kind: 'admitted' /** Whose place it has now. */; readonly evicted: string | undefined }
  | { readonly kind: 'full' }

/**
 * Which followers have a place, where more of them ask for one than there are. Names are free, so what counts is, in this
 * order: to be named in the network document; to come from a host and a site with few places; to have had a place for
 * long. One that asks for long gets a turn in the end, in the place of one of the half that has had theirs for less long:
 * so asking from many sites takes no place of a long-standing follower. One that is evicted may ask again.
 */
export class RelayPlaces {
  readonly #places = new Map<string, Place>()
  /** For how long those that have left had a place, ms. */
  readonly #served = new Map<string, number>()
  /** Since when a site that has been refused asks for a place; the one that has not asked for longest is forgotten first. */
  readonly #asking = new Map<string, number>()

  constructor(private readonly isNamed: (name: string) => boolean) {}

  /** How many followers that have left, and sites that ask, are remembered. */
  get remembered(): number {
    return this.#served.size + this.#asking.size
  }

  /** `now`: of a monotonic clock, ms. */
  enter(name: string, origin: RelayOrigin, now: number): Admission {
    if (this.#places.has(name)) return { kind: 'admitted', evicted: undefined }
    let evicted: string | undefined
    if (this.#places.size >= LIMITS.relays) {
      evicted = this.#toEvict(name, origin, now)
      if (evicted === undefined) {
        this.#ask(origin.site, now)
        return { kind: 'full' }
      }
      this.leave(evicted, now)
    }
    this.#asking.delete(origin.site)
    const { host, site } = origin
    this.#places.set(name, { host, site, since: now, isNamed: this.isNamed(name) })
    return { kind: 'admitted', evicted }
  }

  leave(name: string, now: number): void {
    const place = this.#places.get(name)
    if (place === undefined) return
    this.#places.delete(name)
    this.#served.set(name, (this.#served.get(name) ?? 0) + now - place.since)
    if (this.#served.size <= LIMITS.rememberedRelays) return
    const [least] = [...this.#served].sort(([, one], [, other]) => one - other)
    if (least !== undefined) this.#served.delete(least[0])
  }

  /** Undefined where none has to go for this one. */
  #toEvict(name: string, origin: RelayOrigin, now: number): string | undefined {
    const others = [...this.#places]
      .filter(([, { isNamed }]) => !isNamed)
      .map(([other, place]) => ({
        other,
        place,
        crowd: this.#crowdOf(place),
        served: this.#servedBy(other, now)
      }))
      .sort((a, b) => b.crowd.site - a.crowd.site || b.crowd.host - a.crowd.host || a.served - b.served)
    const [worst] = others
    if (worst === undefined) return undefined
    const own = this.#crowdOf(origin)
    const isLessCrowded =
      origin.site === worst.place.site ? own.host + 1 < worst.crowd.host : own.site + 1 < worst.crowd.site
    if (this.isNamed(name) || isLessCrowded || this.#servedBy(name, now) > worst.served) return worst.other
    // The others have had a turn, too, before one of them has to go.
    const asksSince = this.#asking.get(origin.site) ?? now
    if (now - asksSince < LIMITS.relayTurnMs) return undefined
    return others
      .slice(0, Math.ceil(others.length / 2))
      .find(({ place }) => now - place.since >= LIMITS.relayTurnMs)?.other
  }

  /** How many places go to the same host, and to the same site. Those that are named do not count. */
  #crowdOf({ host, site }: RelayOrigin): { readonly host: number; readonly site: number } {
    const others = [...this.#places.values()].filter(({ isNamed }) => !isNamed)
    return {
      host: others.filter(place => place.host === host).length,
      site: others.filter(place => place.site === site).length
    }
  }

  #servedBy(name: string, now: number): number {
    const place = this.#places.get(name)
    return (this.#served.get(name) ?? 0) + (place === undefined ? 0 : now - place.since)
  }

  #ask(site: string, now: number): void {
    const since = this.#asking.get(site) ?? now
    this.#asking.delete(site)
    const [first] = this.#asking.keys()
    if (this.#asking.size >= LIMITS.rememberedRelays && first !== undefined) this.#asking.delete(first)
    this.#asking.set(site, since)
  }
}
