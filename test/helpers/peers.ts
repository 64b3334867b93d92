import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { PrivateKey } from '@libp2p/interface'
import type { Database } from '#src/chain/store.js'
import type { CheckpointedHeader } from '#src/core/block.js'
import type { PeerIdBytes } from '#src/core/bytes.js'
import type { PeerEvent, Report } from '#src/core/events.js'
import { signerOf } from '#src/core/keys.js'
import type { Network } from '#src/core/network.js'
import { type Client, createClient } from '#src/node/client.js'
import type { ChainHoldings, ControlledPeer, Controls, Holdings } from '#src/node/controls.js'
import { createFollower } from '#src/node/follower.js'
import { openCopy } from '#src/node/following.js'
import type { PeerOptions } from '#src/node/peer-options.js'
import { createSequencer, type Sequencer } from '#src/node/sequencer.js'
import { createSubmittingClient } from '#src/node/submitting-client.js'
import type { Verification } from '#src/replication/chain/block-importer.js'
import type { DatedKey, DatedKeys } from '#src/validation/key-ring.js'
import { Changes, deadline, present } from './changes.js'
import { type CheckedPeer, checkPeer, openDatabase } from './check-peer.js'
import type { Cleanup } from './cleanup.js'
import { encryptionKey, identity, nameOf, type TestNetwork } from './networks.js'

const ANY_PORT = '/ip4/127.0.0.1/tcp/0'

type EventOf<Kind extends PeerEvent['event']> = Extract<PeerEvent, { readonly event: Kind }>

/** All that a peer has reported, over its restarts. */
class EventLog extends Changes {
  readonly #events: PeerEvent[] = []

  /** What the peer could not go on after. */
  readonly failures: Error[] = []

  readonly report: Report = event => {
    this.#events.push(event)
    this.changed()
  }

  readonly failed = (error: Error): void => {
    this.failures.push(error)
    this.changed()
  }

  of<Kind extends PeerEvent['event']>(kind: Kind): EventOf<Kind>[] {
    return this.#events.filter((event): event is EventOf<Kind> => event.event === kind)
  }

  count(kind: PeerEvent['event']): number {
    return this.of(kind).length
  }

  /** Resolves when `kind` has been reported `count` times in all. */
  async times(kind: PeerEvent['event'], count: number): Promise<void> {
    await this.until(`${count} times "${kind}"`, () => this.count(kind) >= count)
  }

  protected override describe(): string {
    const kinds = [...new Set(this.#events.map(({ event }) => event))]
    const refusals = this.of('refused').map(({ reason, detail }) => `${reason}: ${detail}`)
    const warnings = this.of('warning').map(({ message }) => message)
    return [
      ...this.failures.map(({ message }) => `failed: ${message}`),
      ...kinds.map(kind => `${this.count(kind)} ${kind}`),
      ...refusals.slice(-5),
      ...warnings.slice(-5)
    ].join('\n')
  }
}

/** What a test may want of any peer. */
export type PeerWishes = Pick<PeerOptions, 'admitted' | 'swarmKey' | 'rates' | 'muxers'>

export interface FollowerWishes extends PeerWishes {
  /** Hears of the database each time it has been opened. */
  readonly opened?: (database: Database) => void
}

export interface ClientWishes extends PeerWishes {
  /** It keeps a copy of the chain and verifies so much of it; a light client where it is left out. */
  readonly verify?: Verification
  /** ms since 1970. */
  readonly now?: () => number
}

export interface SequencerWishes extends FollowerWishes {
  /** Whether it goes on with a folder that is older than what a follower has: a liar does. */
  readonly signsAgain?: boolean
  /** ms since 1970. */
  readonly now?: () => number
  /** Monotonic, ms. */
  readonly clock?: () => number
  readonly openingKeys?: DatedKeys
  readonly keyGraceMs?: number
  /** What it connects by, where that is not the key that signs. */
  readonly identity?: PrivateKey
  /** The address of another one, that has stopped. */
  readonly listen?: string
}

/** A real peer in this process, on a port and in a folder that it keeps over its restarts. */
export abstract class RunningPeer<
  Net extends { readonly network: Network } = TestNetwork,
  Has extends Holdings = ChainHoldings
> {
  readonly events = new EventLog()
  /** Set where the test wants the peer to fail. */
  mayFail = false
  #service: ControlledPeer<Has> | undefined
  #database: Database | undefined
  #address: string

  protected constructor(
    readonly net: Net,
    readonly folder: string,
    listen = ANY_PORT
  ) {
    this.#address = listen
  }

  protected abstract create(peer: Omit<PeerOptions<Net['network']>, 'key'>): Promise<ControlledPeer<Has>>

  protected async startUntil(cleanup: Cleanup): Promise<void> {
    cleanup.add(async () => {
      await this.stop()
      if (!this.mayFail) assert.deepEqual(this.events.failures, [], 'the peer failed')
    })
    await this.start()
  }

  /** With the PeerId at its end. */
  get address(): string {
    return this.#address
  }

  get controls(): Controls<Has> {
    return present(this.#service, 'the peer').controls
  }

  get blocks(): CheckpointedHeader[] {
    return this.events.of('block').map(({ signed }) => signed)
  }

  async start(): Promise<void> {
    const database = await openDatabase(this.folder)
    this.#database = database
    this.#service = await this.create({
      network: this.net.network,
      database,
      listen: [this.#address.replace(/\/p2p\/.*$/, '')],
      now: () => Date.now(),
      report: this.events.report,
      failed: this.events.failed
    })
    await this.#service.start()
    this.#address = present(this.events.of('started').at(-1)?.addresses[0], 'the address')
  }

  async stop(): Promise<void> {
    const [service, database] = [this.#service, this.#database]
    this.#service = undefined
    this.#database = undefined
    try {
      await service?.stop()
    } finally {
      await database?.close()
    }
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }
}

export class RunningSequencer extends RunningPeer {
  #sequencer: Sequencer | undefined
  #keys: DatedKeys

  private constructor(
    net: TestNetwork,
    folder: string,
    private readonly wishes: SequencerWishes
  ) {
    super(net, folder, wishes.listen)
    this.#keys = wishes.openingKeys ?? [net.openingKey]
  }

  static async start(
    cleanup: Cleanup,
    net: TestNetwork,
    wishes: SequencerWishes = {},
    folder?: string
  ): Promise<RunningSequencer> {
    const running = new RunningSequencer(net, folder ?? (await cleanup.folder()), wishes)
    await running.startUntil(cleanup)
    return running
  }

  protected override async create(peer: Omit<PeerOptions, 'key'>): Promise<ControlledPeer> {
    const { net, wishes } = this
    const { opened, admitted, swarmKey, rates, muxers } = wishes
    opened?.(peer.database)
    const { keyGraceMs, clock, signsAgain } = wishes
    this.#sequencer = await createSequencer({
      ...peer,
      ...(admitted && { admitted }),
      ...(swarmKey && { swarmKey }),
      ...(rates && { rates }),
      ...(muxers && { muxers }),
      key: wishes.identity ?? net.key,
      ...(wishes.identity && { signer: net.signer }),
      now: wishes.now ?? peer.now,
      openingKeys: this.#keys,
      ...(clock && { clock }),
      ...(signsAgain !== undefined && { signsAgain }),
      ...(keyGraceMs !== undefined && { keyGraceMs })
    })
    return this.#sequencer
  }

  /** Newest first. */
  get keys(): DatedKeys {
    return this.#keys
  }

  override async stop(): Promise<void> {
    this.#sequencer = undefined
    await super.stop()
  }

  /** Puts a new encryption key before those it has; it takes it up at once where it runs. */
  async rotate(name: string): Promise<DatedKey> {
    const key = { ...(await encryptionKey(name)), made: (this.wishes.now ?? Date.now)() }
    this.#keys = [key, ...this.#keys]
    await this.#sequencer?.useKeys(this.#keys)
    return key
  }

  /** Stops it and verifies all that it has on disk. */
  async check(): Promise<CheckedPeer> {
    await this.stop()
    return checkPeer(this.folder, this.net, { openingKeys: this.#keys })
  }
}

export class RunningFollower extends RunningPeer {
  private constructor(
    net: TestNetwork,
    folder: string,
    private readonly key: PrivateKey,
    private readonly connect: readonly string[],
    private readonly wishes: FollowerWishes
  ) {
    super(net, folder)
  }

  static async start(
    cleanup: Cleanup,
    net: TestNetwork,
    connect: readonly string[],
    who = 'follower',
    wishes: FollowerWishes = {}
  ): Promise<RunningFollower> {
    const running = new RunningFollower(net, await cleanup.folder(), await identity(who), connect, wishes)
    await running.startUntil(cleanup)
    return running
  }

  protected override create(peer: Omit<PeerOptions, 'key'>): Promise<ControlledPeer> {
    const { opened, ...wishes } = this.wishes
    opened?.(peer.database)
    return createFollower({
      ...peer,
      ...wishes,
      key: this.key,
      connect: this.connect,
      verification: 'full'
    })
  }

  /** Resolves when it has this block. */
  async has(height: number): Promise<CheckpointedHeader> {
    await this.events.until(`block ${height}`, () =>
      this.blocks.some(({ header }) => header.height === height)
    )
    return present(this.blocks.find(({ header }) => header.height === height))
  }

  /** Stops it and verifies all that it has on disk. */
  async check(): Promise<CheckedPeer> {
    await this.stop()
    return checkPeer(this.folder, this.net, { receipts: false })
  }
}

/** A real client in this process, of a sequencer or among equals, in a folder that it keeps over its restarts. */
export class RunningClient {
  readonly events = new EventLog()
  #client: Client<Holdings> | undefined
  #databases: readonly Database[] = []

  private constructor(
    readonly net: TestNetwork,
    readonly key: PrivateKey,
    readonly folder: string,
    private readonly connect: readonly string[],
    private readonly wishes: ClientWishes
  ) {}

  /** Has reached nobody yet. */
  static async start(
    cleanup: Cleanup,
    net: TestNetwork,
    connect: string | readonly string[],
    who: string | PrivateKey = 'client',
    wishes: ClientWishes = {}
  ): Promise<RunningClient> {
    const key = typeof who === 'string' ? await identity(who) : who
    const running = new RunningClient(net, key, await cleanup.folder(), [connect].flat(), wishes)
    cleanup.add(() => running.stop())
    await running.start()
    return running
  }

  /** Has reached its sequencer, or one of the peers it was given. */
  static async connected(
    cleanup: Cleanup,
    net: TestNetwork,
    connect: string | readonly string[],
    who: string | PrivateKey = 'client',
    wishes: ClientWishes = {}
  ): Promise<RunningClient> {
    const running = await RunningClient.start(cleanup, net, connect, who, wishes)
    await running.client.connected(deadline())
    return running
  }

  get client(): Client<Holdings> {
    return present(this.#client, 'the client')
  }

  get peerId(): PeerIdBytes {
    return signerOf(this.key).peerId
  }

  get name(): string {
    return nameOf(this.key)
  }

  get receipts(): EventOf<'receipt'>[] {
    return this.events.of('receipt')
  }

  async start(): Promise<void> {
    const { verify: verification, ...wishes } = this.wishes
    const database = await openDatabase(this.folder)
    this.#databases = [database]
    const kept = verification && (await openDatabase(this.#copy))
    if (kept) this.#databases = [database, kept]
    const copy = verification && kept && (await openCopy(kept, this.net.rules, verification))
    const create = this.net.rules.ordering.bodies === 'sealed' ? createClient : createSubmittingClient
    const client: Client<Holdings> = await create({
      ...wishes,
      copy,
      key: this.key,
      network: this.net.network,
      database,
      listen: [],
      now: wishes.now ?? Date.now,
      report: this.events.report,
      failed: this.events.failed,
      connect: this.connect
    })
    this.#client = client
    await client.start()
  }

  async stop(): Promise<void> {
    const [client, databases] = [this.#client, this.#databases]
    this.#client = undefined
    this.#databases = []
    try {
      await client?.stop()
    } finally {
      for (const database of databases) await database.close()
    }
  }

  /** Stops it and verifies its copy of the chain. */
  async checkCopy(): Promise<CheckedPeer> {
    await this.stop()
    return checkPeer(this.#copy, this.net, { receipts: false })
  }

  get #copy(): string {
    return join(this.folder, 'chain')
  }

  /** Sends `count` valid messages, one after the other. */
  async send(count: number, about = 'message'): Promise<void> {
    for (let index = 0; index < count; index += 1)
      await this.client.send({ text: `${about} ${index}` }, deadline())
  }

  /** Resolves when it has `count` receipts in all. */
  async receipted(count: number): Promise<void> {
    await this.events.times('receipt', count)
  }

  /** What it gives up with, once it has. */
  async failure(): Promise<string> {
    const { failures } = this.events
    await this.events.until('it gives up', () => failures.length > 0)
    return present(failures[0]).message
  }

  /** Resolves when the sequencer has gone and the client knows. */
  async alone(times = 1): Promise<void> {
    await this.events.times('disconnected', times)
  }
}
