import assert from 'node:assert/strict'
import fc from 'fast-check'
import { genesisCursor } from '#src/chain/cursor.js'
import { type SignedHeader, signHeader } from '#src/core/block.js'
import { type EnvelopeBytes, equal, type Hash, toHex } from '#src/core/bytes.js'
import {
  brokenChainEvidence,
  brokenLogEvidence,
  brokenReceiptEvidence,
  type Evidence,
  forkEvidence
} from '#src/core/evidence.js'
import { VerifierCache } from '#src/core/keys.js'
import { EMPTY_ROOT, Frontier, inclusionPath, nodeHash, rootOf, subtreeOf } from '#src/core/merkle.js'
import { expectChain } from '#src/core/network.js'
import { signReceipt } from '#src/core/receipt.js'
import { Evidence as WireEvidence } from '#src/core/wire/tallystick.js'
import { rulesOf } from '#src/rules/rules.js'
import { readEvidence } from '#src/validation/evidence-check.js'
import { seedOf, signerNamed, stageOf } from '../helpers/core.js'

const { network, author, sequencer } = await stageOf()
const verifiers = new VerifierCache()
const leaves = ['one', 'two', 'three'].map(seedOf)
const genesis = genesisCursor(rulesOf(expectChain(network))).signed.id

interface Wishes {
  readonly height?: number
  readonly parent?: Hash
  readonly time?: number
  readonly network?: Hash
  /** Leaves of this block, and of the whole log up to and including it. */
  readonly block?: readonly Hash[]
  readonly all?: readonly Hash[]
  readonly size?: number
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
      size: wishes.size ?? all.length,
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
    const miscounted = header({
      height: 6,
      parent: parent.id,
      block: more,
      all: [...leaves, ...more],
      size: 7
    })
    assert.equal((await check(brokenLogEvidence(parent, miscounted, peaks, more))).height, 6)
    const first = header({ height: 1, parent: genesis, block: more, all: leaves })
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
    const first = header({ height: 1, parent: genesis, all: leaves })
    await refused(brokenLogEvidence(undefined, first, [], leaves), /what its messages give/)
  })

  it('of a log convicts nobody where nodes stand in place of leaves, or leaves in place of nodes', async () => {
    const [a, b, c, d, e] = [seedOf('a'), seedOf('b'), seedOf('c'), seedOf('d'), seedOf('e')]
    const five = [a, b, c, d, e]
    const parent = header()
    const good = header({ height: 6, parent: parent.id, block: five, all: [...leaves, ...five] })
    const first = header({ height: 1, parent: genesis, all: five })
    const lists = [
      [nodeHash(a, b), nodeHash(c, d), e],
      [nodeHash(nodeHash(a, b), nodeHash(c, d)), e],
      [rootOf(five)]
    ]
    for (const list of lists) {
      assert.ok(equal(rootOf(list), good.header.root), 'it gives the same root')
      await refused(brokenLogEvidence(parent, good, peaks, list), /leaves of a block of 5 messages/)
      await refused(brokenLogEvidence(undefined, first, [], list), /leaves of a block of 5 messages/)
    }
    await refused(brokenLogEvidence(parent, good, [rootOf(leaves)], five), /peaks/)
    await refused(brokenLogEvidence(parent, good, leaves, five), /peaks/)
  })

  it('of a log needs the genesis where no parent is shown, and no peaks', async () => {
    const elsewhere = header({ height: 1, block: more, all: leaves })
    await refused(brokenLogEvidence(undefined, elsewhere, [], more), /the genesis as its parent/)
    const first = header({ height: 1, parent: genesis, block: more, all: leaves })
    await refused(brokenLogEvidence(undefined, first, peaks, more), /the genesis has no peaks/)
  })

  it('rests on no header of block 0, which nobody signs', async () => {
    const zero = header({ height: 0 })
    await refused(forkEvidence(zero, header({ height: 0, time: 2 })), /block 0/)
    await refused(brokenChainEvidence(zero, header({ height: 1 })), /block 0/)
    await refused(brokenReceiptEvidence(receiptFor(1, seedOf('promised')), proven(1, zero)), /block 0/)
    const child = header({ height: 1, parent: zero.id, block: more, all: leaves })
    await refused(brokenLogEvidence(zero, child, peaks, more), /block 0/)
  })

  it('of a receipt needs a log that has its position', async () => {
    const promised = receiptFor(3, seedOf('promised'))
    await refused(brokenReceiptEvidence(promised, { ...proven(2), position: 3 }), /no position 3/)
    const empty = header({ all: [], block: [] })
    const none = { position: 0, leaf: EMPTY_ROOT, path: [], signed: empty }
    await refused(brokenReceiptEvidence(receiptFor(0, seedOf('promised')), none), /no position 0/)
  })

  it('has one id for one lie, whatever shows it', async () => {
    const idOf = async (bytes: Uint8Array): Promise<string> => toHex((await check(bytes)).id)
    const promise = (sequence: bigint): EnvelopeBytes =>
      signReceipt(
        {
          network: network.id,
          author: author.peerId,
          time: Number(sequence),
          entries: [{ sequence, position: 1, leaf: seedOf('promised') }]
        },
        sequencer
      )
    const all = [...leaves, seedOf('four')]
    const path = inclusionPath(1, all.length, subtreeOf(all))
    const later = { ...proven(1), path, signed: header({ height: 9, all }) }
    const shown = await Promise.all(
      [
        brokenReceiptEvidence(promise(1n), proven(1)),
        brokenReceiptEvidence(promise(2n), proven(1)),
        brokenReceiptEvidence(promise(1n), later)
      ].map(idOf)
    )
    assert.equal(new Set(shown).size, 1)
    const others = await Promise.all(
      [
        brokenReceiptEvidence(receiptFor(1, seedOf('promised too')), proven(1)),
        brokenReceiptEvidence(receiptFor(2, seedOf('promised')), proven(2)),
        forkEvidence(header(), header({ time: 2 })),
        forkEvidence(header(), header({ time: 3 })),
        brokenChainEvidence(header(), header({ height: 6 }))
      ].map(idOf)
    )
    assert.equal(new Set([...shown, ...others]).size, 1 + others.length)
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
