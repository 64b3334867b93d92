import { type Signer, signerOf } from '#src/core/keys.js'
import { present } from '../helpers/changes.js'
import { identity } from '../helpers/networks.js'
import { BlockGossip } from './block-gossip.js'
import { Churn } from './churn.js'
import { rulesWith } from './faults.js'
import { FoundBlocks } from './found-blocks.js'
import { Links } from './links.js'
import { MessageGossip } from './message-gossip.js'
import { Observations } from './observations.js'
import { HOUR, type SimulationOptions } from './options.js'
import { Partitions } from './partitions.js'
import { Peer, type Surroundings } from './peer.js'
import { Polling } from './polling.js'
import { streamOf } from './random.js'
import type { Regime, VirtualNode } from './regime.js'
import { firstDifficulty, rulesFor } from './rules.js'
import { SequencerRegime } from './sequencer-regime.js'
import { Violations } from './violations.js'
import { VirtualTime } from './virtual-time.js'
import { WorkRegime } from './work-regime.js'
import { Writing } from './writing.js'

/** So many of the nodes write messages, at most. */
const WRITERS = 16
/** So often in an interval a node asks a neighbour for its head, and a writer sends what has no receipt. */
const POLLS = 10

/** Nodes with their real chains, between which all is virtual: time, links, hash power. */
export class VirtualNetwork {
  readonly time = new VirtualTime()
  readonly violations = new Violations(this.time)
  readonly surroundings: Surroundings
  readonly observations: Observations
  readonly partitions: Partitions
  readonly nodes: readonly VirtualNode[]
  readonly regime: Regime
  readonly writing: Writing
  readonly churn: Churn

  static async create(options: SimulationOptions): Promise<VirtualNetwork> {
    const signers: Signer[] = []
    for (let node = 0; node < options.nodes; node += 1) signers.push(signerOf(await identity(`node ${node}`)))
    return new VirtualNetwork(options, signers)
  }

  private constructor(
    readonly options: SimulationOptions,
    signers: readonly Signer[]
  ) {
    const { time, violations } = this
    const { nodes: count, delay, loss, seed, ordering, miners } = options
    const interval = options.interval * 1000
    const duration = options.hours * HOUR
    const rules = rulesFor(ordering, interval, present(signers[0]))
    // What is found is weighed by the rules as they are.
    const blocks = new FoundBlocks(rules)
    this.surroundings = { time, violations, blocks, rules: rulesWith(options.fault, rules) }
    this.observations = new Observations(this.surroundings)
    this.partitions = new Partitions(
      time,
      streamOf(seed, 'partitions'),
      { peers: count, duration, share: options.partition, interval },
      () => this.observations.agreement.healed(time.now)
    )
    const links = new Links(time, streamOf(seed, 'links'), this.partitions, { peers: count, delay, loss })
    const patience = interval / POLLS
    this.nodes = signers.map((signer, index) => {
      const peer = new Peer(index, signer, this.surroundings)
      return {
        peer,
        blocks: new BlockGossip(peer, links, this.observations, patience),
        messages: new MessageGossip(peer, links)
      }
    })
    const writingRandom = streamOf(seed, 'writing')
    this.regime =
      ordering === 'work'
        ? new WorkRegime(
            this.nodes,
            this.partitions,
            { mining: streamOf(seed, 'mining'), writing: writingRandom },
            {
              miners,
              power: now => (firstDifficulty(rules) / interval) * options.growth ** (now / duration)
            }
          )
        : new SequencerRegime(present(this.nodes[0]), links, writingRandom, patience)
    const pollingRandom = streamOf(seed, 'polling')
    for (const [index, node] of this.nodes.entries()) {
      const neighbours = present(links.neighbours[index]).map(other => present(this.nodes[other]))
      node.blocks.neighbours = neighbours.map(other => other.blocks)
      node.messages.neighbours = neighbours.map(other => other.messages)
      const polling = new Polling(node.blocks, node.messages, links, pollingRandom, patience)
      node.peer.duties.push(
        this.observations.watch(node.peer, this.regime.isMiner(node)),
        node.blocks,
        node.messages,
        polling
      )
      this.regime.employ(node)
      polling.begin()
    }
    const writers = writingRandom.some(this.nodes.slice(1), WRITERS).map(node => this.regime.writerAt(node))
    this.writing = new Writing(time, writingRandom, writers, options.messageRate)
    const peers = this.nodes.map(({ peer }) => peer)
    this.churn = new Churn(time, streamOf(seed, 'churn'), peers, { share: options.churn, duration })
  }

  async start(): Promise<void> {
    for (const { peer } of this.nodes) await peer.start()
    this.partitions.plan()
    this.churn.begin()
    this.writing.begin()
  }

  /** Whether all are there and stand on one head, and nothing waits. */
  get isSettled(): boolean {
    return this.observations.agreement.isOne && !this.regime.hasWaiting()
  }
}
