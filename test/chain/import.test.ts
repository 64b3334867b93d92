import assert from 'node:assert/strict'
import { Chain } from '#src/chain/chain.js'
import { advance, genesisCursor } from '#src/chain/cursor.js'
import { type Database, StoreError } from '#src/chain/store.js'
import { type Block, decodeBlockParts } from '#src/core/block.js'
import { toHex, utf8 } from '#src/core/bytes.js'
import type { FaultKind } from '#src/core/fault.js'
import { sha256 } from '#src/core/hash.js'
import { signerOf } from '#src/core/keys.js'
import { leafHash, rootOf, verifyConsistency, verifyInclusion } from '#src/core/merkle.js'
import { Author, envelopesOf, type Made } from '../helpers/authors.js'
import { ChainMaker, EPOCH, type Forgery } from '../helpers/blocks.js'
import { assertBytes } from '../helpers/bytes.js'
import { present } from '../helpers/changes.js'
import { checkDatabase, openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity, makeNetwork, type TestNetwork } from '../helpers/networks.js'

const NOW = EPOCH + 1_000_000
const ANOTHER = sha256(utf8('another'))

describe('importing a chain', () => {
  const cleanup = new Cleanup(afterEach)
  let net: TestNetwork
  let alice: Author
  let maker: ChainMaker

  beforeEach(async () => {
    net = await makeNetwork({ blockSize: 5 })
    alice = await Author.create(net, 'alice')
    maker = new ChainMaker(net)
  })

  async function emptyDatabase(): Promise<Database> {
    const database = await openDatabase(await cleanup.folder())
    cleanup.add(() => database.close())
    return database
  }

  async function importAll(chain: Chain, blocks: readonly Block[]): Promise<void> {
    for (const block of blocks) {
      const imported = await chain.import(block, NOW)
      assert.equal(imported.kind, 'extended', JSON.stringify(imported))
    }
  }

  async function contents(database: Database): Promise<string[]> {
    const entries = await database.iterator().all()
    return entries.map(([key, value]) => `${toHex(key)} ${toHex(value)}`)
  }

  it('a valid chain in an empty folder equals its source: head, blocks, proofs, and again once reopened', async () => {
    maker.addAll(alice.says(520))
    const database = await emptyDatabase()
    const chain = await Chain.open(database, net.rules)
    await importAll(chain, maker.blocks)
    const reopened = await Chain.open(database, net.rules)
    const leaves = maker.blocks.flatMap(({ envelopes }) => envelopes.map(leafHash))
    for (const opened of [chain, reopened]) {
      const head = opened.head()
      assertBytes(head.id, present(maker.blocks.at(-1)).signed.id)
      assertBytes(head.header.log, rootOf(leaves))
      for (const { signed, envelopes } of maker.blocks) {
        const found = present(opened.headerById(signed.id))
        assertBytes(found.envelope, signed.envelope)
        const parts = decodeBlockParts(present(await opened.encodedBlock(found)))
        assert.deepEqual(parts.envelopes.map(toHex), envelopes.map(toHex))
      }
      for (const position of [0, 4, 5, 255, 256, 519]) {
        const proof = present(opened.inclusion(position))
        const { size, log } = proof.signed.header
        assert.ok(verifyInclusion(present(leaves[position]), position, size, proof.path, log))
      }
      const [early, late] = [present(maker.blocks[50]), present(maker.blocks[103])].map(
        ({ signed }) => signed.header
      )
      assert.ok(early && late)
      const path = present(opened.consistency(early.size, late.size))
      assert.ok(verifyConsistency(early.size, early.log, late.size, late.log, path))
    }
    const checked = await checkDatabase(database, net, { receipts: false })
    assert.deepEqual([checked.height, checked.size, checked.pending], [104, 520, 0])
  })

  it('an empty folder has the genesis as its head', async () => {
    const chain = await Chain.open(await emptyDatabase(), net.rules)
    assertBytes(chain.head().id, genesisCursor(net.rules).signed.id)
    assertBytes(present(chain.headerAt(0)).id, chain.head().id)
    assert.equal(chain.headerAt(1), undefined)
    assert.equal(chain.inclusion(0), undefined)
    assert.deepEqual(chain.consistency(0, 0), [])
    assert.equal(chain.consistency(0, 1), undefined)
    const { document } = decodeBlockParts(present(await chain.encodedBlock(chain.head())))
    assertBytes(document, net.network.canonical)
  })

  it('heights, positions and sizes that make no sense are not found', async () => {
    maker.addAll(alice.says(10))
    const chain = await Chain.open(await emptyDatabase(), net.rules)
    await importAll(chain, maker.blocks)
    for (const number of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 1e300]) {
      assert.equal(chain.headerAt(number), undefined, `height ${number}`)
      assert.equal(chain.inclusion(number), undefined, `position ${number}`)
    }
    for (const [from, to] of [
      [-1, 10],
      [6, 5],
      [0, 11],
      [11, 11],
      [0, Number.MAX_SAFE_INTEGER]
    ] as const)
      assert.equal(chain.consistency(from, to), undefined, `from ${from} to ${to}`)
  })

  it('a block that comes before its parent is an orphan; it is taken once the parent is there', async () => {
    maker.addAll(alice.says(15))
    const database = await emptyDatabase()
    const chain = await Chain.open(database, net.rules)
    const [first, second, third] = maker.blocks
    assert.ok(first && second && third)
    const before = await contents(database)
    assert.equal((await chain.import(third, NOW)).kind, 'orphan')
    assert.equal((await chain.import(second, NOW)).kind, 'orphan')
    assert.deepEqual(await contents(database), before, 'nothing is stored')
    await importAll(chain, [first, second, third])
  })

  it('a block that is there already is known, wherever it stands', async () => {
    maker.addAll(alice.says(15))
    const database = await emptyDatabase()
    const chain = await Chain.open(database, net.rules)
    await importAll(chain, maker.blocks)
    const before = await contents(database)
    for (const block of maker.blocks) assert.equal((await chain.import(block, NOW)).kind, 'known')
    assert.deepEqual(await contents(database), before)
  })

  it('another signed block at a height that is there is a conflict, and ours stays', async () => {
    const messages = alice.says(10)
    const conflicting = maker.forge(messages.slice(0, 5), { header: () => ({ time: EPOCH + 1 }) })
    maker.addAll(messages)
    const chain = await Chain.open(await emptyDatabase(), net.rules)
    await importAll(chain, maker.blocks)
    const imported = await chain.import(conflicting, NOW)
    assert.ok(imported.kind === 'conflict')
    assertBytes(imported.ours.id, present(maker.blocks[0]).signed.id)
    assertBytes(chain.head().id, present(maker.blocks[1]).signed.id)
  })

  it("another network's folder is refused", async () => {
    const database = await emptyDatabase()
    await Chain.open(database, net.rules)
    const foreign = await makeNetwork({ name: 'another' })
    await assert.rejects(Chain.open(database, foreign.rules), StoreError)
  })

  interface Wrong {
    readonly what: string
    readonly fault: FaultKind
    readonly messages?: (next: readonly Made[], earlier: readonly Made[]) => readonly Made[]
    readonly forgery?: (next: readonly Made[]) => Forgery | Promise<Forgery>
  }
  const wrongs: readonly Wrong[] = [
    {
      what: 'of another network',
      fault: 'network',
      forgery: () => ({ header: () => ({ network: ANOTHER }) })
    },
    {
      what: 'with a wrong parent',
      fault: 'parent',
      forgery: () => ({ header: () => ({ parent: ANOTHER }) })
    },
    {
      what: 'that announces more messages than it has',
      fault: 'count',
      forgery: () => ({ header: honest => ({ count: honest.count + 1 }) })
    },
    {
      what: 'that has more messages than it announces',
      fault: 'count',
      forgery: next => ({ envelopes: envelopesOf([...next, ...alice.says(1)]) })
    },
    {
      what: 'with a wrong size',
      fault: 'size',
      forgery: () => ({ header: honest => ({ size: honest.size + 5 }) })
    },
    { what: 'with a wrong root', fault: 'root', forgery: () => ({ header: () => ({ root: ANOTHER }) }) },
    {
      what: 'with its messages in another order',
      fault: 'root',
      forgery: next => ({ envelopes: envelopesOf(next.toReversed()) })
    },
    { what: 'with a wrong log', fault: 'log', forgery: () => ({ header: () => ({ log: ANOTHER }) }) },
    {
      what: 'whose two trees disagree: its log is its root',
      fault: 'log',
      forgery: () => ({ header: honest => ({ log: honest.root }) })
    },
    { what: 'with a wrong state', fault: 'state', forgery: () => ({ header: () => ({ state: ANOTHER }) }) },
    {
      what: 'from before its parent',
      fault: 'time',
      forgery: () => ({ header: () => ({ time: EPOCH + 999 }) })
    },
    {
      what: 'by a foreign producer',
      fault: 'producer',
      forgery: async () => {
        const signer = signerOf(await identity('mallory'))
        return { signer, header: () => ({ producer: signer.peerId }) }
      }
    },
    {
      what: 'with a proof that its ordering does not know',
      fault: 'proof',
      forgery: () => ({ header: () => ({ proof: Uint8Array.of(0) }) })
    },
    { what: 'of one message too many', fault: 'count', messages: next => [...next, ...alice.says(1)] },
    { what: 'of one message too few', fault: 'count', messages: next => next.slice(1) },
    { what: 'without a message', fault: 'count', messages: () => [] },
    {
      what: 'with a message of an earlier block',
      fault: 'duplicate',
      messages: ([_, ...others], earlier) => [...others, present(earlier[0])]
    },
    {
      what: 'with a message twice',
      fault: 'duplicate',
      messages: ([one, _, ...others]) => [present(one), ...others, present(one)]
    },
    {
      what: 'with another body under the sequence of an earlier block',
      fault: 'duplicate',
      messages: ([_, ...others], earlier) => [
        ...others,
        alice.say({ text: 'changed my mind' }, { sequence: present(earlier[0]).sequence })
      ]
    },
    {
      what: 'with two bodies under one sequence',
      fault: 'duplicate',
      messages: ([one, _, ...others]) => [
        present(one),
        ...others,
        alice.say({ text: 'twice' }, { sequence: present(one).sequence })
      ]
    }
  ]

  for (const { what, fault, messages, forgery } of wrongs)
    it(`a block ${what} is invalid: ${fault}; nothing of it is stored, and the true one is taken`, async () => {
      const earlier = alice.says(10)
      maker.addAll(earlier)
      const database = await emptyDatabase()
      const chain = await Chain.open(database, net.rules)
      await importAll(chain, maker.blocks)
      const before = await contents(database)
      const next = alice.says(5)
      const chosen = messages?.(next, earlier) ?? next
      const imported = await chain.import(maker.forge(chosen, await forgery?.(chosen)), NOW)
      assert.ok(imported.kind === 'invalid', `it was ${imported.kind}`)
      assert.deepEqual([imported.fault.kind, imported.fault.height], [fault, 3], imported.fault.detail)
      assert.notEqual(imported.fault.detail, '')
      assert.deepEqual(await contents(database), before)
      assertBytes(chain.head().id, present(maker.blocks[1]).signed.id)
      await importAll(chain, [maker.add(next)])
      await checkDatabase(database, net, { receipts: false })
    })

  it('101 messages are no block of a network of blocks of 100, nor are 99', async () => {
    const hundred = await makeNetwork({ blockSize: 100 })
    const writer = await Author.create(hundred, 'writer')
    const chain = await Chain.open(await emptyDatabase(), hundred.rules)
    for (const count of [101, 99]) {
      const imported = await chain.import(new ChainMaker(hundred).forge(writer.says(count)), NOW)
      assert.ok(imported.kind === 'invalid')
      assert.equal(imported.fault.kind, 'count')
    }
    const imported = await chain.import(new ChainMaker(hundred).add(writer.says(100)), NOW)
    assert.equal(imported.kind, 'extended')
  })

  it('where a timeout allows shorter blocks, one of 1 to blockSize messages is taken, none of 0 or more', async () => {
    const timed = await makeNetwork({ blockSize: 5, blockTimeout: 1000 })
    const writer = await Author.create(timed, 'writer')
    const made = new ChainMaker(timed)
    const chain = await Chain.open(await emptyDatabase(), timed.rules)
    for (const count of [0, 6]) {
      const imported = await chain.import(made.forge(writer.says(count)), NOW)
      assert.ok(imported.kind === 'invalid')
      assert.equal(imported.fault.kind, 'count')
    }
    for (const count of [1, 5, 3]) await importAll(chain, [made.add(writer.says(count))])
    assert.equal(chain.head().header.size, 9)
  })

  it('a block at another height than the next is at fault: height', () => {
    const place = genesisCursor(net.rules)
    for (const height of [0, 2, 7]) {
      const block = maker.forge(alice.says(5), { header: () => ({ height }) })
      const advanced = advance(place, block, net.rules, NOW)
      assert.ok(!advanced.ok)
      assert.equal(advanced.fault.kind, 'height')
    }
  })

  it('leaves whose first bytes are shared are told apart', async () => {
    maker.addAll(alice.says(5))
    const chain = await Chain.open(await emptyDatabase(), net.rules)
    await importAll(chain, maker.blocks)
    const [envelope] = present(maker.blocks[0]).envelopes
    const leaf = leafHash(present(envelope))
    assert.equal(present(await chain.inclusionOfLeaf(leaf)).position, 0)
    const similar = Uint8Array.from(leaf)
    similar[31] = (similar[31] ?? 0) ^ 1
    assert.equal(await chain.inclusionOfLeaf(similar as typeof leaf), undefined)
  })
})
