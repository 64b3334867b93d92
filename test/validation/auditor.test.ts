import assert from 'node:assert/strict'
import { Chain } from '#src/chain/chain.js'
import { type Database, keys } from '#src/chain/store.js'
import { type ReadBlock, storedBlocks } from '#src/chain/stored-blocks.js'
import type { Block } from '#src/core/block.js'
import { type EnvelopeBytes, toHex, utf8 } from '#src/core/bytes.js'
import type { Fault } from '#src/core/fault.js'
import { sha256 } from '#src/core/hash.js'
import { LIMITS } from '#src/core/limits.js'
import type { OpeningKey } from '#src/core/sealing.js'
import { Auditor } from '#src/validation/auditor.js'
import { fixedKeys } from '#src/validation/key-ring.js'
import { type ValidationOptions, ValidationPool } from '#src/validation/validation-pool.js'
import { Author, envelopesOf, type Made } from '../helpers/authors.js'
import { ChainMaker, EPOCH, type Forgery } from '../helpers/blocks.js'
import { flipped } from '../helpers/bytes.js'
import { present } from '../helpers/changes.js'
import { openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { encryptionKey, makeNetwork, type TestNetwork } from '../helpers/networks.js'

const NOW = EPOCH + 1_000_000

describe('an audit', () => {
  const cleanup = new Cleanup(after)
  let net: TestNetwork
  let alice: Author
  let maker: ChainMaker
  let sealed: ValidationPool
  let opening: ValidationPool
  let foreign: ValidationPool

  async function poolWith(
    keys: readonly OpeningKey[],
    options: ValidationOptions = {}
  ): Promise<ValidationPool> {
    const pool = new ValidationPool(net.network, fixedKeys(keys), options)
    await pool.start()
    cleanup.add(() => pool.stop())
    return pool
  }

  before(async () => {
    net = await makeNetwork({ blockSize: 5 })
    sealed = await poolWith([])
    opening = await poolWith([net.openingKey])
    foreign = await poolWith([await encryptionKey('somebody else')])
  })

  // Four blocks, and five messages for one more.
  beforeEach(async () => {
    alice = await Author.create(net, 'alice')
    maker = new ChainMaker(net)
    maker.addAll(alice.says(20))
  })

  async function* shown(blocks: readonly Block[]): AsyncIterable<ReadBlock> {
    for (const block of blocks) yield { block }
  }

  async function audit(
    blocks: AsyncIterable<ReadBlock>,
    pool = sealed
  ): Promise<{ readonly heights: number[]; readonly fault?: Fault; readonly auditor: Auditor }> {
    const auditor = new Auditor(net.rules, pool, () => NOW)
    const heights: number[] = []
    for await (const read of auditor.verified(blocks)) {
      if ('fault' in read) return { heights, fault: read.fault, auditor }
      heights.push(read.block.signed.header.height)
    }
    return { heights, auditor }
  }

  async function expectFault(
    last: Block,
    expected: Partial<Fault> & Pick<Fault, 'kind'>,
    pool?: ValidationPool
  ): Promise<void> {
    const { heights, fault, auditor } = await audit(shown([...maker.blocks, last]), pool)
    const { kind, height, position, detail } = present(fault)
    assert.deepEqual({ kind, height, position }, { height: 5, position: undefined, ...expected })
    assert.notEqual(detail, '')
    assert.deepEqual(heights, [1, 2, 3, 4])
    assert.equal(auditor.head.header.height, 4)
  }

  const forge = (forgery: Forgery, messages = alice.says(5)): Block => maker.forge(messages, forgery)
  const other = sha256(utf8('another'))

  it('finds nothing wrong with a log that is as it should be, and opens every message with the key', async () => {
    for (const pool of [sealed, opening]) {
      const { heights, fault, auditor } = await audit(shown(maker.blocks), pool)
      assert.deepEqual([heights, fault, auditor.unopened], [[1, 2, 3, 4], undefined, 0])
      assert.equal(toHex(auditor.head.id), toHex(present(maker.blocks[3]).signed.id))
    }
  })

  it('counts messages whose key it was not given, and verifies them but for their inside', async () => {
    const { fault, auditor } = await audit(shown(maker.blocks), foreign)
    assert.deepEqual([fault, auditor.unopened], [undefined, 20])
  })

  it('opens every message with the key, however many sealing sessions one author has begun', async () => {
    const stored = await poolWith([net.openingKey], { age: 'stored' })
    // As a client begins one with each start of its process.
    const again = LIMITS.agreementRate.burst * 2
    const said: Made[] = []
    while (said.length < again) {
      const { sequence } = alice.claim()
      said.push((await Author.create(net, 'alice')).say({ text: `start ${said.length}` }, { sequence }))
    }
    assert.ok(maker.addAll(said).length < 5)
    const { heights, fault, auditor } = await audit(shown(maker.blocks), stored)
    assert.deepEqual([fault, heights.length, auditor.unopened], [undefined, maker.blocks.length, 0])
    assert.equal(heights.length, Math.floor((20 + again) / 5))
  })

  it('names the message whose signature does not fit', async () => {
    const messages = alice.says(5)
    const envelopes = envelopesOf(messages).with(
      3,
      flipped(present(messages[3]).envelope, -1) as EnvelopeBytes
    )
    await expectFault(forge({ envelopes }, messages), { kind: 'message', position: 23 })
  })

  it('names the message that does not open with the key, and knows no such thing without it', async () => {
    const messages = alice.says(5)
    const moved = alice.say({ text: 'moved' })
    const spoilt = alice.signed({ ...moved.message, time: 1 }, moved.message.body)
    const block = maker.forge(messages.with(2, spoilt))
    await expectFault(block, { kind: 'message', position: 22 }, opening)
    const { fault } = await audit(shown([...maker.blocks, block]), sealed)
    assert.equal(fault, undefined)
  })

  it('names the block whose roots, count, size or parent are not what follows', async () => {
    await expectFault(forge({ header: () => ({ root: other }) }), { kind: 'root' })
    await expectFault(forge({ header: () => ({ log: other }) }), { kind: 'log' })
    await expectFault(forge({ header: () => ({ parent: other }) }), { kind: 'parent' })
    await expectFault(forge({ header: ({ size }) => ({ size: size + 1 }) }), { kind: 'size' })
    await expectFault(forge({ header: ({ count, size }) => ({ count: count - 1, size: size - 1 }) }), {
      kind: 'count'
    })
    await expectFault(forge({ header: () => ({ state: other }) }), { kind: 'state' })
    await expectFault(forge({ header: ({ height }) => ({ height: height + 1 }) }), {
      kind: 'height',
      height: 6
    })
  })

  it('names the position at which an author uses a sequence again, in another block or the same', async () => {
    const first = alice.say({ text: 'once more' }, { sequence: 1n })
    await expectFault(maker.forge([...alice.says(4), first]), { kind: 'duplicate', position: 24 })
    const [once] = alice.says(1)
    const { sequence } = present(once)
    const same = [...alice.says(3), present(once), alice.say({ text: 'twice' }, { sequence })]
    await expectFault(maker.forge(same), { kind: 'duplicate', position: 24 })
  })

  describe('of a folder', () => {
    let database: Database

    beforeEach(async () => {
      database = await openDatabase(await cleanup.folder())
      const chain = await Chain.open(database, net.rules)
      for (const block of maker.blocks) await chain.import(block, NOW)
    })

    afterEach(() => database.close())

    async function expectFound(expected: Omit<Fault, 'detail'>, heights: readonly number[]): Promise<void> {
      const audited = await audit(storedBlocks(database, net.rules.ordering))
      const { detail, ...fault } = present(audited.fault)
      assert.deepEqual(fault, expected, detail)
      assert.deepEqual(audited.heights, heights)
    }

    async function damage(key: Uint8Array): Promise<void> {
      await database.put(key, flipped(present(await database.get(key)), -1))
    }

    it('finds nothing wrong while it is sound', async () => {
      assert.deepEqual((await audit(storedBlocks(database, net.rules.ordering))).heights, [1, 2, 3, 4])
    })

    it('names a message with a flipped bit', async () => {
      await damage(keys.message(12))
      await expectFound({ kind: 'message', height: 3, position: 12 }, [1, 2])
    })

    it('names a message that is missing', async () => {
      await database.del(keys.message(7))
      await expectFound({ kind: 'missing', height: 2, position: 7 }, [1])
    })

    it('names a header with a flipped bit', async () => {
      await damage(keys.header(2))
      await expectFound({ kind: 'checkpoint', height: 2 }, [1])
    })

    it('names a header that is missing', async () => {
      await database.del(keys.header(2))
      await expectFound({ kind: 'missing', height: 2 }, [1])
    })

    it('names a header that is another block', async () => {
      await database.put(keys.header(3), present(await database.get(keys.header(4))))
      await expectFound({ kind: 'height', height: 4 }, [1, 2])
    })
  })

  it('a body beyond the limits of today stands in a log that a sequencer began before them; new it is refused', async () => {
    maker.addAll([
      alice.sealed(utf8(`{"data":{"a":${'['.repeat(4_000)}${']'.repeat(4_000)}},"text":"x"}`)),
      ...alice.says(4)
    ])
    const stored = await poolWith([net.openingKey], { age: 'stored' })
    const held = await audit(shown(maker.blocks), stored)
    assert.deepEqual([held.fault, held.heights], [undefined, [1, 2, 3, 4, 5]])
    const { fault } = await audit(shown(maker.blocks), opening)
    assert.deepEqual([fault?.kind, fault?.position], ['message', 20])
  })

  it('a body that does not fit the schema is refused in a log as well', async () => {
    maker.addAll([alice.sealed(utf8('{"text":5}')), ...alice.says(4)])
    const stored = await poolWith([net.openingKey], { age: 'stored' })
    const { fault } = await audit(shown(maker.blocks), stored)
    assert.deepEqual([fault?.kind, fault?.position], ['message', 20])
  })
})
