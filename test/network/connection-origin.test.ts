import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { LIMITS } from '#src/core/limits.js'
import { type Arrival, ConnectionGater } from '#src/network/connection-gater.js'
import { originOf } from '#src/network/connection-origin.js'
import { Host, type HostOptions } from '#src/network/host.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'

function same(one: string, other: string): { readonly host: boolean; readonly site: boolean } {
  const [a, b] = [one, other].map(address => originOf(multiaddr(address)))
  assert.ok(a && b)
  return { host: a.host === b.host, site: a.site === b.site }
}

const { burst } = LIMITS.connectionRate

describe('What limits count as one host', () => {
  for (const [what, one, other, expected] of [
    [
      'two addresses of an IPv6 /64',
      '/ip6/2001:db8::1/tcp/1',
      '/ip6/2001:db8::ffff:0:0:2/tcp/2',
      [true, true]
    ],
    ['two /64 of an IPv6 /48', '/ip6/2001:db8:0:1::1/tcp/1', '/ip6/2001:db8:0:ffff::1/tcp/1', [false, true]],
    ['two IPv6 /48', '/ip6/2001:db8:1::1/tcp/1', '/ip6/2001:db8:2::1/tcp/1', [false, false]],
    ['an IPv4 address in either form', '/ip4/192.0.2.7/tcp/1', '/ip6/::ffff:192.0.2.7/tcp/1', [true, true]],
    ['two addresses of an IPv4 /24', '/ip4/192.0.2.7/tcp/1', '/ip6/::ffff:c000:208/tcp/1', [false, true]],
    ['two IPv4 /24', '/ip4/192.0.2.7/tcp/1', '/ip4/192.0.3.7/tcp/1', [false, false]],
    ['two addresses on a link', '/ip6/fe80::1/tcp/1', '/ip6/fe80::2/tcp/1', [true, true]],
    [
      'an address and another that is compressed elsewhere',
      '/ip6/1:0:0:2::/tcp/1',
      '/ip6/1::2:0:0:0:9/tcp/1',
      [true, true]
    ]
  ] as const)
    it(`${what}: ${expected[0] ? 'one host' : expected[1] ? 'two hosts, one site' : 'two sites'}`, () => {
      const [host, site] = expected
      assert.deepEqual(same(one, other), { host, site })
    })
})

describe('Connections of one host', () => {
  const cleanup = new Cleanup(afterEach)
  let stranger: PeerId

  before(async () => {
    stranger = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  })

  async function hostOf(options: Partial<HostOptions> = {}): Promise<Host> {
    const key = await generateKeyPair('Ed25519')
    const host = await Host.create({ key, listen: [], topics: [], ...options })
    await host.start()
    cleanup.add(() => host.stop())
    return host
  }

  it('are counted: more are refused, and those of another host are taken', async () => {
    const server = await hostOf({ listen: ['/ip4/127.0.0.1/tcp/0', '/ip6/::1/tcp/0'], connectionsPerHost: 2 })
    const [direct, other] = ['/ip4/', '/ip6/'].map(family =>
      present(server.addresses().find(address => address.startsWith(family)))
    )
    for (let index = 0; index < 2; index += 1) await (await hostOf()).connect(present(other), deadline())
    await assert.rejects(
      (await hostOf()).connect(present(other), deadline()),
      /no more connections from this host/
    )
    await (await hostOf()).connect(present(direct), deadline())
  })

  /** A connection from there, as far as it is looked at before it is encrypted. */
  /** How many of so many connections, each of which ends at once, are taken. */
  function takenOf(gater: ConnectionGater, count: number, from: (index: number) => string): number {
    const arrivals = Array.from({ length: count }, (_, index) => arrivalFrom(from(index)))
    return arrivals.filter(arrival => {
      const isTaken = !gater.denyInboundConnection(arrival)
      arrival.dispatchEvent(new Event('close'))
      return isTaken
    }).length
  }

  function arrivalFrom(address: string): Arrival & EventTarget {
    return Object.assign(new EventTarget(), { status: 'open', remoteAddr: multiaddr(`${address}/tcp/4100`) })
  }

  it('are those of a whole IPv6 /64, whichever of its addresses they come from, until one of them has ended', () => {
    const gater = new ConnectionGater(2, undefined)
    const arrivals = Array.from({ length: 200 }, (_, index) =>
      arrivalFrom(`/ip6/2001:db8::${index.toString(16)}:1`)
    )
    const taken = arrivals.filter(arrival => !gater.denyInboundConnection(arrival))
    assert.equal(taken.length, 2)
    assert.equal(gater.denyInboundConnection(arrivalFrom('/ip6/2001:db8:0:1::1')), false)
    taken[0]?.dispatchEvent(new Event('close'))
    assert.equal(gater.denyInboundConnection(arrivalFrom('/ip6/2001:db8::ffff')), false)
    assert.equal(gater.denyInboundConnection(arrivalFrom('/ip6/2001:db8::ffff')), true)
  })

  it('are never all, however many of an IPv6 /48 or an IPv4 /24 take part', () => {
    for (const from of [
      (index: number) => `/ip6/2001:db8:1:${index.toString(16)}::1`,
      (index: number) => `/ip4/203.0.113.${index % 256}`
    ]) {
      const gater = new ConnectionGater(LIMITS.connectionsPerHost, undefined)
      const arrivals = Array.from({ length: LIMITS.connections }, (_, index) => arrivalFrom(from(index)))
      const taken = arrivals.filter(arrival => {
        const isTaken = !gater.denyInboundConnection(arrival)
        gater.denyInboundUpgradedConnection(stranger, arrival)
        return isTaken
      })
      assert.equal(taken.length, (3 * LIMITS.connections) / 4)
      assert.equal(gater.denyInboundConnection(arrivalFrom('/ip4/192.0.2.7')), false)
    }
  })

  it('are no more than are left for all others: two hosts of two sites have never all, and fifty clients of a third connect', () => {
    const gater = new ConnectionGater(LIMITS.connectionsPerHost, undefined)
    const openOf = (address: string, count: number): number => {
      const arrivals = Array.from({ length: count }, () => arrivalFrom(address))
      return arrivals.filter(arrival => {
        const isTaken = !gater.denyInboundConnection(arrival)
        gater.denyInboundUpgradedConnection(stranger, arrival)
        return isTaken
      }).length
    }
    const { connections } = LIMITS
    assert.equal(openOf('/ip4/203.0.113.1', connections), connections / 2)
    assert.equal(openOf('/ip6/2001:db8::1', connections), connections / 4)
    assert.equal(openOf('/ip4/192.0.2.7', 50), 50)
  })

  it('that say nothing leave places for others that shake hands', async () => {
    const server = await hostOf({ listen: ['/ip4/127.0.0.1/tcp/0', '/ip6/::1/tcp/0'] })
    const [direct, other] = ['/ip4/', '/ip6/'].map(family =>
      present(server.addresses().find(address => address.startsWith(family)))
    )
    const port = Number(present(/\/tcp\/(\d+)/.exec(present(other))?.[1]))
    const silent = Array.from({ length: LIMITS.connectionsPerHost }, () => connect({ host: '::1', port }))
    cleanup.add(async () => {
      for (const socket of silent) socket.destroy()
    })
    let left = silent.length
    for (const socket of silent) {
      socket.on('error', () => undefined).resume()
      socket.once('close', () => {
        left -= 1
      })
    }
    await Promise.all(silent.map(socket => once(socket, 'connect', { signal: deadline() })))
    const late = deadline()
    while (left > LIMITS.pendingConnectionsPerSite) await setTimeout(10, undefined, { signal: late })
    await (await hostOf()).connect(present(direct), deadline())
    while (server.peers().length === 0) await setTimeout(10, undefined, { signal: late })
  })

  it('that have shaken hands leave places for others of their site that do', () => {
    const gater = new ConnectionGater(LIMITS.connectionsPerHost, undefined)
    const from = (index: number): string => `/ip4/203.0.113.${index % 256}`
    const arrivals = Array.from({ length: LIMITS.pendingConnectionsPerSite + 1 }, (_, index) =>
      arrivalFrom(from(index))
    )
    const denied = arrivals.filter(arrival => gater.denyInboundConnection(arrival))
    assert.deepEqual(denied, arrivals.slice(-1))
    assert.equal(gater.denyInboundConnection(arrivalFrom('/ip4/192.0.2.7')), false)
    gater.denyInboundUpgradedConnection(stranger, present(arrivals[0]))
    assert.equal(gater.denyInboundConnection(arrivalFrom(from(0))), false)
    // One that ends afterwards makes no second place.
    arrivals[0]?.dispatchEvent(new Event('close'))
    assert.equal(gater.denyInboundConnection(arrivalFrom(from(1))), true)
  })

  it('come at a limited rate, counted by the IPv6 /64', () => {
    const gater = new ConnectionGater(LIMITS.connectionsPerHost, undefined)
    const taken = takenOf(gater, 3 * burst, index => `/ip6/2001:db8::${index.toString(16)}`)
    assert.ok(taken >= burst && taken < 2 * burst, `${taken} are taken`)
  })

  it('come at a limited rate from many hosts together, which keep no other site out', () => {
    const gater = new ConnectionGater(LIMITS.connectionsPerHost, undefined)
    const { burst: all } = LIMITS.allConnectionsRate
    const taken = takenOf(gater, 4 * all, index => `/ip4/192.0.2.${index % 8}`)
    assert.ok(taken >= all && taken < 2 * all, `${taken} are taken`)
    assert.equal(gater.denyInboundConnection(arrivalFrom('/ip4/192.0.2.9')), true)
    assert.equal(
      takenOf(gater, 2, () => '/ip4/198.51.100.1'),
      2
    )
  })
})
