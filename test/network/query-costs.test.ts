import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { LIMITS } from '#src/core/limits.js'
import { encodeQuery, type Query } from '#src/core/query.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork, type TestNetwork } from '../helpers/networks.js'
import { RunningClient } from '../helpers/peers.js'
import { SequencerProcess } from '../helpers/program.js'
import { RawPeer } from '../helpers/raw-peer.js'
import { HAS_PROC } from '../localnet/processes.js'

/** What `queryCost` was measured with: the CPU that a sequencer takes for a query of each kind. */
describe('what queries cost a sequencer', () => {
  const cleanup = new Cleanup(after)
  const rows: string[] = []
  let net: TestNetwork
  let sequencer: SequencerProcess
  let client: RunningClient
  let asked = 0

  before(async () => {
    net = await makeNetwork({ blockSize: 1 })
    sequencer = await SequencerProcess.start(cleanup, net)
    client = await RunningClient.connected(cleanup, net, sequencer.address, 'author of a long log')
    await client.send(LIMITS.rangeHeaders)
    await client.events.until('a long log', () => client.receipts.length >= LIMITS.rangeHeaders)
  })

  after(() => console.log(rows.map(row => `      ${row}`).join('\n')))

  /** Of the sequencer so far, ms; 0 where the system does not say. */
  async function cpu(): Promise<number> {
    if (!HAS_PROC) return 0
    const stat = await readFile(`/proc/${sequencer.program.pid}/stat`, 'latin1')
    const [user = 0, system = 0] = stat.slice(stat.lastIndexOf(')')).split(' ').slice(12, 14).map(Number)
    return (user + system) * 10
  }

  const kinds: readonly (readonly [string, Query, number])[] = [
    ['status', { kind: 'status' }, 100],
    ['the head', { kind: 'head' }, 100],
    ['a header', { kind: 'headerOfHeight', height: 500 }, 100],
    ['an inclusion proof', { kind: 'inclusionOfPosition', position: 500 }, 100],
    ['a consistency proof', { kind: 'consistency', from: 100, to: 900 }, 100],
    ['the key', { kind: 'key' }, 100],
    ['64 headers', { kind: 'headers', from: 1, limit: 64 }, 40],
    ['1,000 headers', { kind: 'headers', from: 1, limit: 1_000 }, 8],
    ['64 blocks', { kind: 'range', from: 1, limit: 64 }, 40],
    ['256 blocks', { kind: 'range', from: 1, limit: 256 }, 10]
  ]
  for (const [what, query, times] of kinds)
    it(`${what}: answered ${times} times, and measured`, async () => {
      asked += 1
      const peer = await RawPeer.connect(cleanup, net, sequencer.address, `reader ${asked}`)
      const frame = encodeQuery(net.network.id, query)
      await peer.rawQuery(frame)
      const before = await cpu()
      let bytes = 0
      let answers = 0
      for (let time = 0; time < times; time += 1)
        for (const answer of await peer.rawQuery(frame)) {
          bytes += answer.length
          answers += 1
        }
      assert.ok(answers >= times)
      const ms = ((await cpu()) - before) / times
      rows.push(
        `${ms.toFixed(2).padStart(7)} ms CPU, ${(answers / times).toFixed(0).padStart(5)} answers, ${(bytes / times).toFixed(0).padStart(7)} bytes: ${what}`
      )
    })
})
