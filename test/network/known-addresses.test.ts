import assert from 'node:assert/strict'
import { LIMITS } from '#src/core/limits.js'
import { KnownAddresses } from '#src/network/known-addresses.js'

describe('Addresses that neighbours tell of', () => {
  let now: number
  let known: KnownAddresses

  beforeEach(() => {
    now = 0
    known = new KnownAddresses(() => now)
  })

  function tryInVain(address: string): number {
    let tries = 0
    for (; known.all().includes(address); tries += 1) known.failed(address)
    return tries
  }

  it('make nobody dial a third party more than a few times, however often and by however many names they are told', () => {
    let dialled = 0
    for (let name = 0; name < 100; name += 1) {
      known.add('victim', `neighbour ${name}`)
      dialled += tryInVain('victim')
    }
    assert.equal(dialled, LIMITS.addressTries)
    now = LIMITS.addressAgainMs
    known.add('victim', 'neighbour')
    assert.deepEqual(known.all(), ['victim'])
  })

  it('that one neighbour has made up leave room for those of others', () => {
    for (let index = 0; index < 10 * LIMITS.knownAddresses; index += 1) known.add(`made up ${index}`, 'liar')
    assert.equal(known.all().length, LIMITS.knownAddresses)
    for (let index = 0; index < LIMITS.toldAddresses; index += 1) known.add(`true ${index}`, 'neighbour')
    for (let index = 0; index < LIMITS.knownAddresses; index += 1) known.add(`made up later ${index}`, 'liar')
    const all = known.all()
    assert.equal(all.length, LIMITS.knownAddresses)
    assert.equal(all.filter(address => address.startsWith('true')).length, LIMITS.toldAddresses)
  })

  it('are tried again and again where the peer was started with them, or where they lead to somebody', () => {
    known.keep('first')
    known.add('found', 'neighbour')
    for (let time = 0; time < 10; time += 1) {
      known.failed('first')
      known.failed('found')
      known.reached('found')
    }
    assert.deepEqual(known.all(), ['first', 'found'])
  })
})
