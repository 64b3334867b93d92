import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import type { Chain } from '#src/chain/chain.js'
import { type Block, type CheckpointedHeader, decodeBlockParts } from '#src/core/block.js'
import { equal } from '#src/core/bytes.js'
import { Frontier, leafHash, rootOf, verifyConsistency, verifyInclusion } from '#src/core/merkle.js'
import { ValidationPool } from '#src/validation/validation-pool.js'
import { OpenAuthor } from '../helpers/authors.js'
import { present } from '../helpers/changes.js'
import { openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { EqualLog } from '../helpers/equals.js'
import { ForkMaker, GENESIS } from '../helpers/fork-maker.js'
import { makeWorkNetwork } from '../helpers/work-network.js'

const ROUNDS = 10
const COUNT = 40

/** What a peer reads out of a chain for others, as often as it can, and whether each of it is true. */
class Reader {
  #count = 0

  constructor(private readonly chain: Chain) {}

  get count(): number {
    return this.#count
  }

  async readUntil(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.#block(this.chain.head())
      await this.#block(this.#some())
      this.#proofs()
      await this.#proofOfLeaf()
      this.#page()
      this.#count += 1
      await setImmediate()
    }
  }

  /** Another one each time. */
  #pick(below: number): number {
    return below === 0 ? 0 : (this.#count * 7_919) % below
  }

  #some(): CheckpointedHeader {
    const height = this.#pick(this.chain.head().header.height)
    return present(this.chain.headerAt(height), `block ${height}`)
  }

  async #block(signed: CheckpointedHeader): Promise<void> {
    const { header } = signed
    if (header.height === 0) return
    const { peaks } = this.chain.frontierBefore(signed)
    const encoded = await this.chain.encodedBlock(signed)
    if (encoded === undefined) return
    const { header: envelope, envelopes } = decodeBlockParts(encoded)
    assert.ok(equal(envelope, signed.envelope))
    const leaves = envelopes.map(leafHash)
    assert.ok(equal(rootOf(leaves), header.root), `messages of block ${header.height}`)
    const parent = this.chain.headerById(header.parent)
    if (parent === undefined) return
    const before = Frontier.verified(header.size - header.count, peaks, parent.header.log)
    assert.ok(equal(present(before, 'peaks').appendAll(leaves).root(), header.log))
  }

  #proofs(): void {
    const { size, log } = this.chain.head().header
    if (size === 0) return
    const position = this.#pick(size)
    const { path, leaf, signed } = present(this.chain.inclusion(position), `a proof of ${position}`)
    assert.ok(verifyInclusion(leaf, position, signed.header.size, path, signed.header.log))
    const older = this.#some().header
    const steps = present(this.chain.consistency(older.size, size), 'a proof of consistency')
    assert.ok(verifyConsistency(older.size, older.log, size, log, steps))
  }

  async #proofOfLeaf(): Promise<void> {
    const { size } = this.chain.head().header
    const leaf = this.chain.leafAt(this.#pick(size))
    const proof = leaf && (await this.chain.inclusionOfLeaf(leaf))
    if (leaf === undefined || proof === undefined) return
    const { header } = proof.signed
    assert.ok(verifyInclusion(leaf, proof.position, header.size, proof.path, header.log))
  }

  #page(): void {
    const { height } = this.chain.head().header
    for (let at = 1; at <= height; at += 1) {
      const [parent, signed] = [at - 1, at].map(each => present(this.chain.headerAt(each), `block ${each}`))
      assert.ok(parent && signed && equal(signed.header.parent, parent.id))
    }
  }
}

describe('who reads while the head moves', () => {
  const cleanup = new Cleanup(afterEach)
  const net = makeWorkNetwork({ blockSize: COUNT })
  const validation = new ValidationPool(net.network)

  before(() => validation.start())
  after(() => validation.stop())

  /** In each round three blocks, and then four that take their place. */
  async function growing(): Promise<readonly Block[]> {
    const maker = await ForkMaker.create(net)
    const alice = await OpenAuthor.create(net, 'alice')
    const blocks: Block[] = []
    let base = GENESIS
    for (let round = 0; round < ROUNDS; round += 1) {
      const messages = alice.says(3 * COUNT)
      const part = (index: number) => messages.slice(index * COUNT, (index + 1) * COUNT)
      let [lost, kept] = [base, base]
      for (let index = 0; index < 3; index += 1) {
        const name = `lost ${round} ${index}`
        blocks.push(maker.make(name, { on: lost, messages: part(index) }))
        lost = name
      }
      for (let index = 0; index < 4; index += 1) {
        const name = `kept ${round} ${index}`
        blocks.push(maker.make(name, { on: kept, messages: part(3 - index), after: 999 }))
        kept = name
      }
      base = kept
    }
    return blocks
  }

  it('is told what is true, or that it is not there: blocks, pages, proofs', async () => {
    const blocks = await growing()
    const database = await openDatabase(await cleanup.folder())
    cleanup.add(() => database.close())
    const log = await EqualLog.open(net, database, validation)
    let isOver = false
    const readers = Array.from({ length: 4 }, () => new Reader(log.chain))
    const reading = Promise.all(readers.map(reader => reader.readUntil(() => isOver)))
    const importing = async (): Promise<void> => {
      for (const block of blocks) await log.hear(block)
    }
    await Promise.race([importing(), reading]).finally(() => {
      isOver = true
    })
    await reading
    assert.ok(log.moves.filter(({ kind }) => kind === 'reorganized').length >= ROUNDS)
    assert.ok(readers.every(({ count }) => count > ROUNDS))
    await log.check()
  })
})
