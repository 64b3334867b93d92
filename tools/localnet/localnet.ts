import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { LedgerSection } from '#src/applications/ledger/section.js'
import { Failure } from '#src/cli/failure.js'
import { exists, readNetwork } from '#src/cli/files/files.js'
import { makeFolder } from '#src/cli/files/make-folder.js'
import {
  encryptionKeyBeside,
  makeNetwork,
  type NetworkWishes,
  type NewNetworkFiles,
  readJson
} from '#src/cli/make-network.js'
import { DEFAULTS } from '#src/cli/options.js'
import type { Network } from '#src/core/network.js'
import type { WorkSection } from '#src/orderings/proof-of-work/section.js'
import type { SequencerSection } from '#src/orderings/sequencer/section.js'
import { onParentExit } from './parent-exit.js'
import { type Home, Peer, type PeerSetup, type Work } from './peer.js'
import type { LocalEvent } from './peer-events.js'
import type { Exit } from './peer-process.js'

export type LocalnetOptions = NetworkOptions & {
  /** Where keys, databases and the network document are kept. A temporary folder, removed by `stop`, where it is left out. */
  readonly folder?: string
}

/** What a new network is like; a sequencer orders it where nothing is said. A folder that holds one already keeps the one it has. */
type NetworkOptions =
  | { readonly ordering?: 'sequencer'; readonly network?: Wishes<SequencerSection> }
  | { readonly ordering: 'work'; readonly network?: Wishes<WorkSection> }
  | { readonly ordering: 'none'; readonly network?: Omit<CommonWishes, 'schema'> }

/** What all peers of it share. */
interface LocalnetFiles extends NewNetworkFiles {
  readonly encryptionKey: string
}

interface CommonWishes extends Pick<NetworkWishes, 'template' | 'name' | 'members'> {
  /** A file with the JSON Schema of messages. */
  readonly schema?: string
  /** A ledger in place of the template's application. */
  readonly ledger?: LedgerSection
}

/** With fields of the ordering's section in place of the template's. */
type Wishes<S> = CommonWishes & Partial<Omit<S, 'type'>>

/**
 * Peers of one network as real processes on this machine, each with a key and a database of its own, on
 * ports that the system chooses.
 *
 * Nothing outlives this process: an exit or an exception of it kills the peers; where it dies by a signal
 * it does not handle (SIGKILL always, SIGINT and SIGTERM by default), the peers see their channel to it
 * close and stop by themselves. Only a temporary folder stays behind then.
 */
export class Localnet {
  readonly #peers: Peer[] = []
  readonly #listeners = new Set<(peer: Peer, event: LocalEvent) => void>()
  readonly #home: Home = {
    expectOpen: name => {
      if (this.#isStopping)
        throw new Failure('ERR_PEER_STATE', `${name} is not started: the network is stopping`)
    },
    hear: (...heard) => {
      for (const listener of this.#listeners) listener(...heard)
    }
  }
  #isStopping = false
  #followers = 0
  #miners = 0
  #clients = 0

  private constructor(
    /** The network document all peers share. */
    readonly network: Network,
    readonly folder: string,
    /** The network document, and the sequencer's two keys where there is one. */
    readonly files: LocalnetFiles,
    private readonly removeFolder: () => Promise<void>
  ) {}

  /** Makes the network document, and the keys of its sequencer; starts nothing yet. */
  static async create(options: LocalnetOptions = {}): Promise<Localnet> {
    const folder = resolve(options.folder ?? (await mkdtemp(join(tmpdir(), 'tallystick-'))))
    const removeFolder = options.folder === undefined ? temporary(folder) : async () => undefined
    const key = join(folder, 'keys', 'sequencer.key')
    const files = { network: join(folder, 'network.json'), key, encryptionKey: encryptionKeyBeside(key) }
    try {
      await makeFolder(folder)
      return new Localnet(await readOrMake(files, options), folder, files, removeFolder)
    } catch (error) {
      await removeFolder()
      throw error
    }
  }

  /** All that have been started, in that order, running or not. */
  get peers(): readonly Peer[] {
    return this.#peers
  }

  /** Hears every event of every peer, from its first one on. Gives a function that ends it. */
  onEvent(listener: (peer: Peer, event: LocalEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Resolves when it listens. `name`: of its database, `sequencer` where it is left out. `listen` without a
   * PeerId; a free port of 127.0.0.1 where it is left out.
   */
  async startSequencer(options: { readonly name?: string; readonly listen?: string } = {}): Promise<Peer> {
    const { name = 'sequencer', listen } = options
    return this.#start({
      name,
      role: 'sequencer',
      network: this.files.network,
      key: this.files.key,
      data: join(this.folder, 'data', name),
      listen: [listen ?? DEFAULTS.anyPort],
      connect: [],
      work: {}
    })
  }

  /**
   * Resolves when the follower listens; it may not have caught up yet. `name`: `follower-1`, `follower-2`, …
   * where it is left out. `connect`: the sequencer of this network where it is left out.
   */
  async startFollower(
    options: { readonly name?: string; readonly connect?: readonly string[] } = {}
  ): Promise<Peer> {
    this.#followers += 1
    const { name = `follower-${this.#followers}`, connect } = options
    return this.#start({
      name,
      role: 'follower',
      network: this.files.network,
      key: join(this.folder, 'keys', `${name}.key`),
      data: join(this.folder, 'data', name),
      listen: [DEFAULTS.anyPort],
      connect: connect ?? this.#sequencerAddresses(),
      work: {}
    })
  }

  /**
   * Resolves when the miner listens. It mines `mine` blocks unasked, without end where that is left out. `name`:
   * `miner-1`, `miner-2`, … where it is left out. `connect`: nobody where it is left out.
   */
  async startMiner(
    options: { readonly name?: string; readonly connect?: readonly string[]; readonly mine?: number } = {}
  ): Promise<Peer> {
    this.#miners += 1
    const { name = `miner-${this.#miners}`, connect = [], ...work } = options
    return this.#start({
      name,
      role: 'miner',
      network: this.files.network,
      key: join(this.folder, 'keys', `${name}.key`),
      data: join(this.folder, 'data', name),
      listen: [DEFAULTS.anyPort],
      connect,
      work
    })
  }

  /**
   * Resolves when the client runs; it may not be connected yet, and counts no time before it is. `name`: of
   * its key and its database, `client-1`, `client-2`, … where it is left out. `connect`: the sequencer of
   * this network where it is left out.
   */
  async startClient(
    options: Work & { readonly name?: string; readonly connect?: readonly string[] } = {}
  ): Promise<Peer> {
    this.#clients += 1
    const { name = `client-${this.#clients}`, connect, ...work } = options
    return this.#start({
      name,
      role: 'client',
      network: this.files.network,
      key: join(this.folder, 'keys', `${name}.key`),
      data: join(this.folder, 'data', name),
      listen: [DEFAULTS.anyPort],
      connect: connect ?? this.#sequencerAddresses(),
      work
    })
  }

  /** Stops all peers, clients first, and resolves when every one is reaped, with how it ended. Starts no more from then on. */
  async stopPeers(): Promise<ReadonlyMap<Peer, Exit>> {
    this.#isStopping = true
    const exits = new Map<Peer, Exit>()
    const failures: unknown[] = []
    for (const role of ['client', 'follower', 'miner', 'sequencer'] as const) {
      const peers = this.#peers.filter(peer => peer.role === role)
      const stopped = await Promise.allSettled(
        peers.map(async peer => {
          exits.set(peer, await peer.stop())
        })
      )
      for (const result of stopped) if (result.status === 'rejected') failures.push(result.reason)
    }
    if (failures.length > 0) throw failures[0]
    return exits
  }

  /** Stops all peers and removes the folder if it is a temporary one. May be called again. */
  async stop(): Promise<void> {
    try {
      await this.stopPeers()
    } finally {
      await this.removeFolder()
    }
  }

  async #start(setup: PeerSetup): Promise<Peer> {
    if (this.#peers.some(peer => peer.name === setup.name))
      throw new Failure(
        'ERR_PEER_STATE',
        `there is a peer named ${setup.name} already; restart that one, or give another name`
      )
    const peer = new Peer(setup, this.#home)
    const started = peer.start()
    // It runs from here on, and is stopped with the others even if it never says that it started.
    this.#peers.push(peer)
    try {
      await started
    } catch (error) {
      this.#peers.splice(this.#peers.indexOf(peer), 1)
      throw error
    }
    return peer
  }

  #sequencerAddresses(): readonly string[] {
    const sequencer = this.#peers.find(peer => peer.role === 'sequencer')
    if (sequencer === undefined)
      throw new Failure(
        'ERR_PEER_STATE',
        'start the sequencer before its clients, or tell them where to connect'
      )
    return sequencer.addresses
  }
}

async function readOrMake(files: LocalnetFiles, options: NetworkOptions): Promise<Network> {
  if (await exists(files.network)) {
    if (options.network === undefined && options.ordering === undefined) return readNetwork(files.network)
    throw new Failure(
      'ERR_EXISTS',
      `${files.network} exists already; leave out what the network is to be like, or name another folder`
    )
  }
  const { template, name, schema, ledger, members, ...section }: Wishes<object> = options.network ?? {}
  return makeNetwork(files, options.ordering ?? 'sequencer', {
    section,
    ...(template !== undefined && { template }),
    ...(name !== undefined && { name }),
    ...(schema !== undefined && { applicationFile: schema, ...(await withSchema(schema)) }),
    ...(ledger && { application: () => ({ ...ledger }) }),
    ...(members && { members })
  })
}

async function withSchema(file: string): Promise<Pick<NetworkWishes, 'application'>> {
  const schema = await readJson(file)
  return { application: template => ({ ...template, schema }) }
}

/** Removes a folder when asked, or when this process exits before. */
function temporary(folder: string): () => Promise<void> {
  const options = { recursive: true, force: true, maxRetries: 3 } as const
  const release = onParentExit(() => {
    try {
      rmSync(folder, options)
    } catch {
      // A peer that has just been killed may still be letting go of it.
    }
  })
  return async () => {
    await rm(folder, options)
    release()
  }
}
