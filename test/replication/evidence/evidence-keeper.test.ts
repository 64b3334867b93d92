import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { Chain } from '#src/chain/chain.js'
import { type Database, keys, ranges } from '#src/chain/store.js'
import type { Block } from '#src/core/block.js'
import { type PeerIdBytes, toHex, utf8 } from '#src/core/bytes.js'
import { brokenReceiptEvidence } from '#src/core/evidence.js'
import { sha256 } from '#src/core/hash.js'
import { LIMITS } from '#src/core/limits.js'
import { inclusionPath, leafHash, subtreeOf } from '#src/core/merkle.js'
import { signReceipt } from '#src/core/receipt.js'
import { Evidence as WireEvidence } from '#src/core/wire/tallystick.js'
import type { GossipVerdict } from '#src/network/host.js'
import { openCopy } from '#src/node/following.js'
import { BlockImporter, type Verification } from '#src/replication/chain/block-importer.js'
import { EvidenceKeeper, type EvidenceKeeperOptions } from '#src/replication/evidence/evidence-keeper.js'
import { stateEvidence } from '#src/validation/evidence-check.js'
import { ValidationPool } from '#src/validation/validation-pool.js'
import { ChainMaker } from '../../helpers/blocks.js'
import { present } from '../../helpers/changes.js'
import { LATER } from '../../helpers/equals.js'
import { memoryDatabase } from '../../helpers/memory-database.js'
import { makeNetwork, type TestNetwork } from '../../helpers/networks.js'
import { ledgerOf, Payer } from '../../helpers/payers.js'

const MESSAGES = 40
const { burst, perSecond } = LIMITS.evidenceRate

const peer = (number: number): PeerIdBytes => new Uint8Array(38).fill(number) as PeerIdBytes

/** Turns of the event loop that begin meanwhile. */
async function turnsOf(work: () => Promise<unknown>): Promise<number> {
  let turns = 0
  let isOver = false
  const counting = async (): Promise<void> => {
    for (;;) {
      await setImmediate()
      if (isOver) return
      turns += 1
    }
  }
  const counted = counting()
  await work()
  isOver = true
  await counted
  return turns
}

describe('a keeper of evidence', () => {
  let net: TestNetwork
  let alice: Payer
  /** Whose transfers stand in no block that is right. */
  let bob: Payer
  let maker: ChainMaker
  let database: Database
  let keeper: EvidenceKeeper
  let hear: (from: PeerIdBytes, bytes: Uint8Array) => GossipVerdict | Promise<GossipVerdict>
  let now: number
  let published: number
  /** How often a piece was judged. */
  let judged: number
  let isRight: EvidenceKeeperOptions['isRight']
  let bringerOf: EvidenceKeeperOptions['host']['bringerOf']

  beforeEach(async () => {
    net = await makeNetwork({
      blockSize: MESSAGES,
      blockTimeout: 1,
      ledger: await ledgerOf({ alice: 1_000n, bob: 1n })
    })
    ;[alice, bob] = [await Payer.create(net, 'alice'), await Payer.create(net, 'bob')]
    maker = new ChainMaker(net)
    database = await memoryDatabase()
    now = published = judged = 0
    isRight = () => false
    bringerOf = from => ({ peer: toHex(from), host: toHex(from), site: toHex(from) })
    keeper = new EvidenceKeeper({
      host: {
        subscribe: (_, heard) => {
          hear = heard
        },
        unsubscribe: () => undefined,
        publish: async () => {
          published += 1
          return 0
        },
        bringerOf: from => bringerOf(from)
      },
      topic: 'evidence',
      database,
      network: net.network,
      clock: () => now,
      isRight: signed => {
        judged += 1
        return isRight(signed)
      },
      report: () => undefined,
      failed: assert.ifError,
      convicted: () => undefined
    })
    await keeper.start()
  })

  afterEach(() => keeper.stop())

  const heardOf = async (number: number, bytes: Uint8Array): Promise<GossipVerdict> =>
    hear(peer(number), bytes)

  /** What shows a block as if it were not what its messages make of the state. */
  function shown(make: () => Block): Uint8Array {
    const { signed, state } = maker.cursor
    return present(stateEvidence(net.rules, signed, state, make()))
  }

  /** Pieces that were read of neighbours that were asked. */
  let count = 0

  async function* shownBy(all: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void> {
    for (const bytes of all) {
      count += 1
      yield bytes
    }
  }

  /** A block that is right. */
  function alarm(messages: number): Uint8Array {
    return shown(() => maker.add(Array.from({ length: messages }, () => alice.pay(alice, 1n))))
  }

  function trueEvidence(): Uint8Array {
    const header = () => ({ state: sha256(utf8('another')) })
    return shown(() => maker.forge([bob.pay(alice, 1n)], { header }))
  }

  const kept = (): string[] => keeper.all().map(({ kind }) => kind)

  /** One lie about position 0, shown in the log of each block and by as many receipts. */
  function variants(count: number): Uint8Array[] {
    const lie = { network: net.network.id, author: alice.peerId, leaf: sha256(utf8('promised')) }
    for (let height = 1; height <= count; height += 1) maker.add([alice.pay(alice, 1n)])
    const leaves = maker.blocks.flatMap(({ envelopes }) => envelopes.map(leafHash))
    return maker.blocks.flatMap(({ signed }) => {
      const path = inclusionPath(0, signed.header.size, subtreeOf(leaves.slice(0, signed.header.size)))
      return Array.from({ length: count }, (_, time) => {
        const entries = [{ sequence: 1n, position: 0, leaf: lie.leaf }]
        const receipt = signReceipt({ ...lie, time, entries }, net.signer)
        return brokenReceiptEvidence(receipt, { position: 0, leaf: present(leaves[0]), path, signed })
      })
    })
  }

  it('looks at only so much of one neighbour, and at what others bring all the same', async () => {
    const alarms = Array.from({ length: burst + 3 }, () => alarm(1))
    const evidence = trueEvidence()
    const verdicts = await Promise.all(alarms.map(each => heardOf(1, each)))
    assert.deepEqual(
      verdicts,
      alarms.map((_, index) => (index < burst ? 'reject' : 'later'))
    )
    assert.equal(await heardOf(1, evidence), 'later')
    assert.deepEqual(kept(), [])
    now += 1_000 / perSecond
    assert.equal(await heardOf(1, present(alarms.at(-1))), 'reject')
    assert.equal(await heardOf(2, evidence), 'accept')
    assert.deepEqual(kept(), ['state'])
  })

  it('looks at only so much of one host, however many names it has, and at what other hosts bring all the same', async () => {
    const most = LIMITS.evidenceRateOfHost.burst
    bringerOf = from => ({ peer: toHex(from), host: (from[0] ?? 0) < 200 ? 'crowd' : 'elsewhere', site: '' })
    const alarms = Array.from({ length: most + 3 }, () => alarm(1))
    const verdicts: string[] = []
    for (const [index, each] of alarms.entries()) verdicts.push(await heardOf(index, each))
    assert.deepEqual(
      verdicts,
      alarms.map((_, index) => (index < most ? 'reject' : 'later'))
    )
    assert.equal(await heardOf(250, trueEvidence()), 'accept')
    assert.deepEqual(kept(), ['state'])
  })

  it('gives others their turns while it looks at a block with many messages', async () => {
    const turns = await turnsOf(async () => assert.equal(await heardOf(1, alarm(MESSAGES)), 'reject'))
    assert.ok(turns >= MESSAGES / 4, `${turns} turns`)
  })

  it('looks at one piece at a time, and at no piece twice, whoever brings it', async () => {
    const long = alarm(MESSAGES)
    const turns = await turnsOf(async () => {
      const verdicts = await Promise.all([1, 2, 3].map(from => heardOf(from, long)))
      assert.deepEqual(verdicts, ['reject', 'reject', 'reject'])
      assert.equal(await keeper.add(long), false)
    })
    assert.equal(judged, 1)
    assert.ok(turns < 2 * (MESSAGES / 4), `${turns} turns`)
    assert.equal(await heardOf(4, long), 'reject')
    assert.equal(judged, 1)
  })

  it('takes neighbours in turn: who brings much that takes long does not keep others waiting', async () => {
    const order: string[] = []
    const noting = (name: string, bytes: Uint8Array, from: number): Promise<unknown> =>
      heardOf(from, bytes).then(verdict => order.push(`${name}: ${verdict}`))
    const alarms = Array.from({ length: 4 }, () => alarm(MESSAGES))
    await Promise.all([
      ...alarms.map(each => noting('alarm', each, 1)),
      noting('evidence', trueEvidence(), 2)
    ])
    assert.ok(order.indexOf('evidence: accept') <= 2, order.join(', '))
  })

  it('rejects at once what shows a block that it has checked itself, and looks at no message of it', async () => {
    isRight = () => true
    const long = alarm(MESSAGES)
    assert.equal(await turnsOf(async () => assert.equal(await heardOf(1, long), 'reject')), 0)
    assert.equal(judged, 1)
  })

  for (const [verification, what] of [
    ['full', 'has checked the blocks of its chain, and no other ones'],
    ['headers', 'has not checked the blocks of its chain where it leaves out the signatures of messages']
  ] as const satisfies readonly (readonly [Verification, string])[])
    it(`a follower that verifies ${verification} ${what}`, async () => {
      const chain = await Chain.open(database, net.rules)
      const importer = new BlockImporter(chain, new ValidationPool(net.network), verification, () => LATER)
      const lie = maker.forge([bob.pay(alice, 1n)], { header: () => ({ state: sha256(utf8('another')) }) })
      const own = maker.add([alice.pay(alice, 1n)])
      assert.equal(importer.hasChecked(own.signed), false)
      assert.equal((await chain.import(own, LATER)).kind, 'extended')
      assert.equal(importer.hasChecked(own.signed), verification === 'full')
      assert.equal(importer.hasChecked(lie.signed), false)
    })

  it('a follower has not checked the blocks that it took in a run that left out the signatures of messages', async () => {
    const rightAfter = async (verification: Verification): Promise<boolean[]> => {
      const { chain, uncheckedTo } = await openCopy(database, net.rules, verification)
      const importer = new BlockImporter(
        chain,
        new ValidationPool(net.network),
        verification,
        () => LATER,
        uncheckedTo
      )
      const block = maker.add([alice.pay(alice, 1n)])
      assert.equal((await chain.import(block, LATER)).kind, 'extended')
      return maker.blocks.map(({ signed }) => importer.hasChecked(signed))
    }
    assert.deepEqual(await rightAfter('full'), [true])
    assert.deepEqual(await rightAfter('headers'), [false, false])
    assert.deepEqual(await rightAfter('full'), [false, false, true])
    assert.deepEqual(await rightAfter('full'), [false, false, true, true])
  })

  it('keeps and spreads one piece of one lie: variants of it neither fill it nor are passed on', async () => {
    const pieces = variants(5)
    assert.equal(new Set(pieces.map(toHex)).size, 25)
    const verdicts: string[] = []
    for (const [from, piece] of pieces.entries()) verdicts.push(await heardOf(from, piece))
    assert.deepEqual(verdicts, ['accept', ...pieces.slice(1).map(() => 'ignore')])
    assert.equal(await keeper.add(present(pieces.at(-1))), true)
    assert.deepEqual([kept(), published], [['receipt'], 0])
    // There is room for what else the sequencer has done.
    assert.equal(await heardOf(1, trueEvidence()), 'accept')
    assert.deepEqual(kept(), ['receipt', 'state'])
  })

  it('is not kept from a lie by what only pretends to show it', async () => {
    const [piece] = variants(1)
    const { receipt } = WireEvidence.decode(present(piece))
    const pretended = WireEvidence.encode({ receipt: { ...present(receipt), path: [sha256(utf8('path'))] } })
    assert.equal(await heardOf(1, pretended), 'reject')
    assert.equal(await heardOf(2, present(piece)), 'accept')
    assert.equal(await heardOf(3, pretended), 'reject')
  })

  /** Another one on the same database. */
  async function restarted(warned: (message: string) => void): Promise<EvidenceKeeper> {
    const again = new EvidenceKeeper({
      host: {
        subscribe: () => undefined,
        unsubscribe: () => undefined,
        publish: async () => 0,
        bringerOf: from => ({ peer: toHex(from), host: toHex(from), site: toHex(from) })
      },
      topic: 'evidence',
      database,
      network: net.network,
      clock: () => now,
      isRight: () => true,
      report: event => {
        if (event.event === 'warning') warned(event.message)
      },
      failed: assert.ifError,
      convicted: () => undefined
    })
    await again.start()
    return again
  }

  it('takes up at the start what it has kept, removes what proves nothing, and says so', async () => {
    const evidence = trueEvidence()
    const pieces = [evidence, ...variants(2), alarm(2), utf8('nothing at all')]
    for (const piece of pieces) await database.put(keys.evidence(sha256(piece)), piece)
    const warnings: string[] = []
    const again = await restarted(message => void warnings.push(message))
    assert.deepEqual(
      again
        .all()
        .map(({ kind }) => kind)
        .toSorted(),
      ['receipt', 'state']
    )
    assert.equal(warnings.length, 2)
    for (const message of warnings) assert.match(message, /proves nothing \(evidence: .*\); it was removed/)
    await again.stop()
    const left = await database.values(ranges.evidence).all()
    assert.deepEqual(left.map(toHex).toSorted(), pieces.slice(0, 5).map(toHex).toSorted())
    const third = await restarted(message => assert.fail(message))
    await third.stop()
  })

  it('does not start where a piece is not what was written: it may have held', async () => {
    const piece = trueEvidence()
    await database.put(keys.evidence(sha256(piece)), piece.slice(0, -1))
    await assert.rejects(
      restarted(() => undefined),
      { name: 'StoreError', message: /a piece of evidence is damaged/ }
    )
  })

  it('stops with what was found here kept, and with nothing else under way', async () => {
    const strange = heardOf(1, alarm(MESSAGES))
    const waiting = heardOf(2, alarm(MESSAGES))
    const evidence = trueEvidence()
    keeper.suspect(evidence)
    await keeper.stop()
    assert.deepEqual(await Promise.all([strange, waiting]), ['later', 'later'])
    assert.deepEqual(kept(), ['state'])
    assert.ok(await database.get(keys.evidence(sha256(evidence))))
    assert.equal(await keeper.add(alarm(1)), false)
    assert.equal(await heardOf(3, alarm(1)), 'later')
  })

  it('of what a neighbour knows it keeps and spreads what holds, and looks at nothing after a false alarm', async () => {
    const [false1, false2, evidence] = [alarm(1), alarm(1), trueEvidence()]
    const asked = async (number: number, all: Uint8Array[]): Promise<void> => {
      keeper.ask({ peer: peer(number), evidencePieces: () => shownBy(all) })
      // More than all of them would take.
      for (let turn = 0; turn < 100; turn += 1) await setImmediate()
    }
    await asked(1, [false1, evidence, false2])
    assert.deepEqual(kept(), [])
    assert.equal(judged, 1)
    await asked(2, [evidence, false2])
    assert.deepEqual(kept(), ['state'])
    assert.equal(published, 1)
  })

  it('asks no neighbour that may bring nothing, and reads nothing after a false alarm', async () => {
    const alarms = Array.from({ length: burst + 2 }, () => alarm(1))
    for (const [index, each] of alarms.entries()) {
      const read = count
      keeper.ask({ peer: peer(1), evidencePieces: () => shownBy([each, alarm(1), alarm(1)]) })
      for (let turn = 0; turn < 100; turn += 1) await setImmediate()
      assert.equal(count - read, index < burst ? 1 : 0)
    }
    assert.equal(judged, burst)
  })
})
