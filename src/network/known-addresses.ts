import { LIMITS } from '../core/limits.js'

interface Known {
  /** The tries in a row that have failed. */
  readonly tries: number
  /** The neighbour that told it first. */
  readonly teller: string
}

/**
 * Addresses that may lead to others in a room. Neighbours tell them, and may tell anything: none of them fills all the
 * places, and an address that leads nowhere is tried a few times and then left alone, however often it is told.
 */
export class KnownAddresses {
  readonly #known = new Map<string, Known>()
  /** Those that are never given up. */
  readonly #lasting = new Set<string>()
  /** Until when addresses are not tried again, ms; those given up first come first. */
  readonly #givenUp = new Map<string, number>()

  /** `clock`: a monotonic one, ms. */
  constructor(private readonly clock: () => number) {}

  all(): string[] {
    return [...new Set([...this.#lasting, ...this.#known.keys()])]
  }

  /** One that a neighbour tells of. */
  add(address: string, teller: string): void {
    if (this.#known.has(address) || this.#lasting.has(address) || this.#isGivenUp(address)) return
    if (this.#known.size >= LIMITS.knownAddresses && !this.#makeRoom(teller)) return
    this.#known.set(address, { tries: 0, teller })
  }

  /** One that the peer was started with. */
  keep(address: string): void {
    this.#lasting.add(address)
    this.#known.delete(address)
  }

  /** One that was dialled, and a peer of the room is there. */
  reached(address: string): void {
    if (this.#lasting.has(address)) return
    const { teller } = this.#known.get(address) ?? { teller: address }
    this.#known.set(address, { tries: 0, teller })
  }

  failed(address: string): void {
    const known = this.#known.get(address)
    if (known === undefined) return
    const tries = known.tries + 1
    if (tries < LIMITS.addressTries) {
      this.#known.set(address, { ...known, tries })
      return
    }
    this.#known.delete(address)
    const [first] = this.#givenUp.keys()
    if (this.#givenUp.size >= LIMITS.givenUpAddresses && first !== undefined) this.#givenUp.delete(first)
    this.#givenUp.set(address, this.clock() + LIMITS.addressAgainMs)
  }

  #isGivenUp(address: string): boolean {
    const until = this.#givenUp.get(address)
    if (until === undefined) return false
    if (this.clock() < until) return true
    this.#givenUp.delete(address)
    return false
  }

  /** Forgets one of the peer that has told most of them; false where that is not clearly more than this one has. */
  #makeRoom(teller: string): boolean {
    const told = new Map<string, string[]>()
    for (const [address, known] of this.#known)
      told.set(known.teller, [...(told.get(known.teller) ?? []), address])
    const [most = []] = [...told.values()].toSorted((a, b) => b.length - a.length)
    if (most.length <= (told.get(teller) ?? []).length + 1) return false
    const last = most.at(-1)
    return last !== undefined && this.#known.delete(last)
  }
}
