import assert from 'node:assert/strict'
import { AbstractMessageStream, multiaddrConnectionPair } from '@libp2p/utils'
import { utf8 } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import { bringerFrom, originOfHost } from '#src/network/connection-origin.js'
import { ReadingTurns } from '#src/network/reading-turns.js'
import { Changes } from '../helpers/changes.js'

/** What is read, of which each piece takes all of a turn. */
class Reading extends Changes {
  readonly read: string[] = []
  #now = 0
  readonly #turns = new ReadingTurns(() => this.#now)

  line(address: string, name: string): AbstractMessageStream {
    const [line] = multiaddrConnectionPair()
    assert.ok(line instanceof AbstractMessageStream)
    this.#turns.follow(line, bringerFrom(name, originOfHost(address)))
    line.addEventListener('message', ({ data }) => {
      this.#now += LIMITS.readingTurnMs
      this.read.push(`${name}: ${Buffer.from(data.subarray()).toString()}`)
      this.changed()
    })
    return line
  }

  async reads(count: number): Promise<void> {
    await this.until(`${count} pieces`, () => this.read.length >= count)
  }

  protected override describe(): string {
    return this.read.join(', ')
  }
}

describe('Connections are read in turns', () => {
  let reading: Reading

  beforeEach(() => {
    reading = new Reading()
  })

  for (const [who, addressOf] of [
    ['many connections of one host', () => '192.0.2.1'],
    ['connections of many hosts of one site', (number: number) => `192.0.2.${number}`]
  ] as const)
    it(`${who} that have much to be read: another one is read after one of them`, async () => {
      const names = Array.from({ length: 50 }, (_, number) => `flood ${number}`)
      const flood = names.map((name, number) => reading.line(addressOf(number), name))
      const honest = reading.line('198.51.100.1', 'honest')
      for (const line of flood) line.onData(utf8('frames'))
      honest.onData(utf8('handshake'))
      await reading.reads(flood.length + 1)
      assert.ok(reading.read.indexOf('honest: handshake') <= 2, reading.read.join())
      assert.deepEqual(
        reading.read.filter(piece => piece.startsWith('flood')),
        names.map(name => `${name}: frames`)
      )
    })

  it('one that waits is not read meanwhile, and what has come on it is read in order, once', async () => {
    const line = reading.line('192.0.2.1', 'line')
    line.onData(utf8('first'))
    line.onData(utf8('second'))
    assert.equal(line.readStatus, 'paused')
    // What waits here is kept beside what a handshake puts back.
    line.unshift(utf8('put back, '))
    line.onData(utf8(', third'))
    await reading.reads(2)
    assert.equal(line.readStatus, 'readable')
    assert.deepEqual(reading.read, ['line: first', 'line: put back, second, third'])
  })

  it('one whose reading fails is ended, and the others have their turns', async () => {
    const [first, second, third] = ['first', 'second', 'third'].map(name => reading.line('192.0.2.1', name))
    assert.ok(first && second && third)
    second.resume = () => {
      throw new Error('what has come cannot be read')
    }
    for (const line of [first, second, third]) line.onData(utf8('piece'))
    await reading.reads(2)
    assert.deepEqual(reading.read, ['first: piece', 'third: piece'])
    assert.equal(second.status, 'aborted')
  })

  it('one that ends while it waits is not read, and keeps no other one', async () => {
    const [first, second, third] = ['first', 'second', 'third'].map(name => reading.line('192.0.2.1', name))
    for (const line of [first, second, third]) line?.onData(utf8('piece'))
    second?.abort(new Error('it ends'))
    await reading.reads(2)
    assert.deepEqual(reading.read, ['first: piece', 'third: piece'])
  })
})
