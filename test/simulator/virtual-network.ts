import { type Signer, signerOf } from '#src/core/keys.js'
import type { Random } from '#tools/localnet/random.js'
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
  /** Between two blocks, and of the whole run, ms. */
  readonly interval: number
  readonly duration: number

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
    const { nodes: peers, ordering, fault, partition, messageRate, delay, loss } = options
    this.interval = options.interval * 1000
    this.duration = options.hours * HOUR
    const { interval, duration } = this
    const rules = rulesFor(ordering, interval, present(signers[0]))
    // What is found is weighed by the rules as they are.
    this.surroundings = { time, violations, blocks: new FoundBlocks(rules), rules: rulesWith(fault, rules) }
    this.observations = new Observations(this.surroundings)
    this.partitions = new Partitions(
      time,
      this.#stream('partitions'),
      { peers, duration, share: partition, interval },
      () => this.observations.agreement.healed(time.now)
    )
    const links = new Links(time, this.#stream('links'), this.partitions, { peers, delay, loss })
    this.nodes = signers.map((signer, index) => {
      const peer = new Peer(index, signer, this.surroundings)
      const blocks = new BlockGossip(peer, links, this.observations, interval / POLLS)
      return { peer, blocks, messages: new MessageGossip(peer, links) }
    })
    const writing = this.#stream('writing')
    this.regime = ordering === 'work' ? this.#work(writing) : this.#sequencer(links, writing)
    this.#employ(links)
    const writers = writing.some(this.nodes.slice(1), WRITERS).map(node => this.regime.writerAt(node))
    this.writing = new Writing(time, writing, writers, messageRate)
    this.churn = new Churn(
      time,
      this.#stream('churn'),
      this.nodes.map(({ peer }) => peer),
      { share: options.churn, duration }
    )
  }

  async start(): Promise<void> {
    for (const { peer } of this.nodes) await peer.start()
    this.partitions.plan()
    this.churn.begin()
    this.writing.begin()
  }

  #stream(purpose: string): Random {
    return streamOf(this.options.seed, purpose)
  }

  #work(writing: Random): Regime {
    const { miners, growth } = this.options
    const first = firstDifficulty(this.surroundings.rules) / this.interval
    return new WorkRegime(
      this.nodes,
      this.partitions,
      { mining: this.#stream('mining'), writing },
      { miners, power: now => first * growth ** Math.min(1, now / this.duration) }
    )
  }

  #sequencer(links: Links, writing: Random): Regime {
    return new SequencerRegime(present(this.nodes[0]), links, writing, this.interval / POLLS)
  }

  /** Tells each node its neighbours and what it has to do. */
  #employ(links: Links): void {
    const random = this.#stream('polling')
    for (const [index, node] of this.nodes.entries()) {
      const { peer, blocks, messages } = node
      const neighbours = present(links.neighbours[index]).map(other => present(this.nodes[other]))
      blocks.neighbours = neighbours.map(other => other.blocks)
      messages.neighbours = neighbours.map(other => other.messages)
      const polling = new Polling(blocks, messages, links, random, this.interval / POLLS)
      peer.duties.push(this.observations.watch(peer, this.regime.isMiner(node)), blocks, messages, polling)
      this.regime.employ(node)
      polling.begin()
    }
  }
}
