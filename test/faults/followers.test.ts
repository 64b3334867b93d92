import assert from 'node:assert/strict'
import { assertBytes } from '../helpers/bytes.js'
import { deadline, present } from '../helpers/changes.js'
import { checkPeer, expectReceiptsHold } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork } from '../helpers/networks.js'
import { RunningClient, RunningFollower } from '../helpers/peers.js'
import { SequencerProcess } from '../helpers/program.js'

describe('a sequencer behind three followers', () => {
  const cleanup = new Cleanup(afterEach)

  it('is killed twice while 20 clients write through the followers: nothing is lost, and all end with one head', async () => {
    const net = await makeNetwork({ blockSize: 20 })
    const sequencer = await SequencerProcess.start(cleanup, net)
    const followers = await Promise.all(
      ['one', 'two', 'three'].map(name => RunningFollower.start(cleanup, net, [sequencer.address], name))
    )
    const clients = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        RunningClient.connected(cleanup, net, present(followers[index % 3]).address, `client ${index}`)
      )
    )
    const each = 15
    const rounds = 3
    const [alice] = clients
    for (let round = 1; round <= rounds; round += 1) {
      await Promise.all(clients.map(client => client.send(each, `round ${round}`)))
      if (round === rounds) break
      await present(alice).receipted((round - 1) * each + 5)
      await sequencer.program.kill('SIGKILL')
      await sequencer.start()
    }
    await Promise.all(clients.map(({ client }) => client.settled(deadline())))
    const height = (rounds * each * clients.length) / 20
    const heads = await Promise.all(followers.map(follower => follower.has(height)))
    await sequencer.program.kill('SIGTERM')
    const checked = await checkPeer(sequencer.data, net, { openingKeys: 'sealed' })
    assert.deepEqual([checked.height, checked.pending], [height, 0])
    for (const head of heads) assertBytes(head.envelope, present(checked.headers.at(-1)).envelope, 'the head')
    for (const client of clients) expectReceiptsHold(checked, client.receipts)
    for (const follower of followers) {
      await follower.stop()
      const copy = await checkPeer(follower.folder, net, { receipts: false, openingKeys: 'sealed' })
      assert.deepEqual(copy.messages, checked.messages)
    }
  }).timeout(180_000)
})
