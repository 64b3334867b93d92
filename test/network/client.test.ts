import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Outbox } from '#src/client/outbox.js'
import type { EnvelopeBytes } from '#src/core/bytes.js'
import { toHex } from '#src/core/bytes.js'
import { signerOf, VerifierCache } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { readReceipt, signReceipt } from '#src/core/receipt.js'
import { assertBytes } from '../helpers/bytes.js'
import { deadline, present } from '../helpers/changes.js'
import { type CheckedPeer, expectReceiptsHold, openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { FalseSequencer } from '../helpers/false-sequencer.js'
import { identity, makeNetwork, rsaIdentity, secp256k1Identity } from '../helpers/networks.js'
import { RunningClient, RunningSequencer } from '../helpers/peers.js'

/** The sequences of a client's messages, in the order of their positions. */
function sequencesOf(checked: CheckedPeer, client: RunningClient): bigint[] {
  const author = toHex(client.peerId)
  return checked.messages.filter(message => message.author === author).map(({ sequence }) => sequence)
}

function upTo(count: number): bigint[] {
  return Array.from({ length: count }, (_, index) => BigInt(index + 1))
}

/** What a stopped client still has without a receipt, and the receipts that it keeps. */
async function outboxOf(
  client: RunningClient
): Promise<{ readonly waiting: readonly bigint[]; readonly receipts: readonly EnvelopeBytes[] }> {
  const database = await openDatabase(client.folder)
  try {
    const outbox = await Outbox.open(database, client.net.network, signerOf(client.key), () => Date.now())
    return { waiting: outbox.waiting().map(({ sequence }) => sequence), receipts: await outbox.receipts() }
  } finally {
    await database.close()
  }
}

describe('the client', () => {
  const cleanup = new Cleanup(afterEach)

  it('goes on to its other addresses where the peer at one serves another network, and says where', async () => {
    const net = await makeNetwork()
    const foreign = await RunningSequencer.start(cleanup, await makeNetwork({ sequencer: 'another' }))
    const sequencer = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, [foreign.address, sequencer.address])
    await client.send(3)
    await client.receipted(3)
    assert.deepEqual(client.events.failures, [])
    const told = client.events.of('warning').map(({ message }) => message)
    assert.ok(
      told.some(message => message.includes(`the peer at ${foreign.address} serves another network`)),
      told.join('\n')
    )
  })

  it('ends where the peers at all of its addresses serve another network', async () => {
    const others = await Promise.all(['one', 'another'].map(sequencer => makeNetwork({ sequencer })))
    const addresses: string[] = []
    for (const other of others) addresses.push((await RunningSequencer.start(cleanup, other)).address)
    const client = await RunningClient.start(cleanup, await makeNetwork(), addresses)
    await client.events.until('the end of it', () => client.events.failures.length > 0)
    assert.match(
      present(client.events.failures[0]).message,
      /serves another network .*; get its network document/
    )
  })

  it('sends, has a receipt for each message, keeps them, and has nothing left in its outbox', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(30)
    assert.equal(await client.client.settled(deadline()), 0)
    const { sent, accepted, refused, resent } = client.client.summary()
    assert.deepEqual({ sent, accepted, refused, resent }, { sent: 30, accepted: 30, refused: 0, resent: 0 })
    await client.stop()
    const { waiting, receipts } = await outboxOf(client)
    assert.deepEqual(waiting, [])
    const kept = receipts.flatMap(
      bytes => readReceipt(bytes, net.network.id, net.sequencer, new VerifierCache()).entries
    )
    assert.equal(kept.length, 30)
    const checked = await sequencer.check()
    expectReceiptsHold(checked, kept)
    expectReceiptsHold(checked, client.receipts)
    assert.deepEqual(sequencesOf(checked, client), upTo(30))
  })

  it('a message that does not fit is refused before it is sent, and takes no sequence', async () => {
    const net = await makeNetwork({ messageBytes: 4096 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.client.send({ text: 5 }, deadline())
    await client.client.send({ text: 'x'.repeat(4096) }, deadline())
    await client.client.send('no object', deadline())
    await client.send(1)
    await client.receipted(1)
    assert.deepEqual(
      client.events.of('refused').map(({ sequence, reason }) => [sequence, reason]),
      [
        [undefined, 'bad schema'],
        [undefined, 'too large'],
        [undefined, 'bad schema']
      ]
    )
    assert.deepEqual(sequencesOf(await sequencer.check(), client), [1n])
  })

  it('a message that the sequencer refuses is reported with its reason and leaves the outbox', async () => {
    const net = await makeNetwork({ members: [await identity('somebody else')] })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(2)
    assert.equal(await client.client.settled(deadline()), 0)
    assert.deepEqual(
      client.events.of('refused').map(({ sequence, reason }) => [sequence, reason]),
      [
        [1n, 'not a member'],
        [2n, 'not a member']
      ]
    )
    await client.stop()
    assert.deepEqual(await outboxOf(client), { waiting: [], receipts: [] })
    assert.equal((await sequencer.check()).pending, 0)
  })

  it('clients with secp256k1 and RSA keys write as well', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net)
    const keys = [await secp256k1Identity(), await rsaIdentity()]
    await Promise.all(
      keys.map(async key => {
        const client = await RunningClient.connected(cleanup, net, sequencer.address, key)
        await client.send(3)
        await client.receipted(3)
      })
    )
    assert.equal((await sequencer.check()).pending, 6)
  })

  it('what it sent while the sequencer was down is sent again: all receipted, each exactly once', async () => {
    const net = await makeNetwork({ blockSize: 10 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(7, 'before')
    await client.receipted(7)
    await sequencer.stop()
    await client.alone()
    await client.send(20, 'meanwhile')
    await sequencer.start()
    await client.receipted(27)
    await client.send(3, 'after')
    await client.receipted(30)
    const checked = await sequencer.check()
    assert.deepEqual([checked.height, checked.size, checked.pending], [3, 30, 0])
    assert.deepEqual(sequencesOf(checked, client), upTo(30))
    expectReceiptsHold(checked, client.receipts)
  })

  it('a message on its way while the sequencer stops is sent again: no loss over three stops', async () => {
    const net = await makeNetwork({ blockSize: 10 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    for (let stop = 1; stop <= 3; stop += 1) {
      await client.events.times('connected', stop)
      await client.send(40)
      await sequencer.stop()
      await client.alone(stop)
      await sequencer.start()
    }
    await client.receipted(120)
    const checked = await sequencer.check()
    assert.equal(checked.messages.length, 120)
    assert.deepEqual(new Set(sequencesOf(checked, client)), new Set(upTo(120)))
    expectReceiptsHold(checked, client.receipts)
    assert.equal(client.receipts.length, 120, 'one receipt a message is reported')
  })

  it('restarted on its folder it sends what had no receipt, and goes on with the next sequence', async () => {
    const net = await makeNetwork({ blockSize: 10 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(4, 'before')
    await client.receipted(4)
    await sequencer.stop()
    await client.alone()
    const meanwhile = ['a', 'b', 'c', 'd', 'e']
    await Promise.all(meanwhile.map(text => client.client.send({ text }, deadline())))
    await client.stop()
    assert.deepEqual((await outboxOf(client)).waiting, [5n, 6n, 7n, 8n, 9n])
    await sequencer.start()
    await client.start()
    await client.client.connected(deadline())
    await client.send(2, 'after')
    await client.receipted(11)
    assert.equal(client.client.summary().resent, 5)
    await client.stop()
    assert.deepEqual((await outboxOf(client)).waiting, [])
    const checked = await sequencer.check()
    assert.deepEqual(sequencesOf(checked, client), upTo(11))
    expectReceiptsHold(checked, client.receipts)
  })

  it('what was handed in right before it is stopped is in its outbox, and sent when it runs again', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(1)
    await client.receipted(1)
    await client.send(19)
    await client.stop()
    await client.start()
    await client.client.connected(deadline())
    await client.client.settled(deadline())
    await client.stop()
    assert.deepEqual(sequencesOf(await sequencer.check(), client), upTo(20))
  })

  it('started before its sequencer, it waits for it', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net)
    await sequencer.stop()
    const client = await RunningClient.start(cleanup, net, sequencer.address)
    await client.events.times('warning', 1)
    await sequencer.start()
    await client.client.connected(deadline())
    await client.send(1)
    await client.receipted(1)
    assert.equal((await sequencer.check()).pending, 1)
  })

  it('a message handed in before the first connection is not lost when the client is stopped', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net)
    await sequencer.stop()
    const client = await RunningClient.start(cleanup, net, sequencer.address)
    await client.send(2, 'early')
    await client.stop()
    await client.start()
    await sequencer.start()
    await client.client.connected(deadline())
    await client.send(1, 'late')
    await client.client.settled(deadline())
    // Taken or refused: what was handed in must have come to one of the two.
    const told = client.receipts.length + client.events.count('refused')
    assert.equal(told, 3)
    await sequencer.check()
  })

  const forgeries: readonly (readonly [
    string,
    (sequencer: FalseSequencer, envelope: EnvelopeBytes) => Promise<unknown>
  ])[] = [
    [
      'a receipt signed by another key',
      async (sequencer, envelope) => {
        const mallory = signerOf(await identity('mallory'))
        await sequencer.tell({ receipt: signReceipt(sequencer.receiptFor(envelope), mallory) })
      }
    ],
    [
      'a receipt for another author',
      async (sequencer, envelope) => {
        const author = signerOf(await identity('mallory')).peerId
        const receipt = { ...sequencer.receiptFor(envelope), author }
        await sequencer.tell({ receipt: signReceipt(receipt, sequencer.net.signer) })
      }
    ],
    [
      'a receipt for another network',
      async (sequencer, envelope) => {
        const { network } = await makeNetwork({ name: 'another' })
        const receipt = { ...sequencer.receiptFor(envelope), network: network.id }
        await sequencer.tell({ receipt: signReceipt(receipt, sequencer.net.signer) })
      }
    ],
    [
      'a receipt that gives the message another sequence',
      async (sequencer, envelope) => {
        const receipt = sequencer.receiptFor(envelope)
        const entries = receipt.entries.map(entry => ({ ...entry, sequence: 5n }))
        await sequencer.tell({ receipt: signReceipt({ ...receipt, entries }, sequencer.net.signer) })
      }
    ],
    ['a receipt of random bytes', sequencer => sequencer.tell({ receipt: randomBytes(200) })]
  ]
  for (const [what, forge] of forgeries)
    it(`${what} is ignored with a warning, and the message stays in the outbox`, async () => {
      const net = await makeNetwork()
      const sequencer = await FalseSequencer.start(cleanup, net)
      const client = await RunningClient.connected(cleanup, net, sequencer.address)
      await client.send(1)
      await forge(sequencer, await sequencer.firstMessage())
      await client.events.times('warning', 1)
      assert.deepEqual([client.receipts, client.events.of('refused')], [[], []])
      await client.stop()
      assert.deepEqual(await outboxOf(client), { waiting: [1n], receipts: [] })
    })

  it('after a forged receipt the true one is still taken', async () => {
    const net = await makeNetwork()
    const sequencer = await FalseSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(1)
    const receipt = sequencer.receiptFor(await sequencer.firstMessage())
    const mallory = signerOf(await identity('mallory'))
    await sequencer.tell({ receipt: signReceipt(receipt, mallory) })
    await sequencer.tell({ receipt: signReceipt(receipt, net.signer) })
    await client.receipted(1)
    assert.equal(await client.client.settled(deadline()), 0)
    await client.stop()
    const { waiting, receipts } = await outboxOf(client)
    assert.deepEqual(waiting, [])
    assertBytes(present(receipts[0]), signReceipt(receipt, net.signer))
  })

  it('a receipt or a refusal of a message that it never sent changes nothing', async () => {
    const net = await makeNetwork()
    const sequencer = await FalseSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(1)
    const honest = sequencer.receiptFor(await sequencer.firstMessage())
    const foreign = { sequence: 1n, position: 3, leaf: FalseSequencer.noLeaf }
    await sequencer.tell({ receipt: signReceipt({ ...honest, entries: [foreign] }, net.signer) })
    await sequencer.tell({
      refused: { leaf: FalseSequencer.noLeaf, reason: 'bad schema', detail: '' }
    })
    await sequencer.tell({
      refused: { leaf: new Uint8Array(5), reason: 'bad schema', detail: '' }
    })
    await sequencer.tell({ receipt: signReceipt(honest, net.signer) })
    await client.receipted(1)
    assert.deepEqual(
      client.receipts.map(({ sequence, position }) => [sequence, position]),
      [[1n, 0]]
    )
    assert.deepEqual(client.events.of('refused'), [])
  })

  it('bytes that are no notice end the stream; the client connects anew and its message is receipted', async () => {
    const net = await makeNetwork()
    const sequencer = await FalseSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(1)
    const envelope = await sequencer.firstMessage()
    await sequencer.tellBytes(randomBytes(100))
    await client.events.times('connected', 2)
    await sequencer.tell({ receipt: signReceipt(sequencer.receiptFor(envelope), net.signer) })
    await client.receipted(1)
  })

  it('a message that the sequencer was too busy for is sent again', async () => {
    const net = await makeNetwork()
    const sequencer = await FalseSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(1)
    const envelope = await sequencer.firstMessage()
    const { entries } = sequencer.receiptFor(envelope)
    await sequencer.tell({
      refused: { leaf: present(entries[0]).leaf, reason: 'busy', detail: 'later' }
    })
    await sequencer.until('it comes again', () => sequencer.bundles.length > 1)
    assertBytes(sequencer.bundles[1]?.[0], envelope, 'the same bytes')
    await sequencer.tell({ receipt: signReceipt(sequencer.receiptFor(envelope), net.signer) })
    await client.receipted(1)
    assert.deepEqual(client.events.of('refused'), [])
  })

  it('never has more messages on their way without a receipt than its window holds', async () => {
    const net = await makeNetwork()
    const sequencer = await FalseSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    const window = LIMITS.clientWindow
    // Sending waits for room, so it ends only when receipts have come.
    const sending = client.send(window + 700)
    for (const receipted of [0, 350]) {
      await sequencer.until('a full window', () => sequencer.messageCount >= receipted + window)
      assert.equal(sequencer.messageCount, receipted + window)
      await sequencer.accept(sequencer.messages.slice(receipted, receipted + 350))
    }
    await sequencer.until('the rest', () => sequencer.messageCount === window + 700)
    await sequencer.accept(sequencer.messages.slice(700, 1000))
    await sequencer.accept(sequencer.messages.slice(1000))
    await sending
    await client.receipted(window + 700)
    assert.equal(await client.client.settled(deadline()), 0)
  })

  it('puts no more into a bundle than a bundle may hold, however large its messages are', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    const large = Array.from({ length: 300 }, (_, index) => ({ text: `${index}`.padEnd(8000, '.') }))
    await Promise.all(large.map(value => client.client.send(value, deadline())))
    await client.receipted(300)
    assert.deepEqual(client.events.of('refused'), [])
    const checked = await sequencer.check()
    assert.deepEqual(sequencesOf(checked, client), upTo(300))
  })

  it('another network at the address: it says so and gives up', async () => {
    const sequencer = await RunningSequencer.start(cleanup, await makeNetwork())
    const foreign = await makeNetwork({ name: 'another' })
    const client = await RunningClient.start(cleanup, foreign, sequencer.address)
    assert.match(await client.failure(), /serves another network/)
    await sequencer.check()
  })

  it('fifty clients on one host that all dial at once are all served, and none is dropped', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net)
    const clients = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        RunningClient.start(cleanup, net, sequencer.address, `client ${index}`)
      )
    )
    await Promise.all(clients.map(({ client }) => client.connected(deadline())))
    await Promise.all(clients.map(client => client.send(4)))
    await Promise.all(clients.map(client => client.receipted(4)))
    await sequencer.events.times('block', 2)
    for (const client of clients) assert.equal(client.events.count('disconnected'), 0)
    const checked = await sequencer.check()
    assert.deepEqual([checked.height, checked.size, checked.pending], [2, 200, 0])
    for (const client of clients) expectReceiptsHold(checked, client.receipts)
  })
})
