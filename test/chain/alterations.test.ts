import assert from 'node:assert/strict'
import { Chain } from '#src/chain/chain.js'
import { expectOnlyBlocks } from '#src/chain/indexes.js'
import { type Database, StoreError } from '#src/chain/store.js'
import { equal, toHex } from '#src/core/bytes.js'
import { Host } from '#src/network/host.js'
import { topicsOf } from '#src/network/names.js'
import { EquivocationDetector } from '#src/replication/evidence/equivocation-detector.js'
import { EvidenceKeeper } from '#src/replication/evidence/evidence-keeper.js'
import { Author } from '../helpers/authors.js'
import { ChainMaker, EPOCH } from '../helpers/blocks.js'
import { present } from '../helpers/changes.js'
import { openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { flipped } from '../helpers/core.js'
import { runLog } from '../helpers/logs.js'
import { identity, makeNetwork, type TestNetwork } from '../helpers/networks.js'

type Entry = readonly [key: Uint8Array, value: Uint8Array]

/** What another hand, or a bad disk, makes of an entry: what stands there instead of it. */
const ALTERATIONS: Readonly<Record<string, (entry: Entry) => readonly Entry[]>> = {
  deleted: () => [],
  'its value changed at the start': ([key, value]) => [[key, changed(value, 0)]],
  'its value changed in the middle': ([key, value]) => [[key, changed(value, Math.floor(value.length / 2))]],
  'its value changed at the end': ([key, value]) => [[key, changed(value, value.length - 1)]],
  'its value cut by a byte': ([key, value]) => [[key, value.subarray(0, -1)]],
  'its value cut in half': ([key, value]) => [[key, value.subarray(0, value.length / 2)]],
  'its value a byte longer': ([key, value]) => [[key, Buffer.concat([value, Uint8Array.of(0)])]],
  'under another key': ([key, value]) => [[flipped(key, key.length - 1, 0x80), value]],
  'under a key cut by a byte': ([key, value]) => [[key.subarray(0, -1), value]],
  'there twice': ([key, value]) => [
    [key, value],
    [flipped(key, key.length - 1, 0x80), value]
  ]
}

/** Nothing stays nothing. */
function changed(value: Uint8Array, index: number): Uint8Array {
  return value.length === 0 ? value : flipped(value, index)
}

/** What is no harm, or cannot be seen by one who has nothing but this folder. */
const UNSEEN: Readonly<Record<string, readonly string[]>> = {
  // Another letter is no kind that anybody reads.
  n: ['there twice'],
  // Nobody looks at the value: the key says all.
  l: ['its value a byte longer'],
  // That there was evidence cannot be known without it. The liar's other neighbours still have theirs.
  e: ['deleted']
}

/** One altered key at a time, of every kind, with what is said of it when the folder is opened. */
async function alterEach(database: Database, kinds: string, open: () => Promise<unknown>): Promise<void> {
  const entries: Entry[] = await database.iterator().all()
  for (const kind of kinds) {
    const ofKind = entries.filter(([key]) => key[0] === kind.charCodeAt(0))
    assert.ok(ofKind.length > 0, `there is no ${kind}`)
    const chosen = new Set(
      [ofKind[0], ofKind[Math.floor(ofKind.length / 2)], ofKind.at(-1)].map(entry => present(entry))
    )
    for (const entry of chosen)
      for (const [what, alter] of Object.entries(ALTERATIONS)) {
        const altered = alter(entry)
        const [only, more] = altered
        // What has no value cannot have another one.
        if (only !== undefined && more === undefined && isSame(only, entry)) continue
        await database.del(entry[0])
        for (const [key, value] of altered) await database.put(key, value)
        const name = `${kind} ${toHex(entry[0].subarray(1))} ${what}`
        const outcome = await open().then(
          () => 'served',
          (error: unknown) => {
            assert.ok(error instanceof StoreError, `${name}: ${String(error)}`)
            assert.match(error.message, /\w+ \w+/)
            return 'found'
          }
        )
        assert.equal(outcome, UNSEEN[kind]?.includes(what) ? 'served' : 'found', name)
        for (const [key] of altered) {
          const original = entries.find(other => equal(other[0], key))
          if (original === undefined) await database.del(key)
          else await database.put(...original)
        }
        await database.put(...entry)
      }
    // All is as it was: what was found was the alteration.
    await open()
  }
}

function isSame(one: Entry, other: Entry): boolean {
  return equal(one[0], other[0]) && equal(one[1], other[1])
}

describe('an entry of any kind that was altered is found at the start', () => {
  const cleanup = new Cleanup(afterEach)
  let net: TestNetwork
  let alice: Author
  let bob: Author

  // Three blocks of a hundred, over one full tile of the log tree.
  before(async () => {
    net = await makeNetwork({ blockSize: 100 })
    alice = await Author.create(net, 'alice')
    bob = await Author.create(net, 'bob')
  })

  it("in a sequencer's folder", async () => {
    const database = await openDatabase(await cleanup.folder())
    cleanup.add(() => database.close())
    const log = await runLog(net, database)
    for (const part of [90, 180, 34].map(count => [...alice.says(count / 2), ...bob.says(count / 2)])) {
      for (const message of part) log.queue.add(message)
      await log.queue.close()
    }
    for (let height = 1; height <= 3; height += 1) await log.cut(100)
    await alterEach(database, 'nmalrhit', () => runLog(net, database))
  }).timeout(120_000)

  it("in a follower's folder", async () => {
    const database = await openDatabase(await cleanup.folder())
    cleanup.add(() => database.close())
    const maker = new ChainMaker(net)
    maker.add(alice.says(100))
    const lie = maker.forge(bob.says(100))
    maker.addAll(alice.says(200))
    const chain = await Chain.open(database, net.rules)
    for (const block of maker.blocks) assert.equal((await chain.import(block, EPOCH)).kind, 'extended')
    const topic = topicsOf(net.network.id).evidence
    const host = await Host.create({ key: await identity('follower'), listen: [], topics: [topic] })
    await host.start()
    cleanup.add(() => host.stop())
    const keeping = (): EvidenceKeeper =>
      new EvidenceKeeper({
        host,
        topic,
        database,
        network: net.network,
        clock: () => 0,
        isRight: () => false,
        failed: assert.ifError,
        report: () => undefined,
        convicted: () => undefined
      })
    const first = keeping()
    new EquivocationDetector(chain, bytes => first.suspect(bytes)).examine(lie.signed)
    await first.stop()
    await alterEach(database, 'nmalhite', async () => {
      const opened = await Chain.open(database, net.rules)
      await expectOnlyBlocks(database, opened.head().header.size)
      const keeper = keeping()
      try {
        await keeper.start()
      } finally {
        await keeper.stop()
      }
    })
  }).timeout(120_000)
})
