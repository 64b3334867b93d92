import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Places } from '#src/replication/set/places.js'
import { present } from '../../helpers/changes.js'
import { runs } from '../../helpers/core.js'

/** Who has a place, in the order in which they got it. */
class Room {
  readonly #places: Places
  readonly entered: string[] = []

  constructor(count: number) {
    this.#places = new Places(count)
  }

  async ask(...names: readonly string[]): Promise<void> {
    for (const name of names) void this.#places.enter(name).then(() => this.entered.push(name))
    await Promise.resolve()
  }

  async leave(name: string, isOfUse: boolean): Promise<void> {
    this.#places.leave(name, isOfUse)
    await Promise.resolve()
  }
}

describe('a few places', () => {
  it('go to those who ask first', async () => {
    const room = new Room(2)
    await room.ask('a', 'b', 'c', 'd')
    assert.deepEqual(room.entered, ['a', 'b'])
    await room.leave('b', true)
    await room.leave('a', true)
    await room.ask('e')
    assert.deepEqual(room.entered, ['a', 'b', 'c', 'd'])
  })

  it('go to who has asked before, not again to who has just left', async () => {
    const room = new Room(1)
    await room.ask('liar', 'honest')
    await room.leave('liar', true)
    await room.ask('liar')
    assert.deepEqual(room.entered, ['liar', 'honest'])
  })

  it('go last to those who made nothing of the one they had', async () => {
    const room = new Room(1)
    await room.ask('liar')
    await room.leave('liar', false)
    await room.ask('x')
    await room.ask('liar', 'honest')
    await room.leave('x', true)
    assert.deepEqual(room.entered, ['liar', 'x', 'honest'])
    await room.leave('honest', true)
    assert.deepEqual(room.entered, ['liar', 'x', 'honest', 'liar'])
  })

  it('go to everybody who waits, in the end, whoever makes what of them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }),
        async (count, uses) => {
          const room = new Room(count)
          const names = uses.map((_, index) => String(index))
          await room.ask(...names)
          // Whoever leaves asks again at once.
          for (let turn = 0; turn < 8 * names.length; turn += 1) {
            const name = present(room.entered[turn])
            await room.leave(name, present(uses[Number(name)]))
            await room.ask(name)
          }
          assert.deepEqual(new Set(room.entered), new Set(names))
          assert.equal(room.entered.length, 8 * names.length + Math.min(count, names.length))
          for (const name of names) {
            const turns = room.entered.filter(other => other === name).length
            assert.ok(turns > 1, `${name} had ${turns}`)
          }
        }
      ),
      runs(100)
    )
  })
})
