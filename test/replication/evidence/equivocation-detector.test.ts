import assert from 'node:assert/strict'
import { Chain } from '#src/chain/chain.js'
import { toHex, utf8 } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { VerifierCache } from '#src/core/keys.js'
import { readReceipt, signReceipt } from '#src/core/receipt.js'
import { EquivocationDetector } from '#src/replication/evidence/equivocation-detector.js'
import { readEvidence } from '#src/validation/evidence-check.js'
import { Author, type Made } from '../../helpers/authors.js'
import { ChainMaker, EPOCH } from '../../helpers/blocks.js'
import { present } from '../../helpers/changes.js'
import { openDatabase } from '../../helpers/check-peer.js'
import { Cleanup } from '../../helpers/cleanup.js'
import { makeNetwork, type TestNetwork } from '../../helpers/networks.js'

const NOW = EPOCH + 1_000_000

describe('a witness', () => {
  const cleanup = new Cleanup(afterEach)
  let net: TestNetwork
  let alice: Author
  let maker: ChainMaker
  let chain: Chain
  let detector: EquivocationDetector
  let found: Promise<string>[]

  beforeEach(async () => {
    net = await makeNetwork({ blockSize: 3 })
    alice = await Author.create(net, 'alice')
    maker = new ChainMaker(net)
    const database = await openDatabase(await cleanup.folder())
    cleanup.add(() => database.close())
    chain = await Chain.open(database, net.rules)
    found = []
    detector = new EquivocationDetector(chain, bytes => void found.push(kindOf(bytes)))
  })

  /** What proves nothing is no evidence: as the keeper does it. */
  async function kindOf(bytes: Uint8Array): Promise<string> {
    try {
      const { kind, height } = await readEvidence(bytes, net.network, new VerifierCache())
      return `${kind} ${height}`
    } catch {
      return 'nothing'
    }
  }

  /** The sequencer promises this position to this message. */
  function promise({ author, sequence, leaf }: Made, position: number): void {
    const receipt = { network: net.network.id, author, time: NOW, entries: [{ sequence, position, leaf }] }
    const bytes = signReceipt(receipt, net.signer)
    detector.heard(readReceipt(bytes, net.network.id, net.sequencer, new VerifierCache()), bytes)
  }

  async function extend(messages: readonly Made[]): Promise<void> {
    const block = maker.add(messages)
    const imported = await chain.import(block, NOW)
    assert.equal(imported.kind, 'extended')
    detector.extended(block.signed)
  }

  it('has nothing to say of promises that are kept, whenever they are heard, and however often', async () => {
    const messages = alice.says(3)
    for (const [position, message] of messages.entries()) promise(message, position)
    for (const [position, message] of messages.entries()) promise(message, position)
    await extend(messages)
    for (const [position, message] of messages.entries()) promise(message, position)
    assert.deepEqual(await Promise.all(found), [])
  })

  it('finds that one of two promises for one position is broken, whichever was heard first', async () => {
    const [kept, broken, ...rest] = alice.says(4)
    promise(present(kept), 0)
    promise(present(broken), 0)
    await extend([present(kept), ...rest])
    assert.deepEqual(await Promise.all(found), ['receipt 1'])
    const [first, second, ...others] = alice.says(4)
    promise(present(first), 3)
    promise(present(second), 3)
    await extend([present(second), ...others])
    assert.deepEqual(await Promise.all(found), ['receipt 1', 'receipt 2'])
  })

  it('finds a promise broken by a block that it holds already', async () => {
    await extend(alice.says(3))
    promise(present(alice.says(1)[0]), 1)
    assert.deepEqual(await Promise.all(found), ['receipt 1'])
  })

  it('finds that one of two headers above the chain is not that of the block that comes', async () => {
    const other = maker.fork(0)
    const messages = alice.says(3)
    const lie = other.add(alice.says(3)).signed
    detector.examine(lie)
    detector.examine(lie)
    assert.deepEqual(found, [])
    await extend(messages)
    assert.deepEqual(await Promise.all(found), ['fork 1'])
    detector.examine(other.add(alice.says(3)).signed)
    detector.examine(maker.fork(1).add(alice.says(3)).signed)
    assert.deepEqual(await Promise.all(found), ['fork 1', 'broken 2', 'fork 2'], 'nor one of the other')
  })

  it('has nothing to say of headers above the chain whose blocks come', async () => {
    const blocks = [maker.add(alice.says(3)), maker.add(alice.says(3))]
    for (const { signed } of blocks) detector.examine(signed)
    for (const block of blocks) {
      await chain.import(block, NOW)
      detector.extended(block.signed)
    }
    assert.deepEqual(await Promise.all(found), [])
  })

  it('finds a block of which a log is signed that its messages do not give', async () => {
    await extend(alice.says(3))
    const bad = maker.forge(alice.says(3), { header: () => ({ log: sha256(utf8('another')) }) })
    detector.examineBlock(bad)
    assert.deepEqual(await Promise.all(found), ['log 2'])
  })

  it('convicts nobody of a block whose messages were exchanged on the way', async () => {
    const messages = alice.says(3)
    const { signed, envelopes } = maker.forge(messages)
    detector.examineBlock({ signed, envelopes: envelopes.toReversed() })
    assert.deepEqual(new Set(await Promise.all(found)), new Set(['nothing']))
    assert.notEqual(toHex(signed.id), toHex(chain.head().id))
  })
})
