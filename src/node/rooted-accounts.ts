import type { Rules } from '../chain/cursor.js'
import { type PeerIdBytes, toHex } from '../core/bytes.js'
import type { Host } from '../network/host.js'
import { AccountAsker, type ShownAccount } from './account-asker.js'
import { VerifiedChain } from './verified-chain.js'

export interface RootedAccountsOptions {
  readonly host: Host
  readonly rules: Rules
  /** ms since 1970. */
  readonly now: () => number
  /** Those that are connected now: of others nothing is kept. */
  readonly peers: () => readonly PeerIdBytes[]
}

/**
 * What accounts have, among equals, where a header alone costs next to nothing to make: it must stand on the chain that
 * its peer shows from the genesis on. The chain of each peer that is asked is verified once, and followed from there.
 */
export class RootedAccounts {
  readonly #askers = new Map<string, AccountAsker>()

  constructor(private readonly options: RootedAccountsOptions) {}

  /** Throws Untrue where what the peer shows does not hold, QueryFailed where it does not answer. */
  ask(peer: PeerIdBytes, account: PeerIdBytes): Promise<ShownAccount> {
    const connected = new Set(this.options.peers().map(toHex))
    for (const name of this.#askers.keys()) if (!connected.has(name)) this.#askers.delete(name)
    const name = toHex(peer)
    const asker = this.#askers.get(name) ?? this.#askerOf(peer)
    this.#askers.set(name, asker)
    return asker.account(account)
  }

  #askerOf(peer: PeerIdBytes): AccountAsker {
    const { host, rules, now } = this.options
    const asker = new AccountAsker(host, peer, rules, now)
    asker.tieToChain(new VerifiedChain(asker, rules, now))
    return asker
  }
}
