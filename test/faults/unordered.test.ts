import assert from 'node:assert/strict'
import { join } from 'node:path'
import { transferId } from '#src/applications/ledger/transfer-set.js'
import { encodeMessage } from '#src/core/message.js'
import { Localnet } from '#tools/localnet/index.js'
import type { Made } from '../helpers/authors.js'
import { Cleanup } from '../helpers/cleanup.js'
import { Payer } from '../helpers/payers.js'
import { Customer } from '../helpers/unordered.js'

/** Handed in before the peer is killed, some of them while it is. */
const TRANSFERS = 300

describe('a peer of a network with no order that is killed', () => {
  const cleanup = new Cleanup(afterEach)

  it('has every transfer that it has accepted when it is back', async () => {
    const net = await Localnet.create({ folder: join(await cleanup.folder(), 'net'), ordering: 'none' })
    cleanup.add(() => net.stop())
    const { network } = net
    assert.ok(network.kind === 'set')
    const peer = await net.startFollower({ connect: [] })
    const [address = ''] = peer.addresses
    const alice = await Payer.create({ network }, 'alice')
    const customer = await Customer.of(cleanup, { net: { network }, address })
    const accepted: Made[] = []
    const handIn = async (): Promise<void> => {
      while (accepted.length < TRANSFERS) {
        const made = alice.pay(alice, 1n, { fee: 1n })
        const [fate] = await customer.handIn(made)
        if (fate?.kind === 'accepted') accepted.push(made)
        if (accepted.length === TRANSFERS / 2) peer.kill()
      }
    }
    // Two at a time: one is on its way to disk when the other is accepted.
    await Promise.allSettled([handIn(), handIn()])
    assert.deepEqual(await peer.exit(), { code: null, signal: 'SIGKILL' })
    assert.ok(accepted.length >= TRANSFERS / 2 && accepted.length < TRANSFERS)

    await peer.restart()
    const { asker } = await Customer.of(cleanup, { net: { network }, address }, 'another one')
    const ids = accepted.map(({ message }) => transferId(encodeMessage(message)))
    while (ids.length > 0) await asker.transfers(ids.splice(0, 50))
    const { transfers } = await peer.set()
    assert.ok(transfers >= accepted.length)
    assert.equal(await asker.balance(alice.peerId), BigInt(-transfers))
  })
})
