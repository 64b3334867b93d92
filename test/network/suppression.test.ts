import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { encodeBlock } from '#src/core/block.js'
import { encodeBundle } from '#src/core/bundle.js'
import { type PeerIdBytes, toHex, utf8 } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import { isPassing } from '#src/core/refusal.js'
import { type GossipVerdict, Host } from '#src/network/host.js'
import { topicsOf } from '#src/network/names.js'
import { Author, envelopesOf, type Made } from '../helpers/authors.js'
import { Changes, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { ForkMaker } from '../helpers/fork-maker.js'
import { Gossiper } from '../helpers/gossiper.js'
import { identity, makeNetwork, makeWorkNetwork } from '../helpers/networks.js'
import { Payer } from '../helpers/payers.js'
import { RunningSequencer } from '../helpers/peers.js'
import { RunningEqual } from '../helpers/running-equal.js'
import { Customer, makeUnorderedNetwork, RunningUnordered } from '../helpers/unordered.js'

const TOPIC = 'a topic'
const OTHER = 'another topic'
/** One that a peer may hear of, and does not subscribe to. */
const UNHEARD = 'a topic without subscribers'
const HONEST = utf8('an honest message')

/** A peer with nothing above gossip. `verdicts` are what is to become of messages, in the order in which they come. */
class Victim extends Changes {
  readonly heard: string[] = []

  private constructor(
    readonly host: Host,
    private readonly verdicts: readonly (GossipVerdict | Promise<GossipVerdict>)[]
  ) {
    super()
  }

  static async start(
    cleanup: Cleanup,
    verdicts: readonly (GossipVerdict | Promise<GossipVerdict>)[],
    sideBySide = false
  ): Promise<Victim> {
    const host = await Host.create({
      key: await identity('victim'),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      topics: [TOPIC, OTHER, UNHEARD]
    })
    await host.start()
    cleanup.add(() => host.stop())
    const victim = new Victim(host, verdicts)
    for (const topic of [TOPIC, OTHER])
      host.subscribe(topic, (from, data) => victim.#judge(topic, from, data), { sideBySide })
    return victim
  }

  async hears(...expected: readonly string[]): Promise<void> {
    await this.until(`${expected.length} messages`, () => this.heard.length >= expected.length)
    assert.deepEqual(this.heard, expected)
  }

  protected override describe(): string {
    return this.heard.join('\n')
  }

  #judge(topic: string, from: PeerIdBytes, data: Uint8Array): GossipVerdict | Promise<GossipVerdict> {
    const verdict = this.verdicts[this.heard.length] ?? 'ignore'
    this.heard.push(`${toHex(from).slice(-8)} ${topic} ${Buffer.from(data).toString()}`)
    this.changed()
    return verdict
  }
}

describe('A gossiped message that is handed over first by a peer that wants to keep it out', () => {
  const cleanup = new Cleanup(afterEach)

  const join = async (address: string, who: string, topic: string): Promise<Gossiper> =>
    Gossiper.connect(cleanup, address, await identity(who), topic)

  async function joinVictim({ host }: Victim, who: string): Promise<Gossiper> {
    return join(present(host.addresses()[0]), who, TOPIC)
  }

  const told = async (who: string, topic = TOPIC, data = HONEST): Promise<string> => {
    const peer = Buffer.from(present((await identity(who)).publicKey.toCID().multihash.bytes))
    return `${toHex(peer).slice(-8)} ${topic} ${Buffer.from(data).toString()}`
  }

  it('is judged anew when another peer brings it, and passed on, where it was not taken because of the first one', async () => {
    const victim = await Victim.start(cleanup, ['later', 'accept'])
    const [attacker, honest, listener] = [
      await joinVictim(victim, 'attacker'),
      await joinVictim(victim, 'honest'),
      await joinVictim(victim, 'listener')
    ]
    attacker.publish({ data: HONEST })
    await victim.hears(await told('attacker'))
    honest.publish({ data: HONEST })
    await listener.hears(HONEST)
    // Now it has been seen.
    attacker.publish({ data: HONEST }, { data: utf8('the end') })
    await victim.hears(
      await told('attacker'),
      await told('honest'),
      await told('attacker', TOPIC, utf8('the end'))
    )
  })

  it('is taken from another peer that brought it while the first copy was being judged', async () => {
    const { promise, resolve } = Promise.withResolvers<GossipVerdict>()
    const victim = await Victim.start(cleanup, [promise, 'ignore', 'accept'])
    const attacker = await joinVictim(victim, 'attacker')
    const honest = await joinVictim(victim, 'honest')
    attacker.publish({ data: HONEST })
    await victim.hears(await told('attacker'))
    // The second one shows that the first one has come.
    honest.publish({ data: HONEST }, { data: utf8('the end') })
    const before = [await told('attacker'), await told('honest', TOPIC, utf8('the end'))]
    await victim.hears(...before)
    resolve('later')
    await victim.hears(...before, await told('honest'))
  })

  it('does not wait for the turn of the first peer, where peers have their turns', async () => {
    const { promise: never } = Promise.withResolvers<GossipVerdict>()
    const victim = await Victim.start(cleanup, [never, 'accept'], true)
    const attacker = await joinVictim(victim, 'attacker')
    const honest = await joinVictim(victim, 'honest')
    const listener = await joinVictim(victim, 'listener')
    attacker.publish({ data: HONEST })
    await victim.hears(await told('attacker'))
    honest.publish({ data: HONEST })
    await listener.hears(HONEST)
    attacker.publish({ data: HONEST }, { data: utf8('the end') })
    await victim.hears(
      await told('attacker'),
      await told('honest'),
      await told('attacker', TOPIC, utf8('the end'))
    )
  })

  it('is taken on its own topic, whatever other topics the same bytes came on before', async () => {
    const victim = await Victim.start(cleanup, ['reject', 'accept'])
    const attacker = await joinVictim(victim, 'attacker')
    const honest = await joinVictim(victim, 'honest')
    attacker.publish(
      { data: HONEST, topic: UNHEARD },
      { data: HONEST, topic: 'no topic here' },
      { data: HONEST, topic: OTHER }
    )
    await victim.hears(await told('attacker', OTHER))
    honest.publish({ data: HONEST })
    await victim.hears(await told('attacker', OTHER), await told('honest'))
  })

  it('is not kept away by word to the neighbours that it has come, before it was judged', async () => {
    const victim = await Victim.start(cleanup, ['later', 'ignore'])
    const listener = await joinVictim(victim, 'listener')
    const attacker = await joinVictim(victim, 'attacker')
    attacker.publish({ data: randomBytes(10_000) })
    await victim.until('the message', () => victim.heard.length > 0)
    await victim.host.publish(TOPIC, HONEST)
    await listener.hears(HONEST)
    assert.deepEqual(
      listener.rpcs.flatMap(({ control }) => control?.idontwant ?? []),
      []
    )
  })

  it('gets its place in the log of a sequencer, where the first peer had its share of the validation queue', async () => {
    const net = await makeNetwork({ blockSize: 256, blockTimeout: 100 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const { messages } = topicsOf(net.network.id)
    const attacker = await join(sequencer.address, 'attacker', messages)
    const honest = await join(sequencer.address, 'honest', messages)
    const strangers = await Promise.all(
      Array.from({ length: 256 }, (_, number) => Author.create(net, `stranger ${number}`))
    )
    const share = encodeBundle(envelopesOf(strangers.flatMap(stranger => stranger.says(1))))
    const alice = await Author.create(net, 'alice')
    const bundle = encodeBundle(envelopesOf(alice.says(1)))
    const logged = (): number => sequencer.blocks.at(-1)?.header.size ?? 0
    attacker.publish({ data: share }, { data: bundle })
    await sequencer.events.until('the messages of strangers', () => logged() >= 256)
    assert.equal(logged(), 256)
    honest.publish({ data: bundle })
    await sequencer.events.until("the author's message", () => logged() > 256)
  })

  it('gets its place though its author began many sessions, and somebody replays the messages of all of them', async () => {
    const net = await makeNetwork({ blockSize: 256, blockTimeout: 100 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const { messages } = topicsOf(net.network.id)
    const attacker = await join(sequencer.address, 'attacker', messages)
    const honest = await join(sequencer.address, 'honest', messages)
    const logged = (): number => sequencer.blocks.at(-1)?.header.size ?? 0
    const inNewSession = async (sequence: bigint): Promise<Made> =>
      (await Author.create(net, 'alice')).say({ text: 'a message' }, { sequence })
    const earlier: Made[] = []
    for (let sequence = 1n; sequence <= 24n; sequence += 1n) earlier.push(await inNewSession(sequence))
    honest.publish({ data: encodeBundle(envelopesOf(earlier)) })
    await sequencer.events.until('the earlier messages', () => logged() === earlier.length)
    const replays = Array.from({ length: 40 }, () => encodeBundle(envelopesOf(earlier), randomBytes(8)))
    const marker = await Author.create(net, 'attacker')
    attacker.publish(...[...replays, encodeBundle(envelopesOf(marker.says(1)))].map(data => ({ data })))
    await sequencer.events.until('what comes after the replays', () => logged() > earlier.length)
    honest.publish({ data: encodeBundle([(await inNewSession(100n)).envelope]) })
    await sequencer.events.until('the message of a new session', () => logged() > earlier.length + 1)
  })

  it('gets its place though it comes from a peer that passes on more replays than its host may bring', async () => {
    const net = await makeNetwork({ blockSize: 256, blockTimeout: 100 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const { messages } = topicsOf(net.network.id)
    const relay = await join(sequencer.address, 'relay', messages)
    const old = envelopesOf((await Author.create(net, 'alice')).says(256))
    const bob = await Author.create(net, 'bob')
    const logged = (): number => sequencer.blocks.at(-1)?.header.size ?? 0
    relay.publish({ data: encodeBundle(old) })
    await sequencer.events.until('the old messages', () => logged() === old.length)
    const replay = (): void => relay.publish({ data: encodeBundle(old, randomBytes(8)) })
    const { burst } = LIMITS.takenBeforeRate
    for (let count = 0; count < 1.25 * burst; count += old.length) replay()
    for (let said = 1; said <= 20; said += 1) {
      for (let count = 0; count < 4; count += 1) replay()
      relay.publish({ data: encodeBundle(envelopesOf(bob.says(1))) })
      await sequencer.events.until(`new message ${said}`, () => logged() === old.length + said)
    }
  })

  it('counts in a network with no order, where the first peer is past its share, and takes nothing of that of its author', async () => {
    const net = await makeUnorderedNetwork({ alice: 9n, bob: 9n, carol: 9n })
    const two = { perSecond: 0.0001, burst: 2 }
    const peer = await RunningUnordered.start(cleanup, net, 'peer', [], {
      rates: { author: two, transfersOfPeer: two }
    })
    const { messages } = topicsOf(net.network.id)
    const attacker = await join(peer.address, 'attacker', messages)
    const honest = await join(peer.address, 'honest', messages)
    const other = await Customer.of(cleanup, peer, 'attacker, by another name')
    const [alice, bob, carol] = await Promise.all(
      ['alice', 'bob', 'carol'].map(who => Payer.create(net, who))
    )
    const twoOf = (payer: Payer | undefined): Made[] =>
      [1n, 2n].map(units => present(payer).pay(present(bob), units))
    const payments = twoOf(alice)
    const dataOf = ({ envelope }: Made): { data: Uint8Array } => ({ data: encodeBundle([envelope]) })
    attacker.publish(...[...twoOf(bob), ...payments].map(dataOf))
    await peer.has(2)
    await other.handIn(...twoOf(carol))
    for (let time = 0; time < 4; time += 1) {
      const fates = await other.handIn(...payments)
      for (const fate of fates) assert.ok(fate.kind === 'refused' && isPassing(fate.reason))
    }
    honest.publish(...payments.map(dataOf))
    await peer.has(6)
  })

  it('becomes a block of the chain, where the first peer has it dropped among blocks before their parents', async () => {
    const net = await makeWorkNetwork({})
    const equal = await RunningEqual.start(cleanup, net)
    const maker = await ForkMaker.create(net)
    const { blocks } = topicsOf(net.network.id)
    maker.makeAll('honest', 2)
    maker.makeAll('strange', 66, { after: 1_001 })
    maker.make('marker', { after: 1_002 })
    const data = (name: string): { data: Uint8Array } => ({ data: encodeBlock(maker.block(name)) })
    const attacker = await join(equal.address, 'attacker', blocks)
    const honest = await join(equal.address, 'honest', blocks)
    attacker.publish(data('honest2'))
    for (let number = 2; number <= 66; number += 1) attacker.publish(data(`strange${number}`))
    attacker.publish(data('marker'))
    await equal.events.until('the marker', () => equal.blocks.length > 0)
    honest.publish(data('honest2'), data('honest1'))
    const head = (): string => toHex(equal.controls.status().head)
    await equal.events.until('the honest chain', () => head() === toHex(maker.idOf('honest2')))
  })
})
