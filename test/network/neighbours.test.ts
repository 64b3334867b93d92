import assert from 'node:assert/strict'
import { type PeerIdBytes, toHex } from '#src/core/bytes.js'
import { AddressBook } from '#src/network/address-book.js'
import { Host } from '#src/network/host.js'
import { PersistentPeers } from '#src/network/persistent-peers.js'
import { Changes, deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity } from '../helpers/networks.js'

/** Who was reached, in that order. */
class Joined extends Changes {
  readonly peers: string[] = []
  readonly warnings: string[] = []

  readonly hear = (peer: PeerIdBytes): void => {
    this.peers.push(toHex(peer))
    this.changed()
  }

  readonly warn = (message: string): void => {
    this.warnings.push(message)
    this.changed()
  }
}

describe('neighbours', () => {
  const cleanup = new Cleanup(afterEach)

  async function hostOf(name: string, listen = '/ip4/127.0.0.1/tcp/0'): Promise<Host> {
    const host = await Host.create({ key: await identity(name), listen: [listen], topics: [] })
    await host.start()
    cleanup.add(() => host.stop())
    return host
  }

  function addressOf(host: Host): string {
    return present(host.addresses()[0])
  }

  async function neighboursOf(
    host: Host,
    book: AddressBook
  ): Promise<{ readonly neighbours: PersistentPeers; readonly joined: Joined }> {
    const joined = new Joined()
    const neighbours = new PersistentPeers(host, book, joined.hear, event => {
      if (event.event === 'warning') joined.warn(event.message)
    })
    await neighbours.start()
    cleanup.add(() => neighbours.stop())
    return { neighbours, joined }
  }

  it('are found at addresses that come later, and are none any more once their address has gone', async () => {
    const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map(name => hostOf(name)))
    assert.ok(alice && bob && carol)
    const book = new AddressBook([addressOf(bob)])
    const { neighbours, joined } = await neighboursOf(alice, book)
    await joined.until('bob', () => joined.peers.length === 1)
    book.replace([addressOf(bob), addressOf(carol)])
    await joined.until('carol', () => joined.peers.length === 2)
    assert.deepEqual(
      neighbours.all().map(toHex),
      [bob, carol].map(({ peerId }) => toHex(peerId))
    )
    book.replace([addressOf(carol)])
    assert.deepEqual(neighbours.all().map(toHex), [toHex(carol.peerId)])
    assert.equal(alice.peers().length, 2, 'who is connected stays so')
  })

  it('are dialled again when they come back to their address, but not where it was forgotten', async () => {
    const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map(name => hostOf(name)))
    assert.ok(alice && bob && carol)
    const [toBob, toCarol] = [addressOf(bob), addressOf(carol)]
    const book = new AddressBook([toBob, toCarol])
    const { joined } = await neighboursOf(alice, book)
    await joined.until('both', () => joined.peers.length === 2)
    for (const host of [bob, carol]) {
      await host.stop()
      await alice.whenDisconnected(host.peerId, deadline())
    }
    book.replace([toBob])
    const [bobAgain] = await Promise.all(
      [
        ['bob', toBob],
        ['carol', toCarol]
      ].map(([name = '', address = '']) => hostOf(name, address.replace(/\/p2p\/.*$/, '')))
    )
    await joined.until('bob again', () => joined.peers.length === 3)
    assert.equal(joined.peers.at(-1), toHex(present(bobAgain).peerId))
    assert.equal(alice.peers().length, 1)
  })

  it('are dialled at once when they are not avoided any more', async () => {
    const [alice, bob] = await Promise.all(['alice', 'bob'].map(name => hostOf(name)))
    assert.ok(alice && bob)
    const book = new AddressBook([addressOf(bob)])
    alice.avoid([bob.peerId])
    const { joined } = await neighboursOf(alice, book)
    await joined.until('a warning', () => joined.warnings.length > 0)
    assert.match(present(joined.warnings[0]), /told to avoid that one/)
    alice.avoid([])
    book.retry()
    await joined.until('bob', () => joined.peers.length === 1)
  })
})
