import type { Groups } from './groups.js'
import type { ManagedNode } from './managed-node.js'

/** Who is to know whom: tells each node whom to keep connected to and whom to avoid, and looks whether they have met. */
export class Acquaintance {
  /** Undefined while the network is whole. */
  #groups: Groups | undefined

  /** From the first node on. */
  constructor(private readonly nodes: readonly ManagedNode[]) {}

  get groups(): Groups | undefined {
    return this.#groups
  }

  /** From now on nodes have to do with nodes of their own group alone; with all where there are no groups. */
  async divide(groups: Groups | undefined): Promise<void> {
    this.#groups = groups
    await this.tell()
  }

  /** Has each node that runs know where its neighbours are now. Throws Failure where one does not hear. */
  async tell(): Promise<void> {
    const running = this.nodes.filter(({ isRunning }) => isRunning)
    const told = await Promise.allSettled(running.map(node => this.#tell(node)))
    // One that has gone meanwhile is told when it is back.
    for (const [index, result] of told.entries())
      if (result.status === 'rejected' && running[index]?.isRunning) throw result.reason
  }

  /** Who does not know whom yet, among those that run. Undefined where all have met. */
  missing(): string | undefined {
    for (const node of this.nodes)
      for (const other of this.#neighboursOf(node))
        if (node.isRunning && other.isRunning && !node.connected.some(peer => peer === other.peerId))
          return `node ${node.number} and node ${other.number} have not met`
    return undefined
  }

  async #tell(node: ManagedNode): Promise<void> {
    const group = this.#groups?.find(members => members.includes(node.number))
    const apart = this.nodes.filter(other => group !== undefined && !group.includes(other.number))
    // Before it is told where others are: it must not dial whom it is to avoid.
    await node.peer.avoid(apart.flatMap(({ peerId }) => peerId ?? []))
    await node.peer.connect(this.#neighboursOf(node).flatMap(({ addresses }) => addresses))
  }

  #neighboursOf({ neighbours }: ManagedNode): ManagedNode[] {
    return neighbours.flatMap(number => this.nodes[number - 1] ?? [])
  }
}
