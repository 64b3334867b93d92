import assert from 'node:assert/strict'
import { genesisCursor } from '#src/chain/cursor.js'
import { type Header, type SignedHeader, signHeader } from '#src/core/block.js'
import { signerOf } from '#src/core/keys.js'
import type { Ordering } from '#src/orderings/ordering.js'
import { Author } from '../../helpers/authors.js'
import { ChainMaker, EPOCH } from '../../helpers/blocks.js'
import { identity, makeNetwork, type NetworkWishes } from '../../helpers/networks.js'
import { describeOrdering, headerOf, type OrderingCase } from '../conformance.js'

async function sequencerCase(wishes: NetworkWishes): Promise<OrderingCase> {
  const net = await makeNetwork(wishes)
  const { blockSize = 100, blockTimeout } = wishes
  const alice = await Author.create(net, 'alice')
  const maker = new ChainMaker(net)
  maker.add(alice.says(blockSize))
  maker.add(alice.says(blockSize))
  const [parent, child] = maker.blocks.map(headerOf)
  assert.ok(parent && child)
  const sign = (header: Header): SignedHeader => signHeader(header, net.signer)
  const mallory = signerOf(await identity('mallory'))
  return {
    ordering: net.rules.ordering,
    ancestors: [parent],
    child,
    draft: child,
    prove: async draft => draft,
    rivals: [sign(child), sign({ ...child, time: child.time + 1 })],
    now: EPOCH + 10_000,
    enough: blockSize,
    tooFew: blockSize - 1,
    wrong: [
      { what: 'by another producer', fault: 'producer', header: { ...child, producer: mallory.peerId } },
      { what: 'with a proof', fault: 'proof', header: { ...child, proof: Uint8Array.of(1) } },
      { what: 'from before its parent', fault: 'time', header: { ...child, time: parent.time - 1 } },
      { what: 'with a message too many', fault: 'count', header: { ...child, count: blockSize + 1 } },
      { what: 'without a message', fault: 'count', header: { ...child, count: 0 } },
      ...(blockTimeout === undefined
        ? [
            {
              what: 'with a message too few',
              fault: 'count',
              header: { ...child, count: blockSize - 1 }
            } as const
          ]
        : [])
    ]
  }
}

describeOrdering('sequencer', () => sequencerCase({ blockSize: 100 }))
describeOrdering('sequencer with a timeout', () => sequencerCase({ blockSize: 10, blockTimeout: 1000 }))

describe('the sequencer ordering', () => {
  const NOW = EPOCH

  async function make(wishes: NetworkWishes): Promise<{
    readonly ordering: Ordering
    readonly due: (pending: number, age?: number) => number | undefined
  }> {
    const net = await makeNetwork(wishes)
    const ordering = net.rules.ordering
    const { header } = genesisCursor(net.rules).signed
    return { ordering, due: (pending, age = 0) => ordering.due(header, pending, NOW - age, NOW) }
  }

  it('has a block of exactly blockSize due, at blockSize messages and not at one fewer', async () => {
    const { due } = await make({ blockSize: 100 })
    const pending = [0, 1, 99, 100, 101, 199, 200, 20_000]
    assert.deepEqual(
      pending.map(count => due(count)),
      [undefined, undefined, undefined, 100, 100, 100, 100, 100]
    )
  })

  it('never has a shorter block due without a timeout, however old a message is', async () => {
    const { due } = await make({ blockSize: 100 })
    assert.equal(due(99, Number.MAX_SAFE_INTEGER), undefined)
  })

  it('has a shorter block of all that is pending due when the oldest message is blockTimeout old', async () => {
    const { due, ordering } = await make({ blockSize: 100, blockTimeout: 1000 })
    assert.equal(ordering.maxPendingAge, 1000)
    assert.deepEqual(
      [due(7, 999), due(7, 1000), due(7, 5000), due(0, 5000), due(250, 5000)],
      [undefined, 7, 7, undefined, 100]
    )
  })

  it('has no shorter block due while the clock stands before the arrival of the oldest message', async () => {
    const { due } = await make({ blockSize: 100, blockTimeout: 1000 })
    assert.equal(due(7, -1_000_000), undefined)
  })

  it('never reorganizes, seals its bodies, and weighs each block the same', async () => {
    const { ordering } = await make({ blockSize: 1 })
    const { header } = genesisCursor((await makeNetwork({ blockSize: 1 })).rules).signed
    assert.deepEqual([ordering.maxReorg, ordering.bodies, ordering.weight(header)], [0, 'sealed', 1n])
  })
})
