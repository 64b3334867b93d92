import { setTimeout } from 'node:timers/promises'
import type { PrivateKey } from '@libp2p/interface'
import { type PeerIdBytes, toHex } from '#src/core/bytes.js'
import { Host } from '#src/network/host.js'
import type { ControlledPeer } from '#src/node/controls.js'
import { createFullNode, type FullNodeOptions } from '#src/node/full-node.js'
import type { PeerOptions } from '#src/node/peer-options.js'
import { AccountQueries } from '#src/query/account-queries.js'
import { NodeQueries } from '#src/query/node-queries.js'
import { deadline } from './changes.js'
import type { Cleanup } from './cleanup.js'
import { identity, type TestNetwork } from './networks.js'
import { RunningPeer } from './peers.js'

export interface EqualWishes
  extends Partial<Pick<FullNodeOptions, 'mining' | 'owners' | 'connect' | 'rates'>> {
  readonly who?: string
}

/** A real peer of a network of equals in this process. Mines only where it is wished. Its owner's stop is an event, and no more. */
export class RunningEqual extends RunningPeer {
  private constructor(
    net: TestNetwork,
    folder: string,
    private readonly key: PrivateKey,
    private readonly wishes: EqualWishes
  ) {
    super(net, folder)
  }

  static async start(cleanup: Cleanup, net: TestNetwork, wishes: EqualWishes = {}): Promise<RunningEqual> {
    const key = await identity(wishes.who ?? 'equal')
    const running = new RunningEqual(net, await cleanup.folder(), key, wishes)
    await running.startUntil(cleanup)
    return running
  }

  /** Resolves when so many messages wait for a block. Nothing tells of it, so that it is looked at now and then. */
  async pools(count: number): Promise<void> {
    const late = deadline()
    while (this.controls.status().pool < count) await setTimeout(20, undefined, { signal: late })
  }

  protected override create(peer: Omit<PeerOptions, 'key'>): Promise<ControlledPeer> {
    const { connect = [], owners = [], mining, rates } = this.wishes
    return createFullNode({
      ...peer,
      key: this.key,
      connect,
      owners,
      ...(mining && { mining }),
      ...(rates && { rates }),
      shutdown: () => this.events.report({ event: 'stopped' })
    })
  }
}

/** Resolves when they have one head. Nothing tells of heads that stay as they are, so that it is looked at now and then. */
export async function levelled(...peers: readonly RunningEqual[]): Promise<void> {
  const late = deadline()
  const heads = (): string[] => peers.map(({ controls }) => toHex(controls.status().head))
  while (new Set(heads()).size > 1) await setTimeout(20, undefined, { signal: late })
}

/** Somebody who asks, and is connected. */
export interface Reader {
  readonly host: Host
  readonly peer: PeerIdBytes
  readonly asker: AccountQueries
  readonly node: NodeQueries
}

export async function readerOf(
  cleanup: Cleanup,
  net: TestNetwork,
  address: string,
  who = 'reader'
): Promise<Reader> {
  const host = await Host.create({ key: await identity(who), listen: [], topics: [] })
  await host.start()
  cleanup.add(() => host.stop())
  const peer = await host.connect(address, deadline())
  const asker = new AccountQueries(host, peer, net.rules, () => Date.now())
  return { host, peer, asker, node: new NodeQueries(host, peer, net.network.id) }
}
