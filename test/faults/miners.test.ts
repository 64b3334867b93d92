import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { toHex } from '#src/core/bytes.js'
import { expectChain } from '#src/core/network.js'
import { rulesOf } from '#src/rules/rules.js'
import { Localnet, type Peer } from '#tools/localnet/index.js'
import { deadline, present } from '../helpers/changes.js'
import { checkDatabase, openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import type { RuledNetwork } from '../helpers/networks.js'

const KILLS = 3
const NO_BLOCKS = { mine: 0 }

function ruled(net: Localnet): RuledNetwork {
  const network = expectChain(net.network)
  return { network, rules: rulesOf(network) }
}

describe('miners that are killed', () => {
  const cleanup = new Cleanup(afterEach)

  it('at random moments come back with a whole folder, and to one head with the others', async () => {
    const folder = await cleanup.folder()
    const net = await Localnet.create({
      folder: join(folder, 'net'),
      ordering: 'work',
      network: { interval: 200, target: '1f00ffff' }
    })
    cleanup.add(() => net.stop())
    const miners: Peer[] = []
    for (let index = 0; index < 3; index += 1)
      miners.push(await net.startMiner({ connect: miners.flatMap(({ addresses }) => addresses) }))
    for (let kill = 0; kill < KILLS; kill += 1) {
      const victim = present(miners[kill % miners.length])
      const { height } = await victim.status()
      const due = height + 1 + randomInt(3)
      // In the middle of what comes with a block, whichever that is.
      await victim.event('block', block => block.height >= due)
      await setTimeout(randomInt(30))
      victim.kill('SIGKILL')
      assert.deepEqual(await victim.exit(), { code: null, signal: 'SIGKILL' })
      const network = ruled(net)
      const database = await openDatabase(victim.data)
      await checkDatabase(database, network, { receipts: false, now: Date.now() }).finally(() =>
        database.close()
      )
      await victim.restart()
    }

    // They go on without mining, until all have the same.
    for (const miner of miners) await miner.stop()
    for (const miner of miners) await miner.restart(NO_BLOCKS)
    await oneHead(miners)
    const [one] = miners
    await present(one).mine(1)
    const { height, head } = await present(one).status()
    for (const miner of miners) {
      await miner.event('block', block => block.id === head)
      assert.equal((await miner.status()).head, head)
    }
    assert.ok(height > KILLS)
    await net.stopPeers()
    for (const miner of miners) {
      const database = await openDatabase(miner.data)
      const network = ruled(net)
      const checked = await checkDatabase(database, network, { receipts: false, now: Date.now() }).finally(
        () => database.close()
      )
      assert.equal(toHex(checked.head.id), head)
    }
  })

  async function oneHead(miners: readonly Peer[]): Promise<void> {
    const late = deadline()
    for (;;) {
      const heads = await Promise.all(miners.map(async miner => (await miner.status()).head))
      if (new Set(heads).size === 1) return
      if (late.aborted) assert.fail(`no one head in time: ${heads.join(', ')}`)
      await setTimeout(50)
    }
  }
})
