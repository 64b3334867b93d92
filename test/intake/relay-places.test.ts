import assert from 'node:assert/strict'
import { LIMITS } from '#src/core/limits.js'
import { RelayPlaces } from '#src/intake/relay-places.js'
import { originOfHost } from '#src/network/connection-origin.js'

const MEMBER = 'a member'

/** All places, by strangers at these hosts; at the time 0. */
function taken(hostOf: (index: number) => string): RelayPlaces {
  const places = new RelayPlaces(name => name === MEMBER)
  for (let index = 0; index < LIMITS.relays; index += 1)
    assert.deepEqual(places.enter(`stranger ${index}`, originOfHost(hostOf(index)), 0), {
      kind: 'admitted',
      evicted: undefined
    })
  return places
}

const oneHost = (): string => '203.0.113.1'
const oneSite = (index: number): string => `2001:db8:1:${index.toString(16)}::1`
const manySites = (index: number): string => `198.18.${index}.1`
const elsewhere = originOfHost('192.0.2.7')

describe('The places of followers', () => {
  it('are all for one host while nobody else asks', () => {
    const places = taken(oneHost)
    assert.deepEqual(places.enter('stranger 0', originOfHost(oneHost()), 1), {
      kind: 'admitted',
      evicted: undefined
    })
    assert.deepEqual(places.enter('one more', originOfHost(oneHost()), 1), { kind: 'full' })
  })

  for (const [what, hostOf] of [
    ['one host', oneHost],
    ['one IPv6 /48', oneSite]
  ] as const)
    it(`that strangers of ${what} have taken are given to a newcomer from elsewhere, and it stays`, () => {
      const places = taken(hostOf)
      assert.equal(places.enter('newcomer', elsewhere, 1).kind, 'admitted')
      for (let index = 0; index < 1000; index += 1)
        assert.deepEqual(places.enter(`other stranger ${index}`, originOfHost(hostOf(index % 256)), 2), {
          kind: 'full'
        })
      assert.deepEqual(places.enter('newcomer', elsewhere, 3), { kind: 'admitted', evicted: undefined })
    })

  it('are for those whom the network document names, wherever all others come from', () => {
    const places = taken(manySites)
    assert.equal(places.enter('newcomer', elsewhere, 1).kind, 'full')
    assert.equal(places.enter(MEMBER, elsewhere, 1).kind, 'admitted')
    // No stranger takes it from the member, however long that one asks.
    for (let now = 2; now < 100 * LIMITS.relayTurnMs; now += LIMITS.relayTurnMs) {
      const admission = places.enter('newcomer', originOfHost('192.0.3.1'), now)
      if (admission.kind === 'admitted') assert.notEqual(admission.evicted, MEMBER)
      places.leave('newcomer', now)
    }
    assert.deepEqual(places.enter(MEMBER, elsewhere, 1e9), { kind: 'admitted', evicted: undefined })
  })

  it('are kept for a follower that had one for longer than those who took it meanwhile', () => {
    const places = new RelayPlaces(() => false)
    places.enter('follower', elsewhere, 0)
    places.leave('follower', 5_000)
    for (let index = 0; index < LIMITS.relays; index += 1)
      places.enter(`stranger ${index}`, originOfHost(manySites(index)), 5_001)
    assert.equal(places.enter('follower', elsewhere, 5_100).kind, 'admitted')
    // The stranger that lost its place does not get it back at once.
    for (let index = 0; index < LIMITS.relays; index += 1)
      assert.notDeepEqual(places.enter(`stranger ${index}`, originOfHost(manySites(index)), 5_101), {
        kind: 'admitted',
        evicted: 'follower'
      })
  })

  it('are shared in turns where all of them are taken from as many sites: who asks for long has one', () => {
    const places = taken(manySites)
    assert.equal(places.enter('newcomer', elsewhere, 10).kind, 'full')
    assert.equal(places.enter('newcomer', elsewhere, LIMITS.relayTurnMs).kind, 'full')
    assert.equal(places.enter('newcomer', elsewhere, LIMITS.relayTurnMs + 10).kind, 'admitted')
  })

  it('are not taken from those who had theirs for longest, by strangers of however many sites in turns', () => {
    const places = new RelayPlaces(() => false)
    const followers = Array.from({ length: LIMITS.relays / 2 }, (_, index) => `follower ${index}`)
    for (const [index, follower] of followers.entries())
      places.enter(follower, originOfHost(`192.0.${index}.1`), index)
    const evicted: (string | undefined)[] = []
    for (let time = 1; time <= 5; time += 1)
      for (let index = 0; index < 256; index += 1) {
        const name = `stranger ${time} ${index}`
        const admission = places.enter(
          name,
          originOfHost(manySites(index)),
          1_000 + time * LIMITS.relayTurnMs
        )
        if (admission.kind === 'admitted') evicted.push(admission.evicted)
      }
    assert.ok(evicted.length > 3 * followers.length, `${evicted.length} strangers had their turns`)
    assert.deepEqual(
      evicted.filter(name => name?.startsWith('follower')),
      []
    )
  })

  it('have a turn for who goes on asking, though strangers of any number of sites ask once', () => {
    const places = taken(manySites)
    for (let now = 10; now < LIMITS.relayTurnMs; now += 5_000) {
      assert.equal(places.enter('newcomer', elsewhere, now).kind, 'full')
      for (let index = 0; index < LIMITS.rememberedRelays / 2; index += 1) {
        const origin = originOfHost(`2001:db8:${((now >> 3) % 65_536).toString(16)}:${index.toString(16)}::1`)
        places.enter('asks once', { host: origin.host, site: `${origin.site} ${index}` }, now)
      }
    }
    assert.equal(places.enter('newcomer', elsewhere, LIMITS.relayTurnMs + 10).kind, 'admitted')
  })

  it('remember no more than so many of those that were here, or asked', () => {
    const places = taken(manySites)
    for (let index = 0; index < 3 * LIMITS.rememberedRelays; index += 1) {
      const origin = originOfHost(`10.${index >> 8}.${index & 255}.1`)
      assert.equal(places.enter(`asks ${index}`, origin, 1).kind, 'full')
    }
    for (let index = 0; index < 3 * LIMITS.rememberedRelays; index += 1) {
      places.leave(`stranger ${index}`, index)
      places.enter(`stranger ${index + LIMITS.relays}`, originOfHost(manySites(index % 256)), index)
    }
    assert.ok(places.remembered <= 2 * LIMITS.rememberedRelays, `${places.remembered} are remembered`)
  })
})
