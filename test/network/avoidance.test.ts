import assert from 'node:assert/strict'
import { toHex } from '#src/core/bytes.js'
import { Host } from '#src/network/host.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity } from '../helpers/networks.js'

describe('a peer that is avoided', () => {
  const cleanup = new Cleanup(afterEach)

  async function hostOf(name: string): Promise<Host> {
    const host = await Host.create({
      key: await identity(name),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      topics: []
    })
    await host.start()
    cleanup.add(() => host.stop())
    return host
  }

  function addressOf(host: Host): string {
    return present(host.addresses()[0])
  }

  function connected(host: Host): string[] {
    return host.peers().map(toHex).sort()
  }

  async function expectApart(host: Host, other: Host): Promise<void> {
    const signal = deadline()
    await host.whenDisconnected(other.peerId, signal)
    signal.throwIfAborted()
  }

  it('is disconnected, not dialled and not let in; others stay', async () => {
    const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map(hostOf))
    assert.ok(alice && bob && carol)
    for (const other of [bob, carol]) await alice.connect(addressOf(other), deadline())
    assert.deepEqual(connected(alice), [bob, carol].map(({ peerId }) => toHex(peerId)).sort())

    alice.avoid([bob.peerId])
    await expectApart(bob, alice)
    assert.deepEqual(connected(alice), [toHex(carol.peerId)])
    await assert.rejects(alice.connect(addressOf(bob), deadline()), /told to avoid that one/)
    // The dialling side may take it for open until it hears that it is not.
    await bob.connect(addressOf(alice), deadline()).catch(() => undefined)
    await expectApart(bob, alice)
    assert.deepEqual(connected(alice), [toHex(carol.peerId)])
  })

  it('is a peer like others once it is not named any more', async () => {
    const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map(hostOf))
    assert.ok(alice && bob && carol)
    alice.avoid([bob.peerId])
    alice.avoid([carol.peerId])
    await alice.connect(addressOf(bob), deadline())
    alice.avoid([])
    await alice.connect(addressOf(carol), deadline())
    assert.deepEqual(connected(alice), [bob, carol].map(({ peerId }) => toHex(peerId)).sort())
  })
})
