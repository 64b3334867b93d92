import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { submit } from '#src/client/submission-client.js'
import { toHex } from '#src/core/bytes.js'
import { peerIdFromText } from '#src/core/keys.js'
import { Author, envelopesOf, type Made } from '../helpers/authors.js'
import { deadline, present } from '../helpers/changes.js'
import { type CheckedPeer, checkDatabase, openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeWorkNetwork, type TestNetwork } from '../helpers/networks.js'
import { RunningEqual, readerOf } from '../helpers/running-equal.js'

const ON_REQUEST = { threads: 1, blocks: 0 }

describe('six miners among equals', () => {
  const cleanup = new Cleanup(after)
  let net: TestNetwork
  const peers: RunningEqual[] = []

  // A block takes some thousand hashes: long enough for two of them to find one at the same time.
  before(async () => {
    net = await makeWorkNetwork({
      start: Date.now(),
      interval: 200,
      halfLife: 10_000,
      target: '1f0fffff',
      easiest: '1f3fffff',
      blockSize: 10
    })
    for (let index = 0; index < 6; index += 1)
      peers.push(
        await RunningEqual.start(cleanup, net, {
          who: `miner ${index}`,
          mining: ON_REQUEST,
          connect: peers.map(({ address }) => address)
        })
      )
    await reached('all know one another', () =>
      peers.every(({ controls }) => controls.status().peers.length >= 5)
    )
  })

  it('mine at the same time, and come to one head', async () => {
    await Promise.all(peers.map(peer => mine(peer, 3)))
    await oneHead(peers)
    assert.ok(present(peers[0]).controls.status().height >= 3)
  })

  it('that were apart, and whose authors said other things on each side, come to one head; nothing valid is lost', async () => {
    const [left, right] = [peers.slice(0, 3), peers.slice(3)]
    divide(left, right)
    await reached('each side is by itself', () =>
      peers.every(({ controls }) => controls.status().peers.length === 2)
    )
    const [alice, bob, carol] = await Promise.all(
      ['alice', 'bob', 'carol'].map(name => Author.create(net, name))
    )
    const one = present(alice).say({ text: 'I am on the left' }, { sequence: 1n })
    const other = present(alice).say({ text: 'I am on the right' }, { sequence: 1n })
    const ofLeft = [one, ...present(bob).says(12, 'left')]
    const ofRight = [other, ...present(carol).says(12, 'right')]
    await Promise.all([hand(left, ofLeft), hand(right, ofRight)])
    await Promise.all([mine(present(left[0]), 2), mine(present(right[0]), 4)])
    await Promise.all([oneHead(left), oneHead(right)])
    assert.notEqual(headOf(present(left[0])), headOf(present(right[0])))

    divide(peers, [])
    await oneHead(peers)
    await reached(
      'what left the chain waits with who mines',
      () => present(right[0]).controls.status().pool >= 12
    )
    await mine(present(right[0]), 2)
    await oneHead(peers)
    const late = await RunningEqual.start(cleanup, net, {
      who: 'late joiner',
      connect: [present(peers[0]).address]
    })
    await oneHead([...peers, late])

    const checked: CheckedPeer[] = []
    for (const peer of [...peers, late]) {
      await peer.stop()
      const database = await openDatabase(peer.folder)
      checked.push(
        await checkDatabase(database, net, { receipts: false, now: Date.now() }).finally(() =>
          database.close()
        )
      )
    }
    const [first, ...others] = checked.map(({ head, messages }) => ({
      head: toHex(head.id),
      leaves: messages.map(({ leaf }) => toHex(leaf))
    }))
    assert.ok(first)
    for (const each of others) assert.deepEqual(each, first)
    const standing = new Set(first.leaves)
    const wanted = [...ofLeft.slice(1), ...ofRight.slice(1)]
    for (const { leaf } of wanted) assert.ok(standing.has(toHex(leaf)), 'a valid message is lost')
    const ofAlice = [one, other].filter(({ leaf }) => standing.has(toHex(leaf)))
    assert.equal(ofAlice.length, 1, 'one of two messages with one name')
    assert.equal(standing.size, first.leaves.length, 'no message twice')
  })

  function divide(left: readonly RunningEqual[], right: readonly RunningEqual[]): void {
    const idsOf = (group: readonly RunningEqual[]) =>
      group.map(peer => peerIdFromText(present(peer.events.of('started').at(-1)).peerId))
    for (const peer of left) peer.controls.avoid(idsOf(right))
    for (const peer of right) peer.controls.avoid(idsOf(left))
  }

  async function mine(peer: RunningEqual, count: number): Promise<void> {
    const mined = await peer.controls.mine(count, deadline())
    assert.ok(mined.ok)
    assert.equal(mined.blocks.length, count)
  }

  /** To one of them; gossip brings it to the others. */
  async function hand(group: readonly RunningEqual[], messages: readonly Made[]): Promise<void> {
    const [first] = group
    const { host, peer } = await readerOf(
      cleanup,
      net,
      present(first).address,
      `reader of ${toHex(present(messages[0]).leaf)}`
    )
    const fates = await submit(host, peer, net.network.id, envelopesOf(messages), deadline())
    assert.deepEqual(
      fates.map(({ kind }) => kind),
      messages.map(() => 'accepted')
    )
    await reached('all of the group have them', () =>
      group.every(({ controls }) => controls.status().pool === messages.length)
    )
  }

  async function oneHead(group: readonly RunningEqual[]): Promise<void> {
    await reached('one head', () => new Set(group.map(headOf)).size === 1)
  }

  function headOf(peer: RunningEqual): string {
    return toHex(peer.controls.status().head)
  }

  /** Nothing tells of all that is waited for here, so that it is looked at now and then. */
  async function reached(what: string, condition: () => boolean): Promise<void> {
    const late = deadline()
    while (!condition()) {
      if (late.aborted) assert.fail(`not in time: ${what}`)
      await setTimeout(20)
    }
  }
})
