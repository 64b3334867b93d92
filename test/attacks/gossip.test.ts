import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { RPC } from '@libp2p/gossipsub/message'
import { encodeBundle } from '#src/core/bundle.js'
import { concat, type EnvelopeBytes } from '#src/core/bytes.js'
import { decodeEnvelope } from '#src/core/envelope.js'
import { LIMITS } from '#src/core/limits.js'
import { Envelope } from '#src/core/wire/tallystick.js'
import { type Topics, topicsOf } from '#src/network/names.js'
import { varint } from '../core/protobuf.js'
import { Author, envelopesOf } from '../helpers/authors.js'
import { RunningFollower } from '../helpers/peers.js'
import { Attacker, type RawStream } from './attacker.js'
import { Besieged } from './besieged.js'

const GOSSIP_PROTOCOL = '/meshsub/1.2.0'

type Control = Partial<RPC.ControlMessage>

function framed(bytes: Uint8Array): Uint8Array {
  return concat(varint(BigInt(bytes.length)), bytes)
}

function rpc(parts: {
  subscriptions?: RPC.SubOpts[]
  messages?: RPC.Message[]
  control?: Control
}): Uint8Array {
  const { control, ...rest } = parts
  const nothing = { ihave: [], iwant: [], graft: [], prune: [], idontwant: [] }
  return framed(
    RPC.encode({
      subscriptions: [],
      messages: [],
      ...rest,
      ...(control && { control: { ...nothing, ...control } })
    })
  )
}

function wronglySigned(envelope: EnvelopeBytes): EnvelopeBytes {
  const wrong = Envelope.encode({ ...decodeEnvelope(envelope), signature: randomBytes(64) })
  return wrong as Uint8Array as EnvelopeBytes
}

function ids(count: number): Uint8Array[] {
  const bytes = randomBytes(32 * count)
  return Array.from({ length: count }, (_, index) => bytes.subarray(32 * index, 32 * index + 32))
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

describe('attacks by gossip', () => {
  let follower: RunningFollower
  const besieged = new Besieged({}, async sequencer => {
    follower = await RunningFollower.start(besieged.cleanup, besieged.net, [sequencer.address])
    return follower.address
  })
  let topics: Topics

  before(() => {
    topics = topicsOf(besieged.net.network.id)
  })

  /** A new peer with a gossip stream each way: at the sequencer, or at the follower. */
  async function gossiper(
    who: string,
    at: { readonly address: string } = besieged.sequencer
  ): Promise<RawStream> {
    const attacker = await Attacker.connect(besieged.cleanup, at.address, who)
    await attacker.accept(GOSSIP_PROTOCOL, () => undefined)
    return attacker.open(GOSSIP_PROTOCOL)
  }

  /** What is repeated so many times, and on until the honest client has been served. */
  interface Flood {
    readonly what: string
    readonly rounds: number
    /** How many different ones there are. What gossip forgets at once need not be new each time. */
    readonly variants?: number
    readonly make: (round: number) => Uint8Array
  }

  const floods: readonly Flood[] = [
    {
      what: 'subscriptions to a hundred thousand topics',
      rounds: 20,
      make: round =>
        rpc({ subscriptions: times(5000, index => ({ subscribe: true, topic: `topic ${round} ${index}` })) })
    },
    {
      what: 'subscriptions to one topic that come and go',
      rounds: 200,
      variants: 1,
      make: () =>
        rpc({ subscriptions: times(50, index => ({ subscribe: index % 2 === 0, topic: topics.messages })) })
    },
    {
      what: 'IHAVE of messages that do not exist',
      rounds: 50,
      variants: 5,
      make: () => rpc({ control: { ihave: [{ topicID: topics.messages, messageIDs: ids(5000) }] } })
    },
    {
      what: 'IWANT of messages that do not exist',
      rounds: 50,
      variants: 5,
      make: () => rpc({ control: { iwant: [{ messageIDs: ids(5000) }] } })
    },
    {
      what: 'GRAFT of topics that exist and that do not',
      rounds: 200,
      variants: 5,
      make: round =>
        rpc({
          control: {
            graft: times(60, index => ({ topicID: index < 30 ? topics.messages : `topic ${round} ${index}` }))
          }
        })
    },
    {
      what: 'PRUNE with endless waits and strange peers',
      rounds: 50,
      variants: 5,
      make: round =>
        rpc({
          control: {
            prune: times(60, index => ({
              topicID: index < 30 ? topics.messages : `topic ${round} ${index}`,
              backoff: Number.MAX_SAFE_INTEGER,
              peers: times(4, () => ({ peerID: randomBytes(38), signedPeerRecord: randomBytes(100) }))
            }))
          }
        })
    },
    {
      what: 'IDONTWANT of messages that do not exist',
      rounds: 100,
      variants: 5,
      make: () => rpc({ control: { idontwant: [{ messageIDs: ids(512) }] } })
    },
    { what: 'bytes that are no RPC', rounds: 200, variants: 10, make: () => framed(randomBytes(1000)) },
    {
      what: 'messages that are no bundles',
      rounds: 200,
      make: () => rpc({ messages: times(10, () => ({ topic: topics.messages, data: randomBytes(200) })) })
    },
    {
      what: 'messages on topics that do not exist',
      rounds: 200,
      make: round =>
        rpc({ messages: times(10, index => ({ topic: `topic ${round} ${index}`, data: randomBytes(200) })) })
    },
    {
      what: "messages with a sender's name and signature, which gossip here does not carry",
      rounds: 200,
      make: () =>
        rpc({
          messages: times(10, () => ({
            topic: topics.messages,
            data: randomBytes(200),
            from: randomBytes(38),
            seqno: randomBytes(8),
            signature: randomBytes(64),
            key: randomBytes(36)
          }))
        })
    }
  ]
  for (const { what, rounds, variants, make } of floods)
    it(`a flood of ${what}: others are served`, async () => {
      const stream = await gossiper(what)
      const made = times(variants ?? 0, make)
      await besieged.flood(rounds, round => stream.send(made[round % made.length] ?? make(round)))
    })

  it('a flood of bundles with wrong signatures: others are served', async () => {
    const mallory = await Author.create(besieged.net, 'mallory')
    const stream = await gossiper('signs wrongly')
    const wrong = envelopesOf(mallory.says(200)).map(wronglySigned)
    await besieged.flood(30, () =>
      stream.send(rpc({ messages: [{ topic: topics.messages, data: encodeBundle(wrong, randomBytes(8)) }] }))
    )
  })

  for (const topic of ['blocks', 'evidence'] as const)
    it(`a flood of garbage for ${topic} at a follower: others are served`, async () => {
      const stream = await gossiper(`garbage for ${topic}`, follower)
      await besieged.flood(200, () =>
        stream.send(rpc({ messages: times(10, () => ({ topic: topics[topic], data: randomBytes(500) })) }))
      )
      assert.deepEqual(follower.events.of('evidence'), [])
    })

  const badFrames: readonly (readonly [string, () => Uint8Array])[] = [
    ['a length prefix of 2^32', () => varint(2n ** 32n)],
    ['a length prefix of 2^63', () => varint(2n ** 63n)],
    ['a length prefix without end', () => new Uint8Array(100_000).fill(0x80)],
    ['a length over the limit', () => varint(BigInt(LIMITS.gossipBytes + 1))]
  ]
  for (const [what, make] of badFrames)
    it(`an RPC with ${what}: its stream is ended`, async () => {
      for (const at of [besieged.sequencer, follower]) {
        const stream = await gossiper(`${what} at ${at === follower}`, at)
        await stream.send(make())
        await besieged.serve(1)
        await stream.ended()
      }
    })

  it('RPCs of many megabytes that never come to their end: others are served', async () => {
    const part = new Uint8Array(LIMITS.gossipBytes - 1)
    for (const who of ['one', 'two', 'three', 'four']) {
      const stream = await gossiper(`unending ${who}`)
      await stream.send(concat(varint(BigInt(LIMITS.gossipBytes)), part))
    }
    await besieged.serve()
  })

  it('after all of it the log holds the honest messages, each once', async () => {
    await besieged.outcome()
  })
})
