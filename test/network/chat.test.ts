import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { RPC } from '@libp2p/gossipsub/message'
import { decodeAddresses, encodeAddresses } from '#src/core/addresses.js'
import { concat, utf8 } from '#src/core/bytes.js'
import { decodeChatLine, encodeChatLine, LINE_ID_LENGTH, roomOf } from '#src/core/chat.js'
import { encodePublicKey, peerIdToString } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { Host } from '#src/network/host.js'
import { ADDRESSES_PROTOCOL, chatTopicOf } from '#src/network/names.js'
import { fromAnotherHost, HAS_OTHER_HOSTS } from '../helpers/another-host.js'
import { deadline, present } from '../helpers/changes.js'
import { type ChatWishes, ROOM, RunningChat } from '../helpers/chats.js'
import { Cleanup } from '../helpers/cleanup.js'
import { Gossiper } from '../helpers/gossiper.js'
import { identity } from '../helpers/networks.js'

const TOPIC = chatTopicOf(ROOM)

function lineOf(text: string): Uint8Array {
  return encodeChatLine({ id: randomBytes(LINE_ID_LENGTH), text })
}

/** What one of them says. */
function linesOf(index: number): string[] {
  return [`${index}: first`, `${index}: second`, `${index}: the same`, `${index}: the same`]
}

/** All say their lines at once; each must have heard those of the others, each line once. */
async function checkConversation(peers: readonly RunningChat[]): Promise<void> {
  const before = peers.map(({ lines }) => lines.length)
  await Promise.all(peers.map((peer, index) => peer.say(...linesOf(index))))
  // Said last, and on the same ways: what has not come before it does not come.
  const others = (index: number): string[] =>
    peers.flatMap((_, other) => (other === index ? [] : linesOf(other)))
  for (const [index, peer] of peers.entries()) {
    const start = present(before[index])
    await peer.hears(start + others(index).length)
    await peer.settled()
  }
  for (const [index, peer] of peers.entries())
    assert.deepEqual(peer.lines.slice(before[index]).toSorted(), others(index).toSorted())
}

describe('A chat', () => {
  const cleanup = new Cleanup(afterEach)
  const start = (who: string, connect: readonly RunningChat[] = [], wishes?: ChatWishes) =>
    RunningChat.start(cleanup, who, connect, wishes)

  async function row(length: number): Promise<RunningChat[]> {
    const peers: RunningChat[] = []
    for (let index = 0; index < length; index += 1) peers.push(await start(`peer ${index}`, peers.slice(-1)))
    return peers
  }

  it('in which four stand in a row: each hears each line of the others once', async () => {
    await checkConversation(await row(4))
  })

  it('in which there are many ways from one to another: each hears each line once', async () => {
    const peers = await row(6)
    const ring = [
      await start('closes the ring', [present(peers[0]), present(peers[5]), present(peers[2])]),
      ...peers
    ]
    await checkConversation(ring)
  })

  it('goes on when the one leaves that all others have come through', async () => {
    const first = await start('first')
    const others: RunningChat[] = []
    for (const who of ['second', 'third', 'fourth']) others.push(await start(who, [first], { neighbours: 6 }))
    for (const peer of others) await peer.meets(3)
    await first.stop()
    for (const peer of others) await peer.meets(2)
    await checkConversation(others)
  })

  it('tells who asks one address of each that is connected, by its number, and nobody who asks for another room', async () => {
    const peer = await start('first')
    const elsewhere = present(roomOf('another')).id
    const ports = (...list: readonly number[]) => list.map(port => `/ip4/127.0.0.1/tcp/${port}`)
    const mixed = [...ports(1, 2), `/ip4/127.0.0.1/tcp/1/p2p/${peerIdToString(peer.peerId)}`]
    const nonsense = ['/dns/localhost/tcp/3', 'nonsense', '/ip4/127.0.0.1/udp/3', '/ip4/127.0.0.1/tcp/0']
    assert.ok(await askedBy(cleanup, 'one', peer, { addresses: mixed }))
    assert.ok(await askedBy(cleanup, 'two', peer, { addresses: [...ports(4), ...nonsense] }))
    assert.equal(
      await askedBy(cleanup, 'three', peer, { network: elsewhere, addresses: ports(5) }),
      undefined
    )
    const { addresses } = decodeAddresses(
      present(await askedBy(cleanup, 'four', peer, { addresses: ports(6) }))
    )
    assert.equal(addresses.length, 2)
    assert.ok(ports(1, 2).some(address => addresses.includes(address)))
    assert.ok(ports(4).every(address => addresses.includes(address)))
  })

  it('says to who has nobody to hear him that his lines are lost, and takes those up that are said to somebody', async () => {
    const alone = await start('alone')
    await alone.say('hello?', 'nobody?')
    assert.deepEqual(alone.warnings, ['nobody is connected: lines are lost until somebody joins'])
    const other = await start('other', [alone])
    await alone.say('hello')
    await other.hears(1)
    assert.deepEqual(other.lines, ['hello'])
  })

  it('holds a line for who is about to join', async () => {
    const first = await start('first')
    const said = first.say('early')
    const second = await start('second', [first])
    await said
    await second.hears(1)
    assert.deepEqual(second.lines, ['early'])
  })

  it('is a network of its own where nobody answers, or nobody of its room', async () => {
    const elsewhere = await start('elsewhere', [], { network: present(roomOf('another')).id })
    const stranger = await Host.create({
      key: await identity('stranger'),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      topics: []
    })
    await stranger.start()
    cleanup.add(() => stranger.stop())
    const nowhere = '/ip4/127.0.0.1/tcp/1'
    for (const [address, why] of [
      [nowhere, /^nobody could be joined at 127\.0\.0\.1:1: .*ECONNREFUSED/],
      [elsewhere.address, /another room, or has no chat/],
      [present(stranger.addresses()[0]), /another room, or has no chat/]
    ] as const) {
      const peer = await RunningChat.start(cleanup, `goes to ${address}`, [address])
      assert.match(present(peer.warnings[0]), why)
      assert.match(present(peer.warnings[1]), /a network of its own/)
      await checkConversation([peer, await start(`joins who went to ${address}`, [peer])])
    }
    assert.equal(elsewhere.neighbours, 0)
  })

  it('cuts lines that are too long, says nothing that is empty, and shows nothing that does harm', async () => {
    const first = await start('first')
    const second = await start('second', [first])
    await second.say('', ' \t ', '\u200b', 'a'.repeat(LIMITS.lineCharacters + 1), 'b')
    await first.hears(2)
    assert.deepEqual(first.lines, ['a'.repeat(LIMITS.lineCharacters), 'b'])
    assert.match(present(second.warnings[0]), /was cut to its first 2000 characters/)

    const gossiper = await Gossiper.connect(cleanup, first.address, await identity('rude'), TOPIC)
    gossiper.publish(...['\u001b[2Jc\u202e\r\nd', '\u200b', 'e'].map(text => ({ data: lineOf(text) })))
    await first.hears(4)
    assert.deepEqual(first.lines.slice(2), ['\ufffd[2Jc  d', 'e'])
  })

  it('has no place for what is no line, and sends away who goes on sending it', async () => {
    const first = await start('first', [], { rates: { invalid: { perSecond: 0, burst: 6 } } })
    const second = await start('second', [first])
    const gossiper = await Gossiper.connect(cleanup, second.address, await identity('garbage'), TOPIC)
    const garbage = [
      randomBytes(40),
      new Uint8Array(0),
      lineOf(''),
      lineOf('a'.repeat(LIMITS.lineCharacters + 1)),
      concat(lineOf('a'), Uint8Array.of(0)),
      encodeChatLine({ id: randomBytes(8), text: 'short id' })
    ]
    gossiper.publish(...[...garbage, lineOf('a line')].map(data => ({ data })))
    await first.hears(1)
    assert.deepEqual([first.lines, second.lines], [['a line'], ['a line']])

    const other = await Gossiper.connect(cleanup, first.address, await identity('more garbage'), TOPIC)
    await first.meets(2)
    other.publish(...garbage.map(data => ({ data })), { data: randomBytes(41) })
    await first.meets(1)
  })

  it('leaves out what one neighbour sends beyond its rate, and hears the others', async () => {
    const first = await start('first')
    const second = await start('second', [first])
    const gossiper = await Gossiper.connect(cleanup, first.address, await identity('flood'), TOPIC)
    const flood = 3 * LIMITS.lineRate.burst
    for (let index = 0; index < flood; index += 100)
      gossiper.publish(
        ...Array.from({ length: 100 }, (_, line) => ({ data: lineOf(`flood ${index + line}`) }))
      )
    await first.until('a warning', () => first.warnings.length > 0)
    await second.say('calm')
    await first.until('the calm line', () => first.lines.includes('calm'))
    assert.match(present(first.warnings[0]), /more lines come from a neighbour than can be read/)
    assert.ok(first.lines.length < flood)
  })
})

describe('A neighbour in a chat that hands over more lines than its rate allows', () => {
  const cleanup = new Cleanup(afterEach)
  /** Nothing comes back of it while the test runs. */
  const rates = { line: { perSecond: 0.0001, burst: 3 } }

  /** Has handed over as many lines as it may, and these, which are beyond its rate. They have been read. */
  async function handOver(victim: RunningChat, ...beyond: readonly Uint8Array[]): Promise<Gossiper> {
    const { neighbours } = victim
    const attacker = await Gossiper.connect(cleanup, victim.address, await identity('attacker'), TOPIC)
    await victim.meets(neighbours + 1)
    const allowed = Array.from({ length: rates.line.burst }, (_, index) => lineOf(`attacker ${index}`))
    attacker.publish(...[...allowed, ...beyond].map(data => ({ data })))
    attacker.send({ subscriptions: [{ subscribe: false, topic: TOPIC }] })
    await victim.meets(neighbours)
    await victim.hears(rates.line.burst)
    assert.equal(victim.lines.length, rates.line.burst)
    assert.match(present(victim.warnings.at(-1)), /more lines come from a neighbour than can be read/)
    return attacker
  }

  it('suppresses no line by handing it over first: it reaches all once an honest neighbour brings it', async () => {
    const victim = await RunningChat.start(cleanup, 'victim', [], { rates })
    const listener = await RunningChat.start(cleanup, 'listener', [victim])
    await victim.meets(1)
    const honest = lineOf('honest')
    await handOver(victim, honest)
    const author = await Gossiper.connect(cleanup, victim.address, await identity('author'), TOPIC)
    author.publish({ data: honest })
    await victim.hears(rates.line.burst + 1)
    await listener.hears(rates.line.burst + 1)
    assert.deepEqual([victim.lines.at(-1), listener.lines.at(-1)], ['honest', 'honest'])
  })

  it('keeps no line of others from going on through a relay: each host has its turns there, and each of its names', async () => {
    const slow = {
      line: { perSecond: 20, burst: 20 },
      passedLine: { perSecond: 10, burst: 10 }
    }
    const relay = await RunningChat.start(cleanup, 'relay', [], { rates: slow })
    const next = await RunningChat.start(cleanup, 'next', [relay], { rates: slow })
    const author = await Gossiper.connect(cleanup, relay.address, await identity('author'), TOPIC)
    const elsewhere = HAS_OTHER_HOSTS
      ? await fromAnotherHost(cleanup, relay.address, '127.0.0.2')
      : relay.address
    const linesOf = (who: string, count: number): { readonly data: Uint8Array }[] =>
      Array.from({ length: count }, (_, index) => ({ data: lineOf(`${who} ${index}`) }))
    for (const who of ['flood', 'flood by another name']) {
      const attacker = await Gossiper.connect(cleanup, elsewhere, await identity(who), TOPIC)
      attacker.publish(...linesOf(who, slow.line.burst))
    }
    await relay.hears(slow.passedLine.burst)
    author.publish(...linesOf('honest', 10))
    await relay.say('of the relay itself')
    const heard = (): string[] => next.lines.filter(line => !line.startsWith('flood'))
    await next.until('the lines of the others', () => heard().length === 11)
  })

  it('cannot tell what a peer passes on from what it says: both come as they would without him', async () => {
    const victim = await RunningChat.start(cleanup, 'victim', [], { rates })
    const observer = await Gossiper.connect(cleanup, victim.address, await identity('observer'), TOPIC)
    const author = await Gossiper.connect(cleanup, victim.address, await identity('author'), TOPIC)
    await victim.meets(2)
    const passedOn = Array.from({ length: 2 * rates.line.burst }, (_, index) => lineOf(`passed on ${index}`))
    // The attacker has the author's lines before the victim, and hands them over beyond the rate.
    await handOver(victim, ...passedOn)
    author.publish(...passedOn.map(data => ({ data })))
    await victim.say(...Array.from({ length: rates.line.burst }, (_, index) => `own ${index}`))
    const ending = new AbortController()
    const tooMany = victim.sayUntil(ending.signal, 'own, one too many')
    const texts = (): string[] => observer.messages.map(({ data }) => decodeChatLine(present(data)).text)
    const ofKind = (kind: string): string[] => texts().filter(text => text.startsWith(kind))
    await observer.until('as many as the rate allows', () => texts().length >= 3 * rates.line.burst)
    // Each neighbour has its rate, and the victim's own lines have the same.
    for (const kind of ['attacker', 'passed on', 'own']) assert.equal(ofKind(kind).length, rates.line.burst)
    ending.abort()
    await tooMany
    assert.equal(texts().length, 3 * rates.line.burst)
  })
})

describe('Who has said a line in a chat', () => {
  const cleanup = new Cleanup(afterEach)

  it('is in nothing that comes to who stands behind a relay, and no address has a name', async () => {
    const origin = await RunningChat.start(cleanup, 'origin')
    const relay = await RunningChat.start(cleanup, 'relay', [origin])
    const key = await identity('listener')
    const listener = await Gossiper.connect(cleanup, relay.address, key, TOPIC)
    await origin.say('short', 'long '.repeat(300).trim())
    await listener.until('both lines', () => listener.messages.length >= 2)

    const { bytes, messages, rpcs } = listener
    for (const { from, seqno, signature, key, topic, data } of messages) {
      assert.deepEqual([from, seqno, signature, key], [undefined, undefined, undefined, undefined])
      assert.equal(topic, TOPIC)
      const line = decodeChatLine(present(data))
      assert.deepEqual(
        encodeChatLine({ id: line.id, text: line.text }),
        data,
        'and nothing is in there but these'
      )
    }
    // Nothing else comes than is known here: what is left out of these would not be in what is written again.
    const lengths = rpcs.map(rpc => RPC.encode(rpc).length)
    const prefixes = lengths.map(length => (length < 0x80 ? 1 : 2))
    assert.equal(
      [...lengths, ...prefixes].reduce((sum, length) => sum + length, 0),
      bytes.length
    )

    const told = present(await askedBy(cleanup, 'asks', relay))
    const port = present(/tcp\/(\d+)/.exec(origin.address)?.[1])
    assert.ok(contains(told, utf8(`/tcp/${port}`)), 'who is in the room is told')
    const name = peerIdToString(origin.peerId)
    for (const sign of [
      origin.peerId,
      encodePublicKey(origin.key.publicKey),
      origin.key.publicKey.raw,
      utf8(name)
    ])
      for (const heard of [bytes, told]) assert.ok(!contains(heard, sign))
    assert.ok(!contains(bytes, utf8(port)))
  })

  it('is not to be seen from what he sends: it is what he passes on', async () => {
    const origin = await RunningChat.start(cleanup, 'origin')
    const relay = await RunningChat.start(cleanup, 'relay', [origin])
    const listener = await Gossiper.connect(cleanup, relay.address, await identity('listener'), TOPIC)
    const before = listener.rpcs.length
    for (const length of [10, LIMITS.lineCharacters])
      for (const peer of [origin, relay]) {
        const count = listener.messages.length
        await peer.say('a'.repeat(length))
        await listener.until('the line', () => listener.messages.length > count)
      }
    const blank = (rpc: RPC): unknown => ({
      ...rpc,
      messages: rpc.messages.map(({ data, ...rest }) => ({ ...rest, length: data?.length }))
    })
    const [passedOn, own, longPassedOn, longOwn] = listener.rpcs.slice(before).map(blank)
    assert.deepEqual(own, passedOn)
    assert.deepEqual(longOwn, longPassedOn)
    assert.equal(listener.rpcs.length, before + 4, 'nothing goes before a long line, or behind it')
  })

  it('is not to be seen from whom he sends it to: a neighbour outside his mesh is offered it as it is any other', async () => {
    const origin = await RunningChat.start(cleanup, 'origin')
    const relay = await RunningChat.start(cleanup, 'relay', [origin])
    const listener = await Gossiper.connect(cleanup, relay.address, await identity('listener'), TOPIC)
    listener.prune()
    // The relay has read the prune once it has read this.
    listener.publish({ data: lineOf('I have left the mesh') })
    await relay.hears(1)
    await origin.say('passed on')
    await relay.say('own')
    await listener.until('both are offered', () => listener.offered.length >= 2)
    assert.deepEqual(listener.messages, [])
  })

  it('cannot be written on a line by who hears it, to follow its way: such a line is passed on by nobody', async () => {
    const first = await RunningChat.start(cleanup, 'first')
    const second = await RunningChat.start(cleanup, 'second', [first])
    const gossiper = await Gossiper.connect(cleanup, second.address, await identity('marker'), TOPIC)
    const data = lineOf('followed')
    const mark = first.peerId
    gossiper.publish({ data, from: mark }, { data: lineOf('marked too'), from: new Uint8Array(0) })
    gossiper.publish({ data: lineOf('plain') }, { data })
    await first.hears(2)
    await second.hears(2)
    assert.deepEqual([first.lines, second.lines], Array(2).fill(['plain', 'followed']))
  })
})

/** What a peer tells somebody new who asks it where others are and says where he listens; byte for byte. */
async function askedBy(
  cleanup: Cleanup,
  who: string,
  peer: RunningChat,
  { network = ROOM, addresses = [] as readonly string[] } = {}
): Promise<Uint8Array | undefined> {
  const host = await Host.create({ key: await identity(who), listen: [], topics: [] })
  await host.start()
  cleanup.add(() => host.stop())
  const signal = deadline()
  const limits = { streams: 1, frameBytes: 10_000, unreadBytes: 10_000, unsentBytes: 10_000 }
  const channel = await host.open(
    await host.connect(peer.address, signal),
    ADDRESSES_PROTOCOL,
    limits,
    signal
  )
  await channel.send(encodeAddresses({ network, addresses }), signal)
  return channel.receive(signal)
}

function contains(bytes: Uint8Array, part: Uint8Array): boolean {
  return Buffer.from(bytes).includes(Buffer.from(part))
}
