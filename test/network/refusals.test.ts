import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { keys } from '#src/chain/store.js'
import { toHex, utf8 } from '#src/core/bytes.js'
import { decodeEnvelope } from '#src/core/envelope.js'
import { leafHash } from '#src/core/merkle.js'
import { decodeMessage } from '#src/core/message.js'
import { openDetail, sealDetail } from '#src/core/sealed-detail.js'
import { Opener } from '#src/core/sealing.js'
import { Author } from '../helpers/authors.js'
import { deadline, present } from '../helpers/changes.js'
import { openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { FalseSequencer } from '../helpers/false-sequencer.js'
import { makeNetwork, type TestNetwork } from '../helpers/networks.js'
import { RunningClient, RunningFollower, RunningSequencer } from '../helpers/peers.js'
import { RawPeer } from '../helpers/raw-peer.js'

/** What stands in bodies that do not fit, and what a detail would quote of it. */
const SECRET = 'attack at dawn'
const BODIES: Readonly<Record<string, Uint8Array>> = {
  'no JSON': utf8(`${SECRET}, and bring the ladders`),
  'JSON that breaks off': utf8(`{"text":"${SECRET}`),
  'a property of another name': utf8(`{"${SECRET}":1,"text":"x"}`),
  'a text that is none': utf8(`{"text":["${SECRET}"]}`),
  'a text that is too long': utf8(`{"text":"${SECRET.repeat(600)}"}`),
  'not canonical': utf8(`{"text": "${SECRET}"}`)
}

/** What a strict client of this network would have refused itself: it is that of a hostile author, or of another program. */
describe('details of refusals of sealed bodies', () => {
  const cleanup = new Cleanup(afterEach)
  let net: TestNetwork
  let sequencer: RunningSequencer
  let alice: Author

  beforeEach(async () => {
    net = await makeNetwork()
    sequencer = await RunningSequencer.start(cleanup, net)
    alice = await Author.create(net, 'alice')
  })

  /** Nothing that this peer was told says anything of the body. */
  function expectToldNothing(peer: RawPeer, when: string): void {
    for (const { detail, sealedDetail } of peer.refusals) {
      assert.equal(detail, 'what is wrong with its sealed body is told to its author alone', when)
      assert.equal(sealedDetail.length, 540, `${when}: not even how long it is`)
    }
    const told = Buffer.concat(peer.frames).toString('latin1')
    for (const word of ['attack', 'dawn', '/text', 'JSON', 'propert', 'canonical', 'character', 'must'])
      assert.ok(!told.includes(word), `${when}: ${word}`)
  }

  it('go to the author on his own connection, and not to others that say they are relays', async () => {
    const author = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    const spies = await Promise.all([
      RawPeer.connect(cleanup, net, sequencer.address, 'a relay', true),
      RawPeer.connect(cleanup, net, sequencer.address, 'another client'),
      // The author's own relay stream is a relay's as well.
      RawPeer.connect(cleanup, net, sequencer.address, 'mallory', true)
    ])
    for (const [what, body] of Object.entries(BODIES)) {
      const { envelope, leaf } = alice.sealed(body)
      await author.publish(envelope)
      const { reason, detail, sealedDetail } = await author.refusalOf(leaf)
      assert.equal(reason, 'bad schema', what)
      assert.notEqual(detail, '')
      assert.doesNotMatch(detail, /author alone/)
      assert.equal(sealedDetail.length, 0)
      const [relay, client, mallory] = spies.map(spy => present(spy))
      for (const spy of [relay, mallory]) {
        const told = await present(spy).refusalOf(leaf)
        assert.equal(told.reason, 'bad schema')
        assert.equal(toHex(told.author), toHex(alice.peerId))
        expectToldNothing(present(spy), what)
        assert.equal(openDetail(alice.context.secret, { leaf, reason }, told.sealedDetail), undefined)
        assert.equal(openDetail(alice.context.refusalSecret, { leaf, reason }, told.sealedDetail), detail)
      }
      assert.equal(present(client).refusals.length, 0)
    }
    const details = new Set(author.refusals.map(({ detail }) => detail))
    assert.ok(details.size > 3, 'they do tell of the bodies')
  })

  it('go to the author alone where somebody else hands his message over again', async () => {
    const author = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    const mallory = await RawPeer.connect(cleanup, net, sequencer.address, 'mallory', true)
    const { envelope, leaf } = alice.sealed(present(BODIES['no JSON']))
    await mallory.publish(envelope)
    assert.match((await author.refusalOf(leaf)).detail, /is not JSON that is taken here: character 0/)
    await mallory.refusalOf(leaf)
    expectToldNothing(mallory, 'handed over by the relay')
  })

  it('pass through followers unread, and the author reads them', async () => {
    const near = await RunningFollower.start(cleanup, net, [sequencer.address], 'near')
    const far = await RunningFollower.start(cleanup, net, [near.address], 'far')
    await far.events.times('connected', 1)
    const author = await RawPeer.connect(cleanup, net, far.address, alice.key)
    const spy = await RawPeer.connect(cleanup, net, near.address, 'a relay', true)
    const { envelope, leaf } = alice.sealed(present(BODIES['no JSON']))
    await author.publish(envelope)
    const { reason, sealedDetail } = await author.refusalOf(leaf)
    assert.match(
      present(openDetail(alice.context.refusalSecret, { leaf, reason }, sealedDetail)),
      /is not JSON that is taken here: character 0/
    )
    await spy.refusalOf(leaf)
    expectToldNothing(spy, 'at a follower')
    expectToldNothing(author, 'on its way')
  })

  it('are read by a client that was told through a follower; after a restart it shows the reason alone', async () => {
    await sequencer.stop()
    const relay = await FalseSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, relay.address)
    await client.send(2)
    await relay.until('both have come', () => relay.messageCount === 2)
    const details = await Promise.all(
      relay.messages.map(async envelope => {
        const message = decodeMessage(decodeEnvelope(envelope).payload)
        assert.ok(message.body.kind === 'sealed')
        const opened = await new Opener([net.openingKey]).open(message, message.body.sealed)
        assert.ok(opened.ok)
        const told = {
          leaf: leafHash(envelope),
          reason: 'bad schema',
          detail: '/text is not what it should be'
        }
        return { ...told, sealedDetail: sealDetail(opened.refusalSecret, told, randomBytes(12)) }
      })
    )
    const [first, second] = details.map(told => ({ ...told, detail: 'for its author' }))
    await relay.tell({ refused: present(first) })
    await client.events.times('refused', 1)
    assert.equal(client.events.of('refused')[0]?.detail, '/text is not what it should be')

    // A follower that changes it gives nothing away, and puts nothing in the sequencer's mouth.
    await client.stop()
    await client.start()
    await client.client.connected(deadline())
    await relay.tell({ refused: present(second) })
    await client.events.times('refused', 2)
    const [, { reason, detail } = { reason: '', detail: '' }] = client.events.of('refused')
    assert.equal(reason, 'bad schema')
    assert.match(detail, /sealed to an earlier run of this client/)
  })

  it('a sealed detail that was changed on its way is not shown', async () => {
    await sequencer.stop()
    const relay = await FalseSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, relay.address)
    await client.send(1)
    const envelope = await relay.firstMessage()
    const refused = { leaf: leafHash(envelope), reason: 'bad schema', detail: 'for its author' }
    await relay.tell({
      refused: { ...refused, sealedDetail: randomBytes(540) }
    })
    await client.events.times('refused', 1)
    assert.equal(client.events.of('refused')[0]?.detail, 'for its author; what came of that does not open')
  })

  it('are not in what a sequencer says of a damaged folder', async () => {
    const { envelope } = alice.sealed(present(BODIES['no JSON']))
    await sequencer.stop()
    const database = await openDatabase(sequencer.folder)
    await database.put(keys.message(0), envelope)
    await database.close()
    await assert.rejects(sequencer.start(), error => {
      const text = String(error)
      return (
        /position 0 is damaged: what is wrong with its sealed body/.test(text) &&
        !/attack|character/.test(text)
      )
    })
  })
})
