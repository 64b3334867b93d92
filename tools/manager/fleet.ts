import { Failure, UsageError } from '#src/cli/failure.js'
import { toHex } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import { elapsed, Wakeup, within } from '#src/lifecycle/waiting.js'
import type { LocalEvent, Localnet, Peer } from '../localnet/index.js'
import { Random } from '../localnet/random.js'
import { describeTopology, neighboursIn } from '../localnet/topology.js'
import { Acquaintance } from './acquaintance.js'
import type { NetworkEvent, NetworkEventOf } from './events.js'
import { type Groups, groupsAmong } from './groups.js'
import { ManagedNode } from './managed-node.js'
import type { Plan } from './plan.js'

/** How many processes begin at the same time: each of them needs a second of a processor. */
const STARTS_AT_ONCE = 8

/** The nodes of a managed network: who runs, and what becomes of them. */
export class Fleet {
  readonly nodes: readonly ManagedNode[]
  readonly #acquaintance: Acquaintance
  readonly #stopping = new AbortController()
  readonly #looked = new Wakeup()
  readonly #shown = new Map<ManagedNode, string>()
  #watching: Promise<unknown> = Promise.resolve()
  /** Whatever changes the network is done after what was asked for before it. */
  #turn: Promise<unknown> = Promise.resolve()

  /** `hear` is told all that happens. */
  constructor(
    private readonly net: Localnet,
    private readonly plan: Plan,
    private readonly hear: (event: NetworkEvent) => void
  ) {
    const neighbours = neighboursIn(plan.topology, plan.roles.length, new Random(plan.seed))
    this.nodes = plan.roles.map((role, index) => {
      const numbers = (neighbours[index] ?? []).map(other => other + 1)
      return new ManagedNode(index + 1, role, numbers, node => this.#ended(node))
    })
    this.#acquaintance = new Acquaintance(this.nodes)
    net.onEvent(({ name }, event) => {
      const node = this.nodes.find(({ number }) => nameOf(number) === name)
      if (node !== undefined) this.#tell(node.number, event)
    })
  }

  /** Resolves when all run and each knows its neighbours. Throws Failure where that does not come about. */
  start(): Promise<void> {
    return this.#inTurn(async () => {
      for (const node of this.nodes) this.#show(node)
      const waiting = [...this.nodes]
      const startOneByOne = async (): Promise<void> => {
        for (let node = waiting.shift(); node !== undefined; node = waiting.shift()) {
          node.runs(await this.#launch(node))
          this.#show(node)
        }
      }
      await Promise.all(Array.from({ length: STARTS_AT_ONCE }, startOneByOne))
      await this.#acquaintance.tell()
      this.#watching = Promise.all(this.nodes.map(node => this.#watch(node)))
      await this.#met()
      this.hear(this.network())
    })
  }

  /** Stops all, whatever else is being done. Resolves when every process is reaped. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the network is stopping'))
    try {
      await this.net.stop()
    } finally {
      await this.#watching
    }
  }

  network(): NetworkEventOf<'network'> {
    const { ordering, topology, seed } = this.plan
    return {
      event: 'network',
      folder: this.net.folder,
      network: toHex(this.net.network.id),
      ordering,
      topology: describeTopology(topology),
      seed,
      pid: process.pid,
      nodes: this.nodes.length,
      groups: this.#acquaintance.groups ?? null
    }
  }

  /** What is known of a node. Throws UsageError where there is none of that number. */
  nodeAt(number: number): NetworkEventOf<'node'> {
    return this.#node(number).event()
  }

  /** Asks all nodes how they do, now. */
  async look(): Promise<void> {
    await Promise.all(this.nodes.map(node => this.#lookAt(node)))
  }

  /** Throws Failure where this node, or where null is given every node, does not mine. */
  async mine(number: number | null, count: number): Promise<NetworkEventOf<'mined'>[]> {
    const node = number === null ? this.#miner() : this.#running(number)
    const blocks = await node.peer.mine(count)
    return blocks.map(({ height, id }) => ({ event: 'mined', node: node.number, height, id }))
  }

  /** Starts a node once more, on its folder and address. */
  startNode(number: number): Promise<void> {
    return this.#inTurn(async () => {
      const node = this.#node(number)
      if (node.isRunning)
        throw new Failure('ERR_PEER_STATE', `node ${number} runs already, as process ${node.peer.pid}`)
      node.starts()
      this.#show(node)
      try {
        await node.peer.restart()
        node.runs(node.peer)
      } catch (error) {
        node.failed()
        throw error
      } finally {
        this.#show(node)
      }
      await this.#acquaintance.tell()
    })
  }

  /** Stops a node in order: it leaves its topics, and the others forget it. */
  async stopNode(number: number): Promise<void> {
    const { code } = await this.#inTurn(() => this.#running(number).peer.stop())
    // The others are being told.
    await this.#turn
    if (code !== 0)
      throw new Failure('ERR_PEER_FAILED', `node ${number} did not stop in order and was killed`)
  }

  /** As a crash would: the others look for it until it is back. */
  killNode(number: number): Promise<void> {
    return this.#inTurn(async () => {
      const { peer } = this.#running(number)
      peer.kill()
      await peer.exit()
    })
  }

  /** From now on nodes have to do with nodes of their own group alone. Throws UsageError where these are no groups of this network. */
  divide(named: Groups): Promise<void> {
    return this.#inTurn(async () => {
      const read = groupsAmong(named, this.nodes.length)
      if (!read.ok) throw new UsageError(read.why)
      await this.#group(read.groups)
    })
  }

  /** All have to do with all again. */
  heal(): Promise<void> {
    return this.#inTurn(() => this.#group(undefined))
  }

  async #group(groups: Groups | undefined): Promise<void> {
    await this.#acquaintance.divide(groups)
    this.hear(this.network())
  }

  #launch({ number, role }: ManagedNode): Promise<Peer> {
    const name = nameOf(number)
    switch (role) {
      case 'sequencer':
        return this.net.startSequencer({ name })
      case 'follower':
        return this.net.startFollower({ name, connect: [] })
      case 'miner':
        return this.net.startMiner({ name, ...(this.plan.mine !== undefined && { mine: this.plan.mine }) })
    }
  }

  #ended(node: ManagedNode): void {
    this.#show(node)
    if (this.#stopping.signal.aborted || node.state !== 'stopped') return
    // One that does not answer is shown as silent.
    this.#inTurn(() => this.#acquaintance.tell()).catch(() => undefined)
  }

  async #watch(node: ManagedNode): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#lookAt(node)
      this.#looked.wake()
      await elapsed(LIMITS.statusMs, signal)
    }
  }

  async #lookAt(node: ManagedNode): Promise<void> {
    await node.look()
    this.#show(node)
  }

  async #met(): Promise<void> {
    const late = within(LIMITS.meetMs, this.#stopping.signal)
    for (;;) {
      const missing = this.#acquaintance.missing()
      if (missing === undefined) return
      if (late.aborted) throw new Failure('ERR_NOT_SETTLED', `${missing} within ${LIMITS.meetMs / 1000} s`)
      await this.#looked.wait(late)
    }
  }

  /** What a node says itself, where it is worth a line. */
  #tell(node: number, event: LocalEvent): void {
    if (event.event === 'reorg') {
      const { from, to, depth } = event
      this.hear({ event: 'reorg', node, from, to, depth })
    } else if (event.event === 'reorgRefused') {
      const { peerId, height, id, allowed } = event
      this.hear({ event: 'reorgRefused', node, peerId, height, id, allowed })
    }
  }

  #show(node: ManagedNode): void {
    const event = node.event()
    const text = JSON.stringify(event)
    if (this.#shown.get(node) === text) return
    this.#shown.set(node, text)
    this.hear(event)
  }

  #node(number: number): ManagedNode {
    const node = this.nodes[number - 1]
    if (node === undefined)
      throw new UsageError(`there is no node ${number}; the nodes are 1 to ${this.nodes.length}`)
    return node
  }

  #running(number: number): ManagedNode {
    const node = this.#node(number)
    if (node.isRunning) return node
    throw new Failure(
      'ERR_PEER_STATE',
      `node ${number} does not run: it is ${node.state}; start it with: tallystick network start --node ${number}`
    )
  }

  #miner(): ManagedNode {
    const miners = this.nodes.filter(({ role }) => role === 'miner')
    const miner = miners.find(({ isRunning }) => isRunning)
    if (miner !== undefined) return miner
    throw new Failure(
      'ERR_PEER_STATE',
      miners.length > 0
        ? 'no miner runs; start one with: tallystick network start --node I'
        : `no node of this network mines: its ordering is ${this.plan.ordering}`
    )
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(action)
    this.#turn = done.catch(() => undefined)
    return done
  }
}

function nameOf(number: number): string {
  return `node-${number}`
}
