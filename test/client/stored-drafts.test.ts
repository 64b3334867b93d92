import assert from 'node:assert/strict'
import { type Database, StoreError } from '#src/chain/store.js'
import { Outbox } from '#src/client/outbox.js'
import type { Draft } from '#src/client/outbox-entries.js'
import { utf8 } from '#src/core/bytes.js'
import { Author } from '../helpers/authors.js'
import { openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork, type TestNetwork } from '../helpers/networks.js'

const bodyOf = (text: string): Draft => ({ body: utf8(`{"id":"id of ${text}","text":"${text}"}`) })
const texts = (drafts: readonly Draft[]): string[] =>
  drafts.map(({ body }) => JSON.parse(Buffer.from(body).toString()).text)

describe('What waits for a key to be sealed to', () => {
  const cleanup = new Cleanup(afterEach)
  let net: TestNetwork
  let alice: Author
  let database: Database

  beforeEach(async () => {
    net = await makeNetwork()
    alice = await Author.create(net, 'alice')
    database = await openDatabase(await cleanup.folder())
    cleanup.add(() => database.close())
  })

  const open = (author = alice): Promise<Outbox> =>
    Outbox.open(database, net.network, author.signer, () => 1_700_000_000_000)

  it('lies on the disk encrypted, in the order in which it was handed in, with the id that it gives itself', async () => {
    const drafts = await (await open()).drafts()
    await drafts.store(['b', 'a'].map(bodyOf))
    await drafts.store(['d', 'c'].map(bodyOf))
    for (const [, value] of await database.iterator({ gte: utf8('h'), lt: utf8('i') }).all())
      assert.ok(!Buffer.from(value).includes('text'), 'it is encrypted')
    const again = await (await open()).drafts()
    assert.deepEqual(texts(again.left), ['b', 'a', 'd', 'c'])
    assert.deepEqual(
      again.left.map(({ id }) => id),
      ['b', 'a', 'd', 'c'].map(text => `id of ${text}`)
    )
    await again.store([bodyOf('e')])
    assert.deepEqual(texts((await (await open()).drafts()).left), ['b', 'a', 'd', 'c', 'e'])
    const bob = await Author.create(net, 'bob')
    await assert.rejects(
      open(bob).then(outbox => outbox.drafts()),
      StoreError
    )
  })

  it('goes in the batch that writes its message: one of the two is there at any time', async () => {
    const outbox = await open()
    const drafts = await outbox.drafts()
    const stored = await drafts.store(['a', 'b', 'c'].map(bodyOf))
    const seen: [number, number][] = []
    database.on('write', async () => {
      const count = async (prefix: string): Promise<number> =>
        (
          await database
            .keys({ gte: utf8(prefix), lt: utf8(String.fromCharCode(prefix.charCodeAt(0) + 1)) })
            .all()
        ).length
      seen.push([await count('h'), await count('o')])
    })
    const added = await outbox.add(stored.slice(0, 2), alice.context)
    assert.deepEqual(
      added.map(({ sequence, id }) => [sequence, id]),
      [
        [1n, undefined],
        [2n, undefined]
      ]
    )
    const reopened = await open()
    assert.deepEqual(texts((await reopened.drafts()).left), ['c'])
    assert.deepEqual(
      reopened.waiting().map(({ id }) => id),
      ['id of a', 'id of b']
    )
    assert.deepEqual(seen[0], [1, 2])
  })
})
