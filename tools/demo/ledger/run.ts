import type { Network } from '#src/core/network.js'
import { elapsed } from '#src/lifecycle/waiting.js'
import type { Peer } from '../../localnet/index.js'
import { endInputs } from '../../scenario/ends.js'
import type { Stage } from '../../scenario/scenario.js'
import { type Cast, grantsOf, receiversIn } from './cast.js'
import type { ClientPart } from './client-part.js'
import { startClients } from './clients.js'
import { type Contest, spendTwice } from './contest.js'
import { ForgerPart } from './forger-part.js'
import type { Holder } from './holder.js'
import { type LedgerDemoOptions, transfersIn } from './options.js'
import { acceptedIn, type Divided, type Outcome, winnersOf } from './outcome.js'
import type { Peers } from './peers.js'
import { Choices, sendAll } from './sending.js'
import { Strangers } from './strangers.js'

/** One run: all peers start, all is sent, and all have come to one state, or had the time to. */
export class LedgerRun {
  readonly #strangers: Strangers
  readonly #network: Network
  #accepted = 0

  constructor(
    private readonly peers: Peers,
    private readonly cast: Cast,
    private readonly options: LedgerDemoOptions,
    private readonly stage: Stage
  ) {
    this.#network = stage.net.network
    this.#strangers = new Strangers(this.#network, stage.signal)
  }

  /** Those who are no processes of their own. */
  async stop(): Promise<void> {
    await this.#strangers.stop()
  }

  async outcome(): Promise<Outcome> {
    const { peers, cast, options } = this
    const { progress, signal } = this.stage
    const { ordering, clients: count, rate, duration, seed } = options
    const { clients, forgers } = await this.#start()
    progress.note(
      `${count} clients try ${rate} transfers a second each for ${duration} s, ${transfersIn(options)} in all, about a quarter of which are not valid; --seed ${seed} tries the same again`
    )
    const coming = this.#comeLate()
    // Awaited below; a failure before that must not go unhandled.
    coming.catch(() => undefined)
    const choices = new Choices(options, receiversIn(cast))
    await sendAll(clients, forgers, choices, options, progress, signal)
    const exits = await endInputs(clients.map(({ client }) => client))
    this.#accepted = acceptedIn({ clients, forgers }).length
    const doubleSpend = await this.#spendTwice(cast.spenders[0], peers.ends)
    this.#accepted += winnersOf(ordering)
    const late = await coming
    const mayDivide = (await this.#agree()) && ordering !== 'sequencer'
    const divided = mayDivide ? await this.#divide(cast.spenders[1]) : undefined
    return {
      ordering,
      grants: grantsOf(cast),
      clients,
      exits,
      forgers,
      doubleSpend,
      divided,
      late
    }
  }

  async #start(): Promise<{ readonly clients: ClientPart[]; readonly forgers: ForgerPart[] }> {
    const { peers, cast, options } = this
    const { net, progress } = this.stage
    const starting = progress.phase('starting', options.clients, 'clients')
    await peers.start()
    progress.note(`${peers.all.length} peers run: ${peers.all.map(({ name }) => name).join(', ')}`)
    const clients = await startClients(net, cast.clients, peers.entries(), () => starting.advance())
    const forgers = await Promise.all(
      cast.forgers.map(async (holder, index) => {
        const stranger = await this.#strangers.connect(holder, this.#judge(index))
        return ForgerPart.begin(holder, this.#network.id, stranger, cast.newcomer.account)
      })
    )
    return { clients, forgers }
  }

  /** Whoever says what is valid: among equals, each of them. */
  #judge(index: number): Peer {
    const { all, ends } = this.peers
    return this.options.ordering === 'sequencer' ? ends[0] : (all[index % all.length] ?? ends[0])
  }

  /** In the middle of the sending. Resolves with the name. */
  async #comeLate(): Promise<string> {
    const { peers, options } = this
    const { progress, signal } = this.stage
    await elapsed((options.duration * 1000) / 2, signal)
    await peers.startLate()
    const { name = '' } = peers.late ?? {}
    progress.note(`one more peer has come: ${name}`)
    return name
  }

  async #spendTwice(holder: Holder, [one, other]: readonly [Peer, Peer]): Promise<Contest> {
    const [first = '', second = ''] = receiversIn(this.cast)
    const stranger = await this.#strangers.connect(holder, one)
    const another = one === other ? stranger : await this.#strangers.connect(holder, other)
    return spendTwice(holder, this.#network.id, [first, second], [stranger, another])
  }

  /** One balance is spent on both sides of a network that is divided, and then is whole again. */
  async #divide(spender: Holder): Promise<Divided> {
    const { peers, options } = this
    const { progress, signal } = this.stage
    const sides = await peers.divide()
    const contest = await this.#spendTwice(spender, sides)
    const haveSettled = await peers.agreeApart(this.#accepted + 1, signal)
    const digests = haveSettled ? await peers.digests(sides) : undefined
    progress.note('divided, one balance was spent on both sides; now it is whole again')
    await peers.heal()
    this.#accepted += winnersOf(options.ordering)
    await this.#agree()
    return { ...contest, digests }
  }

  async #agree(): Promise<boolean> {
    const { peers } = this
    const { progress, signal } = this.stage
    const isOne = await peers.agree(this.#accepted, signal)
    progress.note(isOne ? 'all peers agree' : 'the peers do not agree; what they have is judged all the same')
    return isOne
  }
}
