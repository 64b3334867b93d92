import assert from 'node:assert/strict'
import { Chain } from '#src/chain/chain.js'
import type { Cursor } from '#src/chain/cursor.js'
import { Mempool } from '#src/chain/mempool.js'
import type { Database } from '#src/chain/store.js'
import type { Block } from '#src/core/block.js'
import { toHex } from '#src/core/bytes.js'
import type { Fault } from '#src/core/fault.js'
import { sha256 } from '#src/core/hash.js'
import { VerifierCache } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { leafHash, rootOf } from '#src/core/merkle.js'
import { InvalidNetworkDocument } from '#src/core/network.js'
import { TransferStore } from '#src/replication/set/transfer-store.js'
import { networkOf } from '#src/rules/network-document.js'
import { messageRules } from '#src/validation/message-rules.js'
import { Author, envelopesOf, type Made } from '../helpers/authors.js'
import { ChainMaker, type Forgery } from '../helpers/blocks.js'
import { assertBytes } from '../helpers/bytes.js'
import { present } from '../helpers/changes.js'
import { LATER } from '../helpers/equals.js'
import { memoryDatabase } from '../helpers/memory-database.js'
import { makeNetwork, makeWorkNetwork, type TestNetwork } from '../helpers/networks.js'
import { ledgerOf, Payer } from '../helpers/payers.js'
import { makeUnorderedNetwork } from '../helpers/unordered.js'

const BLOCK_SIZE = 5

/** An application under an ordering. */
interface Case {
  readonly net: TestNetwork
  /** Valid one after the other, from the genesis on; four blocks of them. */
  readonly messages: readonly Made[]
  /** Valid by itself, but not in place of the last one of the first block; none where there is no state. */
  readonly misplaced?: Made
}

async function messagesCase(net: TestNetwork): Promise<Case> {
  const alice = await Author.create(net, 'alice')
  return { net, messages: alice.says(4 * BLOCK_SIZE) }
}

/** Alice pays Bob, who pays on what he has not had before. */
async function ledgerCase(net: TestNetwork): Promise<Case> {
  const [alice, bob, carol] = await Promise.all(
    ['alice', 'bob', 'carol'].map(name => Payer.create(net, name))
  )
  assert.ok(alice && bob && carol)
  const messages = Array.from({ length: 2 * BLOCK_SIZE }, () => [
    alice.pay(bob, 10n, { fee: 1n }),
    bob.pay(carol, 9n, { fee: 1n })
  ])
  return { net, messages: messages.flat(), misplaced: carol.pay(alice, 1_000n, { sequence: 1n }) }
}

const LEDGER = await ledgerOf({ alice: 1_000n })
const PAID = await ledgerOf({ alice: 1_000n }, { reward: 50n })

interface Row {
  readonly name: string
  make(): Promise<Case>
  readonly hasState?: true
  readonly mayFork?: true
}

const ROWS: readonly Row[] = [
  {
    name: 'messages under a sequencer',
    make: async () => messagesCase(await makeNetwork({ blockSize: BLOCK_SIZE }))
  },
  {
    name: 'messages under work',
    make: async () => messagesCase(await makeWorkNetwork({ blockSize: BLOCK_SIZE })),
    mayFork: true
  },
  {
    name: 'a ledger under a sequencer',
    make: async () => ledgerCase(await makeNetwork({ blockSize: BLOCK_SIZE, ledger: LEDGER })),
    hasState: true
  },
  {
    name: 'a ledger under work',
    make: async () => ledgerCase(await makeWorkNetwork({ blockSize: BLOCK_SIZE, ledger: PAID })),
    hasState: true,
    mayFork: true
  }
]

/** A block over messages of which not all are valid, with both trees right. */
function over(messages: readonly Made[], { frontier, signed }: Cursor): Forgery {
  const envelopes = envelopesOf(messages)
  const leaves = envelopes.map(leafHash)
  const size = signed.header.size + leaves.length
  return {
    header: () => ({
      count: leaves.length,
      root: rootOf(leaves),
      size,
      log: frontier.appendAll(leaves).root()
    }),
    envelopes
  }
}

for (const { name, make, hasState, mayFork } of ROWS)
  describe(name, () => {
    let given: Case
    let maker: ChainMaker
    let database: Database
    let chain: Chain
    let pool: Mempool

    beforeEach(async () => {
      given = await make()
      maker = new ChainMaker(given.net)
      maker.addAll(given.messages)
      database = await memoryDatabase()
      await open()
    })

    async function open(): Promise<void> {
      const { rules } = given.net
      pool = await Mempool.open(database, messageRules(rules), new VerifierCache(), error =>
        assert.fail(error)
      )
      chain = await Chain.open(database, rules, pool)
    }

    async function importAll(blocks: readonly Block[]): Promise<void> {
      for (const block of blocks) {
        const imported = await chain.import(block, LATER)
        assert.notEqual(imported.kind, 'invalid', JSON.stringify(imported))
      }
    }

    async function faultOf(block: Block): Promise<Fault> {
      const imported = await chain.import(block, LATER)
      assert.ok(imported.kind === 'invalid')
      return imported.fault
    }

    function expectStateOf({ state, signed }: Cursor): void {
      const { application } = given.net.rules
      assertBytes(chain.head().id, signed.id)
      assertBytes(application.digest(chain.state), application.digest(state))
    }

    /** Every state that is kept is the one that its block commits to. */
    function expectKept(): void {
      const head = chain.head().header.height
      assert.ok(chain.oldestState <= head)
      assert.equal(chain.stateAt(head + 1), undefined)
      assert.equal(chain.stateAt(chain.oldestState - 1), undefined)
      for (let height = chain.oldestState; height <= head; height += 1) {
        const { signed, state } = present(chain.stateAt(height))
        assertBytes(signed.id, present(chain.headerAt(height)).id)
        assertBytes(given.net.rules.application.digest(state), signed.header.state)
      }
    }

    it('comes to the same state from the blocks of others, and from its own disk', async () => {
      await importAll(maker.blocks)
      for (let time = 0; time < 2; time += 1) {
        expectStateOf(maker.cursor)
        expectKept()
        assert.equal(chain.oldestState, 0)
        await open()
      }
    })

    it('takes no block that says another state, and the true one after it', async () => {
      const first = maker.fork(0)
      const messages = given.messages.slice(0, BLOCK_SIZE)
      const false1 = first.forge(messages, { header: () => ({ state: sha256(Uint8Array.of(1)) }) })
      assert.equal((await faultOf(false1)).kind, 'state')
      assert.equal((await faultOf(false1)).kind, 'parent', 'it is remembered')
      await importAll(maker.blocks)
      expectStateOf(maker.cursor)
    })

    if (hasState)
      it('takes no block in which one message is not valid at its place, and the true one after it', async () => {
        const wrong = [...given.messages.slice(0, BLOCK_SIZE - 1), present(given.misplaced)]
        const fault = await faultOf(maker.fork(0).forge([], over(wrong, maker.fork(0).cursor)))
        assert.deepEqual([fault.kind, fault.position], ['message', BLOCK_SIZE - 1])
        assert.match(fault.detail, /^overdraft: /)
        assert.equal((await database.keys({ gte: 'l', lt: 'n' }).all()).length, 0, 'nothing of it is stored')
        await importAll(maker.blocks)
        expectStateOf(maker.cursor)
      })

    if (!mayFork) return

    it('keeps no more states than it may', async () => {
      const { blocks } = LIMITS.keptStates
      for (let count = maker.blocks.length; count < blocks + 3; count += 1) maker.add([])
      await importAll(maker.blocks)
      expectKept()
      assert.equal(chain.oldestState, 4)
    })

    it('takes up the state of a heavier branch, and what it leaves waits to be said again', async () => {
      await importAll(maker.blocks)
      const other = maker.fork(1)
      for (let count = 0; count < 5; count += 1) other.add([])
      await importAll(other.blocks)
      expectStateOf(other.cursor)
      expectKept()
      const left = given.messages.slice(BLOCK_SIZE)
      assert.deepEqual(
        [...pool.waiting()].map(({ leaf }) => toHex(leaf)),
        left.map(({ leaf }) => toHex(leaf))
      )
      const proposed = present(chain.propose(given.net.sequencer, LATER))
      assert.deepEqual(
        proposed.leaves.map(toHex),
        left.slice(0, BLOCK_SIZE).map(({ leaf }) => toHex(leaf))
      )
      const again = maker.fork(4)
      for (let count = 0; count < 4; count += 1) again.add([])
      await importAll(again.blocks)
      expectStateOf(again.cursor)
      assert.equal(pool.size, 0)
      await open()
      expectStateOf(again.cursor)
      expectKept()
    })
  })

describe('a ledger with no order', () => {
  /** All that a store comes to: the digest of its set, and every account. */
  function stateOf({ transfers, sums }: TransferStore): object {
    const balances = sums.page(undefined, 1_000).map(({ id, balance }) => [toHex(id), balance] as const)
    return { digest: toHex(transfers.digest()), balances: new Map(balances) }
  }

  it('comes to the same state from the transfers of others, in any order, and from its own disk', async () => {
    const { network } = await makeUnorderedNetwork({ alice: 1_000n })
    const [alice, bob, carol] = await Promise.all(
      ['alice', 'bob', 'carol'].map(name => Payer.create({ network }, name))
    )
    assert.ok(alice && bob && carol)
    const messages = Array.from({ length: 2 * BLOCK_SIZE }, () => [
      alice.pay(bob, 10n, { fee: 1n }),
      bob.pay(carol, 9n, { fee: 1n })
    ]).flat()
    // What would be misplaced in an order has its place here.
    messages.push(carol.pay(alice, 1_000n, { sequence: 1n }))
    const states: object[] = []
    for (const order of [messages, messages.toReversed(), [...messages, ...messages]]) {
      const database = await memoryDatabase()
      const open = (): Promise<TransferStore> =>
        TransferStore.open({
          database,
          network,
          changed: () => undefined,
          failed: error => assert.fail(error)
        })
      const store = await open()
      for (const message of order) store.add(message)
      await store.stored()
      states.push(stateOf(store), stateOf(await open()))
    }
    for (const state of states) assert.deepEqual(state, states[0])
  })

  it('has none but transfers: there is nothing that plain messages could agree on', () => {
    const document = {
      tallystick: 1,
      name: 'test',
      ordering: { type: 'none' },
      application: { type: 'messages', schema: { type: 'object' } },
      limits: { messageBytes: 4096 }
    }
    assert.throws(() => networkOf(document), InvalidNetworkDocument)
  })
})
