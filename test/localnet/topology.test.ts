import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Random } from '#tools/localnet/random.js'
import { describeTopology, neighboursIn, parseTopology, type Topology } from '#tools/localnet/topology.js'
import { runs } from '../helpers/core.js'

function topology(text: string): Topology {
  return parseTopology(text) ?? assert.fail(text)
}

function graphOf(text: string, count: number, seed = 1): readonly (readonly number[])[] {
  return neighboursIn(topology(text), count, new Random(seed))
}

/** Those that can be reached from the first one. */
function reached(graph: readonly (readonly number[])[]): number {
  const seen = new Set([0])
  for (const peer of seen) for (const other of graph[peer] ?? []) seen.add(other)
  return seen.size
}

describe('topologies', () => {
  it('are what their names say', () => {
    assert.deepEqual(graphOf('full', 4), [
      [1, 2, 3],
      [0, 2, 3],
      [0, 1, 3],
      [0, 1, 2]
    ])
    assert.deepEqual(graphOf('ring', 4), [
      [1, 3],
      [0, 2],
      [1, 3],
      [0, 2]
    ])
    assert.deepEqual(graphOf('line', 4), [[1], [0, 2], [1, 3], [2]])
    assert.deepEqual(graphOf('star', 4), [[1, 2, 3], [0], [0], [0]])
  })

  for (const text of ['full', 'ring', 'line', 'star', 'random:3'])
    it(`${text} of one peer has no edge, of two it has one`, () => {
      assert.deepEqual(graphOf(text, 1), [[]])
      assert.deepEqual(graphOf(text, 2), [[1], [0]])
    })

  it('connect all, go both ways, and lead nobody to himself', () => {
    const kinds = fc.oneof(
      fc.constantFrom('full', 'ring', 'line', 'star'),
      fc.integer({ min: 1, max: 12 }).map(degree => `random:${degree}`)
    )
    fc.assert(
      fc.property(kinds, fc.integer({ min: 1, max: 20 }), fc.nat(), (text, count, seed) => {
        const graph = graphOf(text, count, seed)
        assert.equal(graph.length, count)
        assert.equal(reached(graph), count)
        for (const [peer, others] of graph.entries()) {
          assert.ok(!others.includes(peer))
          assert.deepEqual(
            others,
            [...new Set(others)].sort((a, b) => a - b)
          )
          for (const other of others) assert.ok(graph[other]?.includes(peer))
        }
      }),
      runs(200)
    )
  })

  it('at random: everybody has as many neighbours as were asked for, or all; the seed decides which', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 2, max: 20 }),
        fc.nat(),
        (degree, count, seed) => {
          const graph = graphOf(`random:${degree}`, count, seed)
          for (const others of graph) assert.ok(others.length >= Math.min(degree, count - 1))
          assert.deepEqual(graphOf(`random:${degree}`, count, seed), graph)
        }
      ),
      runs(200)
    )
  })

  it('are read as they are written', () => {
    for (const text of ['full', 'ring', 'line', 'star', 'random:3', 'random:12'])
      assert.equal(describeTopology(topology(text)), text)
    for (const text of [
      '',
      'Full',
      'random',
      'random:',
      'random:0',
      'random:-1',
      'random:1.5',
      'mesh',
      'ring '
    ])
      assert.equal(parseTopology(text), undefined, text)
  })
})
