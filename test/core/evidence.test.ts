import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type SignedHeader, signHeader } from '#src/core/block.js'
import { equal, type Hash } from '#src/core/bytes.js'
import {
  brokenChainEvidence,
  brokenLogEvidence,
  brokenReceiptEvidence,
  type Evidence,
  forkEvidence
} from '#src/core/evidence.js'
import { VerifierCache } from '#src/core/keys.js'
import { Frontier, inclusionPath, rootOf, subtreeOf } from '#src/core/merkle.js'
import { signReceipt } from '#src/core/receipt.js'
import { Evidence as WireEvidence } from '#src/core/wire/tallystick.js'
import { readEvidence } from '#src/node/evidence-check.js'
import { seedOf, signerNamed, stageOf } from '../helpers/core.js'

const { network, author, sequencer } = await stageOf()
const verifiers = new VerifierCache()
const leaves = ['one', 'two', 'three'].map(seedOf)

interface Wishes {
  readonly height?: number
  readonly parent?: Hash
  readonly time?: number
  readonly network?: Hash
  /** Leaves of this block, and of the whole log up to and including it. */
  readonly block?: readonly Hash[]
  readonly all?: readonly Hash[]
}

function header(wishes: Wishes = {}, signer = sequencer): SignedHeader {
  const { height = 5, parent = seedOf('parent'), time = 1, all = leaves, block = all } = wishes
  return signHeader(
    {
      network: wishes.network ?? network.id,
      height,
      parent,
      time,
      count: block.length,
      root: rootOf(block),
      size: all.length,
      log: rootOf(all),
      state: seedOf('state'),
      producer: signer.peerId,
      proof: new Uint8Array(0)
    },
    signer
  )
}

function receiptFor(position: number, leaf: Hash, signer = sequencer) {
  const entries = [{ sequence: 1n, position, leaf }]
  return signReceipt({ network: network.id, author: author.peerId, time: 1, entries }, signer)
}

function proven(position: number, signed = header()) {
  const path = inclusionPath(position, leaves.length, subtreeOf(leaves))
  return { position, leaf: leaves[position] ?? seedOf('none'), path, signed }
}

const check = (bytes: Uint8Array): Promise<Evidence> => readEvidence(bytes, network, verifiers)

async function refused(bytes: Uint8Array, message: RegExp): Promise<void> {
  await assert.rejects(check(bytes), { name: 'DecodeError', message })
}

describe('Evidence', () => {
  it('of two blocks at one height holds, and is the same whichever was seen first', async () => {
    const [one, other] = [header(), header({ time: 2 })]
    const evidence = await check(forkEvidence(one, other))
    assert.deepEqual([evidence.kind, evidence.height], ['fork', 5])
    assert.ok(equal((await check(forkEvidence(other, one))).id, evidence.id))
  })

  it('of a block that names another parent than the one before it holds', async () => {
    const evidence = await check(brokenChainEvidence(header(), header({ height: 6 })))
    assert.deepEqual([evidence.kind, evidence.height], ['broken', 6])
  })

  it('of a receipt that the log contradicts holds', async () => {
    const evidence = await check(brokenReceiptEvidence(receiptFor(1, seedOf('promised')), proven(1)))
    assert.deepEqual([evidence.kind, evidence.height], ['receipt', 5])
  })

  const more = ['four', 'five'].map(seedOf)
  const { peaks } = Frontier.empty.appendAll(leaves)
  const child = (parent: SignedHeader, all: readonly Hash[]): SignedHeader =>
    header({ height: 6, parent: parent.id, block: more, all })

  it('of a block whose log is not what its messages give holds', async () => {
    const parent = header()
    for (const all of [
      [...leaves, seedOf('swapped'), ...more.slice(1)],
      [seedOf('rewritten'), ...leaves.slice(1), ...more],
      [...leaves, ...more, seedOf('too many')]
    ]) {
      const evidence = await check(brokenLogEvidence(parent, child(parent, all), peaks, more))
      assert.deepEqual([evidence.kind, evidence.height], ['log', 6])
    }
    const first = header({ height: 1, block: more, all: leaves })
    assert.equal((await check(brokenLogEvidence(undefined, first, [], more))).height, 1)
  })

  it('of a log convicts nobody where the block is as it should be, or half of it is not the block', async () => {
    const parent = header()
    const good = child(parent, [...leaves, ...more])
    const bad = child(parent, [seedOf('rewritten'), ...more])
    await refused(brokenLogEvidence(parent, good, peaks, more), /what its messages give/)
    await refused(brokenLogEvidence(parent, bad, peaks, more.toReversed()), /not the block's/)
    await refused(brokenLogEvidence(parent, bad, peaks.slice(1), more), /peaks/)
    await refused(brokenLogEvidence(header({ time: 2 }), bad, peaks, more), /as its parent/)
    await refused(brokenLogEvidence(undefined, bad, [], more), /do not follow/)
    const first = header({ height: 1, all: leaves })
    await refused(brokenLogEvidence(undefined, first, [], leaves), /what its messages give/)
  })

  it('convicts nobody of what is no contradiction', async () => {
    await refused(forkEvidence(header(), header()), /the same/)
    await refused(forkEvidence(header(), header({ height: 6 })), /different heights/)
    const first = header()
    await refused(brokenChainEvidence(first, header({ height: 6, parent: first.id })), /as its parent/)
    await refused(brokenChainEvidence(first, header({ height: 7 })), /do not follow/)
    await refused(brokenReceiptEvidence(receiptFor(1, proven(1).leaf), proven(1)), /what the receipt says/)
    await refused(brokenReceiptEvidence(receiptFor(0, seedOf('promised')), proven(1)), /does not name/)
    await refused(
      brokenReceiptEvidence(receiptFor(1, seedOf('promised')), { ...proven(1), leaf: seedOf('invented') }),
      /proof/
    )
  })

  it('must be of the sequencer of this network, every part of it', async () => {
    const mallory = await signerNamed('mallory')
    await refused(forkEvidence(header(), header({ time: 2 }, mallory)), /did not sign/)
    await refused(forkEvidence(header(), header({ time: 2, network: seedOf('another') })), /another network/)
    await refused(brokenReceiptEvidence(receiptFor(1, seedOf('promised'), mallory), proven(1)), /another key/)
  })

  it('has one encoding: a pair in the other order and trailing bytes are refused', async () => {
    const { fork } = WireEvidence.decode(forkEvidence(header(), header({ time: 2 })))
    assert.ok(fork)
    await refused(WireEvidence.encode({ fork: { first: fork.second, second: fork.first } }), /order/)
    await refused(Buffer.concat([forkEvidence(header(), header({ time: 2 })), Buffer.of(0)]), /evidence/)
    await refused(new Uint8Array(0), /evidence/)
  })

  it('of random or damaged bytes convicts nobody', async () => {
    const good = forkEvidence(header(), header({ time: 2 }))
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), async (index, bits) => {
        const damaged = Uint8Array.from(good)
        damaged[index] = (damaged[index] ?? 0) ^ bits
        await assert.rejects(check(damaged), { name: 'DecodeError' })
      })
    )
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async bytes => {
        await assert.rejects(check(bytes), { name: 'DecodeError' })
      })
    )
  })
})
