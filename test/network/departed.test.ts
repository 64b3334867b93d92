import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { isPeerId } from '@libp2p/interface'
import { utf8 } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { LIMITS } from '#src/core/limits.js'
import { Host } from '#src/network/host.js'
import { topicsOf } from '#src/network/names.js'
import { Changes, deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { comeAndGo, MANNERS, namesOf } from '../helpers/departing-stranger.js'
import { Gossiper } from '../helpers/gossiper.js'
import { identity } from '../helpers/networks.js'

const STRANGERS = 210
/** At once. */
const SIDE_BY_SIDE = 30

const { messages: TOPIC } = topicsOf(sha256(utf8('a network')))

/** Each way from an object to one of these names, through all that it holds and that can be seen from outside. */
function waysTo(root: object, names: ReadonlySet<string>): string[] {
  const found = new Set<string>()
  const seen = new Set<object>()
  const open: { readonly value: unknown; readonly way: string }[] = [{ value: root, way: '' }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, way } = next
    if (typeof value === 'string') {
      for (const [word] of value.matchAll(/[A-Za-z0-9]{40,}/g)) if (names.has(word)) found.add(way)
    } else if (isPeerId(value)) {
      if (names.has(value.toString())) found.add(way)
    } else if (
      typeof value === 'object' &&
      value !== null &&
      !ArrayBuffer.isView(value) &&
      !seen.has(value)
    ) {
      seen.add(value)
      if (value instanceof Map || value instanceof Set)
        for (const [key, held] of value.entries()) open.push({ value: key, way }, { value: held, way })
      for (const [name, { value: held }] of Object.entries(Object.getOwnPropertyDescriptors(value)))
        open.push({ value: held, way: Array.isArray(value) ? way : `${way}.${name}` })
    }
  }
  return [...found].toSorted()
}

/** What an object holds in private. */
function inside(holder: object, ...names: readonly string[]): object {
  return names.reduce((object, name) => {
    const held: unknown = Reflect.get(object, name)
    assert.ok(typeof held === 'object' && held !== null, `there is a ${name}`)
    return held
  }, holder)
}

function sizeOf(held: object): number {
  assert.ok(held instanceof Map)
  return held.size
}

/** What gossip keeps of those that it pruned, or that pruned it: until when, by peer. */
function backoffsOf(host: Host): [string, unknown][] {
  const topics = inside(host, 'libp2p', 'services', 'gossip', 'backoff')
  assert.ok(topics instanceof Map)
  return [...topics.values()].flatMap(peers => {
    assert.ok(peers instanceof Map)
    return [...peers.entries()]
  })
}

/** Looks again and again, as nothing tells of what goes: until nothing is left of what it looks at. */
class Left extends Changes {
  #ways: readonly string[] = []

  constructor(
    private readonly host: Host,
    private readonly names: ReadonlySet<string>
  ) {
    super()
  }

  async nothing(): Promise<void> {
    const timer = setInterval(() => this.#look(), 200)
    try {
      this.#look()
      await this.until('nothing is left of the strangers', () => this.#ways.length === 0)
    } finally {
      clearInterval(timer)
    }
  }

  #look(): void {
    // A backoff outlasts the peer on purpose, for a while.
    this.#ways = waysTo(inside(this.host, 'libp2p'), this.names).filter(way => !way.endsWith('.backoff'))
    this.changed()
  }

  protected override describe(): string {
    return this.#ways.join('\n')
  }
}

describe('What a peer keeps of strangers that have gone', () => {
  const cleanup = new Cleanup(afterEach)

  it('is nothing, whatever they said of themselves, in any store of libp2p; backoffs of gossip go after a minute', async () => {
    const host = await Host.create({
      key: await identity('visited'),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      topics: [TOPIC]
    })
    await host.start()
    cleanup.add(() => host.stop())
    host.subscribe(TOPIC, () => 'accept')
    const address = present(host.addresses()[0])

    const names = new Set<string>()
    for (let index = 0; index < STRANGERS; index += SIDE_BY_SIDE) {
      const visits = Array.from({ length: SIDE_BY_SIDE }, (_, each) =>
        comeAndGo(address, TOPIC, present(MANNERS[(index + each) % MANNERS.length]))
      )
      for (const own of await Promise.all(visits)) for (const name of own) names.add(name)
    }

    await new Left(host, names).nothing()
    const backoffs = backoffsOf(host)
    assert.ok(backoffs.length > 0 && backoffs.every(([name]) => names.has(name)))
    const latest = Date.now() + LIMITS.gossipBackoffMs
    for (const [name, until] of backoffs) assert.ok(Number(until) <= latest, `${name} until ${until}`)
  })

  it('of messages that were ignored is no more than so many ids, however many one peer sends', async () => {
    const most = 1_000
    const host = await Host.create({
      key: await identity('visited'),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      topics: [TOPIC],
      seenMessages: most
    })
    await host.start()
    cleanup.add(() => host.stop())
    let heard = 0
    host.subscribe(TOPIC, () => {
      heard += 1
      return 'ignore'
    })
    const address = present(host.addresses()[0])
    const flooder = await Gossiper.connect(cleanup, address, await identity('flooder'), TOPIC)
    const sizes = (): number[] => [
      sizeOf(inside(host, 'libp2p', 'services', 'gossip', 'seenCache', 'entries')),
      sizeOf(inside(host, 'libp2p', 'services', 'gossip', 'score', 'deliveryRecords', 'records'))
    ]
    for (let count = 0; count < 10 * most; count += 100)
      flooder.publish(...Array.from({ length: 100 }, () => ({ data: randomBytes(16) })))
    const late = deadline()
    while (heard < 10 * most || sizes().some(size => size > most))
      await setTimeout(50, undefined, { signal: late })
    assert.deepEqual(sizes(), [most, most])
  })

  it('is in sight of this test: while a stranger is connected, its name is found', async () => {
    const [host, visitor] = await Promise.all(
      ['visited', 'visitor'].map(async who =>
        Host.create({ key: await identity(who), listen: ['/ip4/127.0.0.1/tcp/0'], topics: [TOPIC] })
      )
    )
    for (const each of [present(host), present(visitor)]) {
      await each.start()
      cleanup.add(() => each.stop())
      each.subscribe(TOPIC, () => 'accept')
    }
    await present(visitor).connect(present(present(host).addresses()[0]), deadline())
    await present(host).whenSubscribed(TOPIC, present(visitor).peerId, deadline())
    const names = namesOf((await identity('visitor')).publicKey)
    const ways = waysTo(inside(present(host), 'libp2p'), new Set(names))
    for (const store of ['.datastore.data', '.connections', '.peers', '.peerStats', '.streamsInbound'])
      assert.ok(
        ways.some(way => way.includes(store)),
        `${store} is among ${ways.join(', ')}`
      )
  })
})
