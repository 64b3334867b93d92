import { concat } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import { encodeQuery, type Query } from '#src/core/query.js'
import { QUERY_PROTOCOL } from '#src/network/names.js'
import { varint } from '../core/protobuf.js'
import { RunningClient } from '../helpers/peers.js'
import { Attacker, openingOf } from './attacker.js'
import { Besieged } from './besieged.js'

/** Honest messages that are sent while each attack goes on. */
const HONEST = 20

describe('attacks by queries that cost much', () => {
  const besieged = new Besieged({ blockSize: 1 })
  let author: RunningClient

  // As many headers as a page holds.
  before(async () => {
    const { cleanup, net, sequencer } = besieged
    author = await RunningClient.connected(cleanup, net, sequencer.address, 'author of a long log')
    await author.send(LIMITS.rangeHeaders)
    await author.events.until('a long log', () => author.receipts.length >= LIMITS.rangeHeaders)
  })

  /** Peers that each ask the same anew as soon as it is answered, until the honest client has been served. */
  async function besiege(peers: number, streams: number, query: Query): Promise<void> {
    const { cleanup, net, sequencer } = besieged
    const frame = encodeQuery(net.network.id, query)
    const asking = concat(openingOf(QUERY_PROTOCOL), varint(BigInt(frame.length)), frame)
    const attackers = await Promise.all(
      Array.from({ length: peers }, (_, index) =>
        Attacker.connect(cleanup, sequencer.address, `one who asks for ${query.kind} (${index})`)
      )
    )
    let isServed = false
    const asked = attackers.flatMap(attacker =>
      Array.from({ length: streams }, async () => {
        while (!isServed && attacker.isConnected) {
          const stream = await attacker.openBare()
          await stream.send(asking)
          await stream.ended()
          stream.reset()
        }
      })
    )
    await besieged.serve(HONEST)
    isServed = true
    await Promise.all(asked)
  }

  it('nothing, to compare with', () => besieged.serve(HONEST))

  it('one peer that asks for 24 pages of headers at once, again and again: others are served', () =>
    besiege(1, 24, { kind: 'headers', from: 1, limit: LIMITS.rangeHeaders }))

  it('24 peers that each ask for a page of headers, again and again: others are served', () =>
    besiege(24, 1, { kind: 'headers', from: 1, limit: LIMITS.rangeHeaders }))

  it('one peer that asks for 24 pages of blocks at once, again and again: others are served', () =>
    besiege(1, 24, { kind: 'range', from: 1, limit: LIMITS.rangeBlocks }))

  it('24 peers that each ask for a page of blocks, again and again: others are served', () =>
    besiege(24, 1, { kind: 'range', from: 1, limit: LIMITS.rangeBlocks }))

  it('after all of it the log holds the honest messages, each once', async () => {
    await besieged.outcome(author.receipts)
  })
})
