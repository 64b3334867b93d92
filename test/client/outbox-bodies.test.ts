import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { StoreError } from '#src/chain/store.js'
import { Outbox } from '#src/client/outbox.js'
import { StoredBodies } from '#src/client/outbox-bodies.js'
import { bigEndian, numbered } from '#src/client/outbox-entries.js'
import { utf8 } from '#src/core/bytes.js'
import { decodeEnvelope } from '#src/core/envelope.js'
import { decodeMessage } from '#src/core/message.js'
import { newSealingContext, Opener } from '#src/core/sealing.js'
import { Author } from '../helpers/authors.js'
import { present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { flipped } from '../helpers/core.js'
import { encryptionKey, makeNetwork, type TestNetwork } from '../helpers/networks.js'

const SECRET = 'the bid is 4711'

describe("bodies in a client's folder", () => {
  const cleanup = new Cleanup(afterEach)
  let net: TestNetwork
  let alice: Author
  let folder: string

  beforeEach(async () => {
    net = await makeNetwork()
    alice = await Author.create(net, 'alice')
    folder = await cleanup.folder()
  })

  /** Opens the folder for a while, as LevelDB has it. */
  async function within<T>(use: (database: ClassicLevel<Uint8Array, Uint8Array>) => Promise<T>): Promise<T> {
    const database = new ClassicLevel<Uint8Array, Uint8Array>(folder, {
      keyEncoding: 'view',
      valueEncoding: 'view'
    })
    try {
      return await use(database)
    } finally {
      await database.close()
    }
  }

  async function filesWithSecret(): Promise<string[]> {
    const names = await readdir(folder)
    const contents = await Promise.all(names.map(name => readFile(join(folder, name))))
    return names.filter((_, index) => contents[index]?.includes(SECRET))
  }

  const open = (database: Parameters<typeof Outbox.open>[0]): Promise<Outbox> =>
    Outbox.open(database, net.network, alice.signer, () => 0)
  const body = (index: number) => utf8(`{"text":"${SECRET}, ${index}"}`)

  it('lie on the disk encrypted, before the receipt and after', async () => {
    await within(async database => {
      const outbox = await open(database)
      const added = await outbox.add([{ body: body(1) }, { body: body(2) }], alice.context)
      assert.deepEqual(await filesWithSecret(), [])
      await outbox.discard(present(added[0]))
    })
    assert.deepEqual(await filesWithSecret(), [])
    // The same bytes, open: what is looked for would be found.
    await within(database => database.put(utf8('x'), body(3), { sync: true }))
    assert.equal((await filesWithSecret()).length, 1)
  })

  it('of an earlier version lay open: they are encrypted at the first start, no file holds them any more, and they are still sealed again', async () => {
    await within(async database => {
      const outbox = await open(database)
      await outbox.add(
        [1, 2, 3].map(index => ({ body: body(index) })),
        alice.context
      )
    })
    // As an earlier version left it: bodies in the clear, in tables of several levels and in the log, most of them deleted.
    await within(async database => {
      await database.del(utf8('c'))
      for (let round = 0; round < 3; round += 1) {
        for (let index = 10; index < 200; index += 1)
          await database.put(numbered('p', BigInt(index)), body(index))
        for (let index = 10; index < 200; index += 1) await database.del(numbered('p', BigInt(index)))
        if (round < 2) await database.compactRange(utf8('a'), utf8('z'))
      }
      for (const index of [1, 2, 3]) await database.put(numbered('p', BigInt(index)), body(index))
    })
    await within(async database => {
      for (let index = 200; index < 300; index += 1)
        await database.put(numbered('p', BigInt(index)), body(index))
      for (let index = 200; index < 300; index += 1) await database.del(numbered('p', BigInt(index)))
    })
    assert.ok((await filesWithSecret()).length > 0, 'the case is not an empty one')
    const renewed = await encryptionKey('renewed')
    const again = await within(async database => {
      const outbox = await open(database)
      const context = await newSealingContext(renewed, net.network.id, alice.peerId)
      return outbox.reseal(outbox.waiting(), context)
    })
    assert.deepEqual(await filesWithSecret(), [])
    const opener = new Opener([renewed])
    for (const [index, message] of again.entries()) {
      const claim = decodeMessage(decodeEnvelope(present(message).envelope).payload)
      assert.ok(claim.body.kind === 'sealed')
      const opened = await opener.open(claim, claim.body.sealed)
      assert.ok(opened.ok)
      assert.deepEqual(Buffer.from(opened.plaintext), Buffer.from(body(index + 1)))
    }
  })

  it('open with the key file of who wrote them alone, in their own place', async () => {
    const place = bigEndian(7n)
    const bodies = new StoredBodies(alice.signer, net.network.id)
    const stored = bodies.encrypt(place, body(7))
    assert.deepEqual(bodies.decrypt(place, stored), body(7))
    assert.notDeepEqual(bodies.encrypt(place, body(7)), stored, 'no nonce is used twice')
    const bob = await Author.create(net, 'bob')
    const elsewhere = (await makeNetwork({ name: 'another' })).network.id
    assert.throws(() => new StoredBodies(bob.signer, net.network.id).decrypt(place, stored), StoreError)
    assert.throws(() => new StoredBodies(alice.signer, elsewhere).decrypt(place, stored), StoreError)
    assert.throws(() => bodies.decrypt(bigEndian(8n), stored), StoreError)
    for (const index of [1, 20, stored.length - 1])
      assert.throws(() => bodies.decrypt(place, flipped(stored, index)), StoreError)
    assert.throws(() => bodies.decrypt(place, stored.slice(0, 20)), StoreError)
  })
})
