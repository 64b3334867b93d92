import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Block } from '#src/core/block.js'
import { signerOf } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { Wakeup } from '#src/lifecycle/waiting.js'
import { type BlockSource, OrderedFetch, type Turn } from '#src/replication/chain/ordered-fetch.js'
import { deadline, present } from '../../helpers/changes.js'
import { runs } from '../../helpers/core.js'
import { ForkMaker } from '../../helpers/fork-maker.js'
import { identity } from '../../helpers/networks.js'
import { makeWorkNetwork } from '../../helpers/work-network.js'

const COUNT = 2 * LIMITS.syncBlocks + 3
const PARTS = 3

describe('blocks that several peers have', () => {
  let blocks: readonly Block[]
  let peers: readonly BlockSource['peer'][]

  before(async () => {
    blocks = (await ForkMaker.create(makeWorkNetwork())).makeAll('a', COUNT)
    peers = await Promise.all(
      Array.from({ length: 16 }, async (_, index) => signerOf(await identity(`giver ${index}`)).peerId)
    )
  })

  type Giving = (from: number, count: number) => AsyncIterable<Block>

  async function* allOf(from: number, count: number): AsyncIterable<Block> {
    yield* blocks.slice(from, from + count)
  }

  interface Run {
    readonly taken: number[]
    readonly done: Promise<void>
  }

  /** `becomes`: of a block when its turn comes. `hostOf`: of each giver. */
  function fetchFrom(
    givers: readonly Giving[],
    becomes: (block: Block, giver: number) => Turn = () => ({ kind: 'taken' }),
    hostOf: (giver: number) => string = giver => `host ${giver}`
  ): Run {
    const taken: number[] = []
    const sources = givers.map((_, index) => ({
      peer: present(peers[index]),
      host: hostOf(index),
      last: COUNT - 1
    }))
    const fetching = new OrderedFetch(
      {
        sources,
        from: 0,
        to: COUNT - 1,
        report: () => undefined,
        fetch: (peer, from, count) => present(givers[peers.indexOf(peer)])(from, count),
        check: async () => ({ ok: true }),
        take: async (block, _checked, peer) => {
          const turn = becomes(block, peers.indexOf(peer))
          if (turn.kind === 'taken') taken.push(blocks.indexOf(block))
          return turn
        }
      },
      deadline()
    )
    return { taken, done: fetching.run() }
  }

  const inOrder = (): number[] => blocks.map((_, index) => index)

  for (const given of [0, 1, LIMITS.syncBlocks - 1])
    it(`come from the others where one gives ${given} of those that it is asked for, and then keeps its stream open`, async () => {
      const never = new Wakeup()
      let asked = 0
      const { taken, done } = fetchFrom([
        async function* (from, count) {
          asked += 1
          yield* allOf(from, Math.min(count, given))
          await never.wait(new AbortController().signal)
        },
        allOf
      ])
      await done
      assert.deepEqual(taken, inOrder())
      assert.equal(asked, 1, 'who keeps all others waiting is asked for nothing more while there are others')
    })

  it('come from the others where one is slower than they are, and gives each in its time', async () => {
    const gives = new Wakeup()
    let given = 0
    const { taken, done } = fetchFrom([
      async function* (from, count) {
        for await (const block of allOf(from, count)) {
          await gives.wait(new AbortController().signal, LIMITS.overtakeMs / 2)
          given += 1
          yield block
        }
      },
      allOf
    ])
    await done
    assert.deepEqual(taken, inOrder())
    assert.ok(given < LIMITS.syncBlocks / 2, `${given} were waited for`)
  })

  for (const given of [0, 1])
    it(`come from a peer of another host where many names of one give ${given} of those that they are asked for: no more of these are asked than at first`, async () => {
      const never = new Wakeup()
      let asked = 0
      const stalling: Giving = async function* (from, count) {
        asked += 1
        yield* allOf(from, Math.min(count, given))
        await never.wait(new AbortController().signal)
      }
      const { taken, done } = fetchFrom(
        [...Array.from({ length: peers.length - 1 }, () => stalling), allOf],
        () => ({ kind: 'taken' }),
        giver => (giver === peers.length - 1 ? 'another' : 'one')
      )
      await done
      assert.deepEqual(taken, inOrder())
      assert.equal(asked, PARTS)
    })

  it('come from one that is slow, where nobody else has them', async () => {
    const { taken, done } = fetchFrom([
      async function* (from, count) {
        for await (const block of allOf(from, count)) {
          await new Promise(setImmediate)
          yield block
        }
      },
      async function* () {}
    ])
    await done
    assert.deepEqual(taken, inOrder())
  })

  it('come each once and in their order, whatever all but one of those who give them do', async () => {
    type Manner = 'gives' | 'little' | 'nothing' | 'other' | 'fails'
    const manner = fc.constantFrom<Manner>('gives', 'little', 'nothing', 'other', 'fails')
    await fc.assert(
      fc.asyncProperty(
        fc.array(manner, { minLength: 1, maxLength: 3 }),
        fc.nat(3),
        fc.array(fc.nat(3), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 4 }),
        async (manners, honest, pauses, hosts) => {
          let at = 0
          const pause = async (): Promise<void> => {
            at += 1
            for (let turns = pauses[at % pauses.length] ?? 0; turns > 0; turns -= 1)
              await new Promise(setImmediate)
          }
          const givers = manners.map(
            (kind): Giving =>
              async function* (from, count) {
                const most = kind === 'little' ? 1 : kind === 'nothing' ? 0 : count
                for await (const block of allOf(from, most)) {
                  await pause()
                  if (kind === 'fails' && at % 3 === 0) throw new Error('it fails')
                  yield kind === 'other' && at % 4 === 0 ? present(blocks[0]) : block
                }
              }
          )
          givers.splice(honest % (givers.length + 1), 0, async function* (from, count) {
            for await (const block of allOf(from, count)) {
              await pause()
              yield block
            }
          })
          let due = 0
          const { taken, done } = fetchFrom(
            givers,
            block => {
              if (blocks.indexOf(block) !== due) return { kind: 'untrue', why: 'it is another one' }
              due += 1
              return { kind: 'taken' }
            },
            giver => `host ${giver % hosts}`
          )
          await done
          assert.deepEqual(taken, inOrder())
        }
      ),
      runs(60)
    )
  })
})
