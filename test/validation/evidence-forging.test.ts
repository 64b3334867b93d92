import assert from 'node:assert/strict'
import fc from 'fast-check'
import { signHeader } from '#src/core/block.js'
import { asHash, equal, toHex } from '#src/core/bytes.js'
import { DecodeError } from '#src/core/codec.js'
import {
  brokenChainEvidence,
  brokenLogEvidence,
  brokenReceiptEvidence,
  brokenStateEvidence,
  forkEvidence
} from '#src/core/evidence.js'
import type { EvidenceKind } from '#src/core/evidence-shape.js'
import { VerifierCache } from '#src/core/keys.js'
import { leafHash, nodeHash } from '#src/core/merkle.js'
import { signReceipt } from '#src/core/receipt.js'
import { Evidence as WireEvidence } from '#src/core/wire/tallystick.js'
import { readEvidence } from '#src/validation/evidence-check.js'
import { present } from '../helpers/changes.js'
import { flipped, runs, seedOf, signerNamed } from '../helpers/core.js'
import { folded } from '../helpers/false-evidence.js'
import {
  dataNetwork,
  hashesOf,
  historyOf,
  type PublicData,
  parentOf,
  pathIn,
  peaksAt,
  proofsFor
} from '../helpers/public-data.js'

/** A piece of evidence in its parts. */
type Parts = { readonly [Kind in EvidenceKind]: NonNullable<WireEvidence[Kind]> }

/** What somebody may put into a part: a value of its own kind, out of all that is public. */
interface Mempool {
  readonly headers: fc.Arbitrary<Uint8Array>
  readonly receipts: fc.Arbitrary<Uint8Array>
  readonly positions: fc.Arbitrary<number>
  readonly hashes: fc.Arbitrary<Uint8Array>
  readonly lists: fc.Arbitrary<Uint8Array[]>
  readonly envelopes: fc.Arbitrary<Uint8Array[]>
  readonly proofs: fc.Arbitrary<Uint8Array[]>
}

type Slip<Part> = (part: Part) => Part
type ListSlip = Slip<Uint8Array[]>

const NOTHING = new Uint8Array(0)
const SIZES = [[1], [2], [9], [5, 3], [4, 4, 4], [1, 1, 1, 1, 1], [7, 9, 2, 8], [3, 9, 1, 6, 5, 2, 8]]

describe('from the public data of an honest sequencer', () => {
  const histories: { readonly data: PublicData; readonly pool: Mempool }[] = []

  before(async () => {
    for (const application of ['ledger', 'messages'] as const) {
      const net = await dataNetwork(application, 'test')
      // The same key speaks in another network as well, and there as truly.
      const elsewhere = await historyOf(await dataNetwork(application, 'another'), [4, 5])
      for (const sizes of SIZES) {
        const data = await historyOf(net, sizes)
        histories.push({ data, pool: poolOf([data, elsewhere]) })
      }
    }
  })

  function poolOf(all: readonly PublicData[]): Mempool {
    const blocks = all.flatMap(data => data.blocks)
    const hashes = fc.oneof(fc.constantFrom(...hashesOf(all)), fc.constantFrom('one', 'two').map(seedOf))
    const lists = all.flatMap(data => [
      ...data.blocks.map(({ envelopes }) => envelopes.map(leafHash)),
      ...data.blocks.flatMap(({ signed: { header } }) => {
        const positions = data.leaves.slice(0, header.size).map((_, position) => position)
        return [peaksAt(data, header.size), ...positions.map(position => pathIn(data, position, header.size))]
      }),
      data.leaves
    ])
    const accountProofs = all.flatMap(data => data.blocks.map((_, index) => proofsFor(data, index + 1)))
    const largest = Math.max(...all.map(data => data.leaves.length))
    const numbers = [Number.MAX_SAFE_INTEGER, 2 ** 32, 2 ** 52]
    return {
      headers: fc.oneof(
        fc.constantFrom(...blocks.map(({ signed }) => signed.envelope)),
        fc.constantFrom(NOTHING, ...all.flatMap(data => data.receipts.map(({ receipt }) => receipt)))
      ),
      receipts: fc.constantFrom(
        ...all.flatMap(data => data.receipts.map(({ receipt }) => receipt)),
        present(blocks[0]).signed.envelope
      ),
      positions: fc.oneof(fc.nat(largest + 1), fc.constantFrom(...numbers)),
      hashes,
      lists: fc.constantFrom(...lists).map(list => [...list]),
      envelopes: fc.constantFrom(...blocks.map(({ envelopes }) => [...envelopes])),
      proofs: fc.constantFrom(...accountProofs)
    }
  }

  /** Something else out of the pool, or the same with a bit turned over. */
  const other = (from: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Slip<Uint8Array>> =>
    fc.oneof(
      {
        weight: 5,
        arbitrary: from.map(
          (value): Slip<Uint8Array> =>
            () =>
              value
        )
      },
      {
        weight: 1,
        arbitrary: fc.nat().map(
          (at): Slip<Uint8Array> =>
            part =>
              part.length === 0 ? part : flipped(part, at % part.length, 1 << (at & 7))
        )
      }
    )

  const index = fc.nat(8)

  /** Lists that are lengthened, shortened, turned, exchanged, with others of their kind in their places. */
  const reordered = (
    element: fc.Arbitrary<Uint8Array>,
    list: fc.Arbitrary<Uint8Array[]>
  ): fc.Arbitrary<ListSlip> =>
    fc.oneof(
      list.map(
        (value): ListSlip =>
          () =>
            value
      ),
      list.map(
        (value): ListSlip =>
          part => [...part, ...value]
      ),
      index.map(
        (at): ListSlip =>
          part =>
            part.toSpliced(at % (part.length + 1), 1)
      ),
      index.map(
        (count): ListSlip =>
          part =>
            part.slice(0, count)
      ),
      index.map(
        (count): ListSlip =>
          part =>
            part.slice(count)
      ),
      fc.constant<ListSlip>(part => part.toReversed()),
      fc.tuple(index, element).map(
        ([at, value]): ListSlip =>
          part =>
            part.toSpliced(at % (part.length + 1), 0, value)
      ),
      fc.tuple(index, other(element)).map(
        ([at, slip]): ListSlip =>
          part =>
            part.map((value, here) => (here === at ? slip(value) : value))
      ),
      index.map(
        (at): ListSlip =>
          part => [...part.slice(at), ...part.slice(0, at)]
      )
    )

  /** The same, and nodes in place of those below them. */
  const hashList = ({ hashes, lists }: Mempool): fc.Arbitrary<ListSlip> =>
    fc.oneof(
      { weight: 3, arbitrary: reordered(hashes, lists) },
      {
        weight: 2,
        arbitrary: fc.integer({ min: 1, max: 4 }).map(
          (levels): ListSlip =>
            part => {
              let nodes = part.map(asHash)
              for (let level = 0; level < levels; level += 1) nodes = folded(nodes)
              return nodes
            }
        )
      },
      {
        weight: 1,
        arbitrary: index.map(
          (at): ListSlip =>
            part => {
              const [left, right] = part.slice(at, at + 2).map(asHash)
              return left && right ? part.toSpliced(at, 2, nodeHash(left, right)) : part
            }
        )
      }
    )

  /** One part of a piece, changed. */
  function slipOf<Kind extends EvidenceKind, Field extends keyof Parts[Kind]>(
    field: Field,
    slip: fc.Arbitrary<Slip<Parts[Kind][Field]>>
  ): fc.Arbitrary<Slip<Parts[Kind]>> {
    return slip.map(change => parts => ({ ...parts, [field]: change(parts[field]) }))
  }

  type Forging = {
    readonly [Kind in EvidenceKind]: {
      /** The true parts of a piece about the block at a height, which contradict nothing. */
      readonly honest: (data: PublicData, height: number, at: number) => Parts[Kind]
      readonly slips: (pool: Mempool) => readonly fc.Arbitrary<Slip<Parts[Kind]>>[]
    }
  }

  const neighboursOf = (data: PublicData, height: number) => ({
    parent: parentOf(data, height)?.envelope ?? NOTHING,
    header: present(data.blocks[height - 1]).signed.envelope
  })
  const pairSlips = ({ headers }: Mempool) => [
    slipOf<'fork', 'first'>('first', other(headers)),
    slipOf<'fork', 'second'>('second', other(headers)),
    fc.constant<Slip<Parts['fork']>>(({ first, second }) => ({ first: second, second: first }))
  ]

  const FORGING: Forging = {
    fork: {
      honest: (data, height, at) => ({
        first: present(data.blocks[height - 1]).signed.envelope,
        second: present(data.blocks[at % data.blocks.length]).signed.envelope
      }),
      slips: pairSlips
    },
    broken: {
      honest: (data, height) => {
        const { parent, header } = neighboursOf(data, height)
        return { first: parent, second: header }
      },
      slips: pairSlips
    },
    receipt: {
      honest: (data, height, at) => {
        const { envelope, header } = present(data.blocks[height - 1]).signed
        const { receipt, positions } = present(data.receipts[at % data.receipts.length])
        const position = present(positions[at % positions.length]) % header.size
        return {
          receipt,
          header: envelope,
          position,
          leaf: present(data.leaves[position]),
          path: pathIn(data, position, header.size)
        }
      },
      slips: pool => [
        slipOf<'receipt', 'receipt'>('receipt', other(pool.receipts)),
        slipOf<'receipt', 'header'>('header', other(pool.headers)),
        slipOf<'receipt', 'position'>(
          'position',
          pool.positions.map(position => () => position)
        ),
        slipOf<'receipt', 'leaf'>('leaf', other(pool.hashes)),
        slipOf<'receipt', 'path'>('path', hashList(pool))
      ]
    },
    log: {
      honest: (data, height) => {
        const { header } = present(data.blocks[height - 1]).signed
        const { envelopes } = present(data.blocks[height - 1])
        const peaks = [...peaksAt(data, header.size - header.count)]
        return { ...neighboursOf(data, height), peaks, leaves: envelopes.map(leafHash) }
      },
      slips: pool => [
        slipOf<'log', 'parent'>('parent', other(pool.headers)),
        slipOf<'log', 'header'>('header', other(pool.headers)),
        slipOf<'log', 'peaks'>('peaks', hashList(pool)),
        slipOf<'log', 'leaves'>('leaves', hashList(pool))
      ]
    },
    state: {
      honest: (data, height) => ({
        ...neighboursOf(data, height),
        envelopes: [...present(data.blocks[height - 1]).envelopes],
        proofs: proofsFor(data, height)
      }),
      slips: pool => [
        slipOf<'state', 'parent'>('parent', other(pool.headers)),
        slipOf<'state', 'header'>('header', other(pool.headers)),
        slipOf<'state', 'envelopes'>(
          'envelopes',
          reordered(
            pool.envelopes.map(([first]) => first ?? NOTHING),
            pool.envelopes
          )
        ),
        slipOf<'state', 'proofs'>(
          'proofs',
          reordered(
            pool.proofs.map(([first]) => first ?? NOTHING),
            pool.proofs
          )
        )
      ]
    }
  }

  async function convictsNobody(bytes: Uint8Array, { net }: PublicData): Promise<void> {
    await assert.rejects(readEvidence(bytes, net.network, new VerifierCache()), DecodeError)
  }

  function forged<Kind extends EvidenceKind>(kind: Kind): fc.Arbitrary<readonly [Uint8Array, PublicData]> {
    const { honest, slips } = FORGING[kind]
    return fc.constantFrom(...histories).chain(({ data, pool }) =>
      fc
        .tuple(
          fc.integer({ min: 1, max: data.blocks.length }),
          fc.nat(100),
          fc.array(fc.oneof(...slips(pool)), { maxLength: 4 })
        )
        .map(([height, at, changes]) => {
          const parts = changes.reduce((before, change) => change(before), honest(data, height, at))
          return [WireEvidence.encode({ [kind]: parts }), data] as const
        })
    )
  }

  for (const kind of ['fork', 'broken', 'receipt', 'log', 'state'] as const)
    it(`no mutation and no recombination makes a piece that convicts it: ${kind}`, async () => {
      await fc.assert(
        fc.asyncProperty(forged(kind), ([bytes, data]) => convictsNobody(bytes, data)),
        runs(kind === 'state' ? 1_500 : 3_000)
      )
    }).timeout(120_000)

  it('no list of nodes of a block, however folded, makes a piece that convicts it', async () => {
    for (const { data } of histories)
      for (const height of data.blocks.keys()) {
        let { leaves, ...rest } = FORGING.log.honest(data, height + 1, 0)
        for (; leaves.length > 1; leaves = folded(leaves.map(asHash))) {
          await convictsNobody(WireEvidence.encode({ log: { ...rest, leaves } }), data)
          await convictsNobody(
            WireEvidence.encode({ log: { ...rest, leaves: [...leaves, ...leaves] } }),
            data
          )
        }
      }
  })

  it('a lie of any kind convicts still, and has one id, whatever shows it', async () => {
    const lies = fc
      .constantFrom(...histories)
      .chain(({ data }) =>
        fc.tuple(fc.constant(data), fc.integer({ min: 1, max: data.blocks.length }), fc.nat(), fc.nat())
      )
    await fc.assert(
      fc.asyncProperty(lies, async ([data, height, at, salt]) => {
        const { net } = data
        const convicting = async (kind: EvidenceKind, ...pieces: readonly Uint8Array[]): Promise<void> => {
          const ids = new Set<string>()
          for (const piece of pieces) {
            const evidence = await readEvidence(piece, net.network, new VerifierCache())
            assert.equal(evidence.kind, kind)
            ids.add(toHex(evidence.id))
          }
          assert.equal(ids.size, 1)
        }
        const block = present(data.blocks[height - 1])
        const parent = parentOf(data, height)
        const lie = (changes: object) => signHeader({ ...block.signed.header, ...changes }, net.signer)
        const hash = seedOf(`lie ${salt}`)

        const another = lie({ time: block.signed.header.time + 1 + (salt % 1000) })
        await convicting('fork', forkEvidence(block.signed, another), forkEvidence(another, block.signed))

        if (parent !== undefined)
          await convicting('broken', brokenChainEvidence(parent, lie({ parent: hash })))

        const { size } = block.signed.header
        const position = at % size
        const shown = data.blocks
          .filter(({ signed }) => signed.header.size > position)
          .map(({ signed }) => ({
            position,
            leaf: present(data.leaves[position]),
            path: pathIn(data, position, signed.header.size),
            signed
          }))
        const promises = [1, 2].map(time => {
          const entries = [{ sequence: 1n, position, leaf: hash }]
          return signReceipt({ network: net.network.id, author: net.sequencer, time, entries }, net.signer)
        })
        await convicting(
          'receipt',
          ...shown.flatMap(proven => promises.map(promise => brokenReceiptEvidence(promise, proven)))
        )

        const { peaks, leaves } = FORGING.log.honest(data, height, 0)
        for (const changes of [{ log: hash }, { size: size + 1 + (salt % 9) }])
          await convicting('log', brokenLogEvidence(parent, lie(changes), peaks, leaves.map(asHash)))

        if (net.rules.application.isStateless) return
        const { envelopes } = block
        await convicting(
          'state',
          brokenStateEvidence(parent, lie({ state: hash }), envelopes, proofsFor(data, height))
        )
      }),
      runs(60)
    )
  })

  it('and from what others have signed nothing convicts it, either', async () => {
    const stranger = await signerNamed('stranger')
    for (const { data } of histories) {
      const { signed } = present(data.blocks[0])
      const strange = signHeader({ ...signed.header, time: 1 }, stranger)
      await convictsNobody(forkEvidence(signed, strange), data)
      const entries = [{ sequence: 1n, position: 0, leaf: seedOf('promised') }]
      const receipt = signReceipt(
        { network: data.net.network.id, author: stranger.peerId, time: 1, entries },
        stranger
      )
      const leaf = present(data.leaves[0])
      const proven = { position: 0, leaf, path: pathIn(data, 0, signed.header.size), signed }
      await convictsNobody(brokenReceiptEvidence(receipt, proven), data)
      assert.ok(!equal(leaf, seedOf('promised')))
    }
  })
})
