import assert from 'node:assert/strict'
import type { PrivateKey } from '@libp2p/interface'
import { submit } from '#src/client/submission-client.js'
import { type PeerIdBytes, toHex } from '#src/core/bytes.js'
import type { SetNetwork } from '#src/core/network.js'
import type { SubmissionResult } from '#src/core/submission.js'
import { Host } from '#src/network/host.js'
import type { ControlledPeer, SetHoldings } from '#src/node/controls.js'
import type { PeerOptions } from '#src/node/peer-options.js'
import { createReplica } from '#src/node/replica.js'
import { SetQueries } from '#src/replication/set/set-queries.js'
import { networkOf } from '#src/rules/network-document.js'
import { envelopesOf, type Made } from './authors.js'
import { deadline } from './changes.js'
import type { Cleanup } from './cleanup.js'
import { identity } from './networks.js'
import { ledgerOf } from './payers.js'
import { type PeerWishes, RunningPeer } from './peers.js'

export interface UnorderedTestNetwork {
  readonly network: SetNetwork
}

/** `grants`: what these have at first, by the names of their identities. */
export async function makeUnorderedNetwork(
  grants: Readonly<Record<string, bigint>>,
  wishes: { readonly name?: string; readonly leastFee?: bigint } = {}
): Promise<UnorderedTestNetwork> {
  const { name = 'unordered', ...terms } = wishes
  const network = networkOf({
    tallystick: 1,
    name,
    ordering: { type: 'none' },
    application: await ledgerOf(grants, terms),
    limits: { messageBytes: 4096 }
  })
  assert.ok(network.kind === 'set')
  return { network }
}

/** A peer of a network with no order, in this process. */
export class RunningUnordered extends RunningPeer<UnorderedTestNetwork, SetHoldings> {
  private constructor(
    net: UnorderedTestNetwork,
    folder: string,
    private readonly key: PrivateKey,
    private readonly connect: readonly string[],
    private readonly wishes: PeerWishes
  ) {
    super(net, folder)
  }

  static async start(
    cleanup: Cleanup,
    net: UnorderedTestNetwork,
    who: string,
    connect: readonly string[] = [],
    wishes: PeerWishes = {}
  ): Promise<RunningUnordered> {
    const running = new RunningUnordered(net, await cleanup.folder(), await identity(who), connect, wishes)
    await running.startUntil(cleanup)
    return running
  }

  protected override create(
    peer: Omit<PeerOptions<SetNetwork>, 'key'>
  ): Promise<ControlledPeer<SetHoldings>> {
    return createReplica({ ...peer, ...this.wishes, key: this.key, connect: this.connect })
  }

  /** What it has come to, as it said last. */
  get digest(): string {
    return toHex(this.controls.status().digest)
  }

  /** Resolves when it has so many transfers. */
  async has(count: number): Promise<void> {
    await this.events.until(`${count} transfers`, () => this.controls.status().transfers >= count)
  }
}

/** Somebody who hands transfers in, and asks. */
export class Customer {
  private constructor(
    readonly net: UnorderedTestNetwork,
    readonly host: Host,
    readonly peer: PeerIdBytes,
    readonly asker: SetQueries
  ) {}

  static async of(
    cleanup: Cleanup,
    { net, address }: Pick<RunningUnordered, 'net' | 'address'>,
    who = 'customer'
  ): Promise<Customer> {
    const host = await Host.create({ key: await identity(who), listen: [], topics: [] })
    await host.start()
    cleanup.add(() => host.stop())
    const peer = await host.connect(address, deadline())
    return new Customer(net, host, peer, new SetQueries(host, peer, net.network))
  }

  handIn(...transfers: readonly Pick<Made, 'envelope'>[]): Promise<readonly SubmissionResult[]> {
    return submit(this.host, this.peer, this.net.network.id, envelopesOf(transfers), deadline())
  }

  /** What each account has, by its PeerId in hex. */
  async balances(): Promise<ReadonlyMap<string, bigint>> {
    const all = await this.asker.balances()
    return new Map(all.map(({ id, balance }) => [toHex(id), balance]))
  }
}
