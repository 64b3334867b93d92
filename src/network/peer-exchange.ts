import { decodeAddresses, encodeAddresses } from '../core/addresses.js'
import { equal, type Hash, type PeerIdBytes, toHex } from '../core/bytes.js'
import { LIMITS } from '../core/limits.js'
import type { Service } from '../lifecycle/service.js'
import { isIp, isLoopback, withoutPeerId } from './addresses.js'
import type { Channel } from './channel.js'
import type { Host, StreamOptions } from './host.js'
import { ADDRESSES_PROTOCOL } from './names.js'
import { shuffled } from './shuffled.js'

const STREAMS: StreamOptions = {
  streams: LIMITS.addressStreams,
  frameBytes: LIMITS.addressesBytes,
  unreadBytes: 2 * LIMITS.addressesBytes,
  unsentBytes: 2 * LIMITS.addressesBytes
}

/**
 * Both sides of /tallystick/addresses/1: who asks says where it listens, and is told where other neighbours do.
 * Addresses go without PeerIds, and without names, which could lead anywhere. One that leads to a machine itself
 * is told on that machine alone, and believed from nobody else: no stranger makes a peer dial its own ports.
 */
export class PeerExchange implements Service {
  /** Where those who asked listen, as they say. */
  readonly #said = new Map<string, readonly string[]>()
  /** Where neighbours were reached. */
  readonly #reached = new Map<string, readonly string[]>()

  constructor(
    private readonly host: Host,
    private readonly network: Hash
  ) {}

  async start(): Promise<void> {
    await this.host.serve(ADDRESSES_PROTOCOL, STREAMS, (channel, peer) => this.#serve(channel, peer))
  }

  async stop(): Promise<void> {
    await this.host.unserve(ADDRESSES_PROTOCOL)
  }

  /** A neighbour was reached there, and others may be told so. */
  reached(peer: PeerIdBytes, address: string): void {
    const name = toHex(peer)
    this.#reached.set(name, [...new Set([...(this.#reached.get(name) ?? []), address])])
  }

  /** Whether it is where a peer is that is connected now. */
  leadsToNeighbour(address: string): boolean {
    return this.#known().some(({ addresses }) => addresses.includes(address))
  }

  /** Where others are that a peer knows. Throws if it does not tell, or is in another network. */
  async ask(peer: PeerIdBytes, signal: AbortSignal): Promise<readonly string[]> {
    const { host, network } = this
    const channel = await host.open(peer, ADDRESSES_PROTOCOL, STREAMS, signal)
    const mine = this.#passable(host.addresses(), peer)
    await channel.send(encodeAddresses({ network, addresses: mine.slice(0, LIMITS.toldAddresses) }), signal)
    const answer = await channel.receive(signal)
    await channel.close(signal)
    if (answer === undefined) throw new Error('it tells no addresses for this network')
    const { addresses } = decodeAddresses(answer)
    const own = new Set(host.addresses().map(withoutPeerId))
    return this.#passable(addresses, peer).filter(address => !own.has(address))
  }

  async #serve(channel: Channel, peer: PeerIdBytes): Promise<void> {
    const signal = AbortSignal.timeout(LIMITS.frameMs)
    const question = await channel.receive(signal)
    const asked = question && decodeAddresses(question)
    if (asked !== undefined && equal(asked.network, this.network)) {
      this.#said.set(toHex(peer), this.#passable(asked.addresses, peer))
      const others = this.#known().filter(({ name }) => name !== toHex(peer))
      // One of each, so that who listens at many takes no more room.
      const addresses = others.flatMap(other => shuffled(this.#passable(other.addresses, peer)).slice(0, 1))
      const told = shuffled([...new Set(addresses)]).slice(0, LIMITS.toldAddresses)
      await channel.send(encodeAddresses({ network: this.network, addresses: told }), signal)
    }
    await channel.close(signal)
  }

  /** Of those alone that are connected now; the others are forgotten. */
  #known(): { readonly name: string; readonly addresses: readonly string[] }[] {
    const connected = new Set(this.host.peers().map(toHex))
    for (const names of [this.#said, this.#reached])
      for (const name of names.keys()) if (!connected.has(name)) names.delete(name)
    return [...connected].map(name => ({
      name,
      addresses: [...(this.#said.get(name) ?? []), ...(this.#reached.get(name) ?? [])]
    }))
  }

  /** What may go to a peer, or be believed of it. */
  #passable(addresses: readonly string[], peer: PeerIdBytes): string[] {
    const isLocal = this.host.isLocal(peer)
    const plain = addresses.flatMap(address => withoutPeerId(address) ?? [])
    return [...new Set(plain)].filter(address => isIp(address) && (isLocal || !isLoopback(address)))
  }
}
