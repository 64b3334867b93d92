import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Candidate } from '#src/chain/candidate.js'
import { decodeBundle } from '#src/core/bundle.js'
import type { PeerIdBytes } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import { Host } from '#src/network/host.js'
import { topicsOf } from '#src/network/names.js'
import { Republisher } from '#src/replication/chain/republisher.js'
import { OpenAuthor } from '../../helpers/authors.js'
import { BreakableLine } from '../../helpers/breakable-line.js'
import { Changes, deadline, present } from '../../helpers/changes.js'
import { Cleanup } from '../../helpers/cleanup.js'
import { makeWorkNetwork } from '../../helpers/work-network.js'

describe('What waits for a block is published again', () => {
  const cleanup = new Cleanup(afterEach)
  const net = makeWorkNetwork()
  const { messages: topic } = topicsOf(net.network.id)

  async function hostOf(): Promise<Host> {
    const key = await generateKeyPair('Ed25519')
    const host = await Host.create({ key, listen: ['/ip4/127.0.0.1/tcp/0'], topics: [topic] })
    await host.start()
    cleanup.add(() => host.stop())
    return host
  }

  /** Has something to publish, a line in front of it, and a clock that stands still: it is never time for all. */
  class Publishing {
    time = 0

    private constructor(
      readonly host: Host,
      readonly line: BreakableLine
    ) {}

    static async start(): Promise<Publishing> {
      const host = await hostOf()
      host.subscribe(topic, () => 'accept')
      const line = await BreakableLine.to(cleanup, present(host.addresses()[0]))
      const publishing = new Publishing(host, line)
      const author = await OpenAuthor.create(net, 'an author')
      const waiting: readonly Candidate[] = author.says(1)
      const republisher = new Republisher(
        host,
        topic,
        () => waiting,
        randomBytes,
        () => publishing.time,
        () => undefined
      )
      await republisher.start()
      cleanup.add(() => republisher.stop())
      return publishing
    }
  }

  class Neighbour extends Changes {
    heard = 0

    constructor(private readonly host: Host) {
      super()
      host.subscribe(topic, (_, data) => {
        this.heard += decodeBundle(data).length
        this.changed()
        return 'accept'
      })
    }

    get peerId(): PeerIdBytes {
      return this.host.peerId
    }

    async hears(times: number): Promise<void> {
      await this.until(`heard ${times} times`, () => this.heard >= times)
      assert.equal(this.heard, times)
    }

    /** Dials again and again, until `signal` fires. */
    async stayConnected(address: string, signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        const peer = await this.host.connect(address, deadline()).catch(() => undefined)
        if (peer !== undefined) await this.host.whenDisconnected(peer, signal)
      }
    }
  }

  async function connected(to: Publishing): Promise<Neighbour> {
    const neighbour = new Neighbour(await hostOf())
    const over = new AbortController()
    const connecting = neighbour.stayConnected(to.line.address, over.signal)
    cleanup.add(async () => {
      over.abort()
      await connecting
    })
    await neighbour.hears(1)
    return neighbour
  }

  it('to a neighbour that comes back, at once, as to one that is new, up to the rate for all; then in its turn', async () => {
    const publishing = await Publishing.start()
    const neighbour = await connected(publishing)
    const { burst, perSecond } = LIMITS.welcomeRate
    for (let times = 2; times <= burst; times += 1) {
      publishing.host.disconnect(neighbour.peerId, 'a broken line')
      await neighbour.hears(times)
    }
    publishing.host.disconnect(neighbour.peerId, 'a broken line')
    await publishing.line.dialled(burst + 1)
    await publishing.host.whenSubscribed(topic, neighbour.peerId, deadline())
    await neighbour.hears(burst)
    publishing.time += 1000 / perSecond
    await neighbour.hears(burst + 1)
  })

  for (const end of ['dialler', 'listener'] as const)
    it(`to a neighbour whose line breaks towards the ${end} only, once that is known`, async () => {
      const publishing = await Publishing.start()
      const neighbour = await connected(publishing)
      publishing.line.reset(end)
      await neighbour.hears(2)
    })
})
