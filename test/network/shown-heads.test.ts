import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BlockHandler } from '#src/api/block-handler.js'
import { ChainHandler } from '#src/api/chain-handler.js'
import type { Handler } from '#src/api/handler.js'
import { Chain } from '#src/chain/chain.js'
import { asking } from '#src/cli/ask/asking.js'
import { Failure } from '#src/cli/failure.js'
import { Host } from '#src/network/host.js'
import { BlockQueries } from '#src/query/block-queries.js'
import { InvalidAnswer } from '#src/query/query-errors.js'
import { VerifiedChain } from '#src/query/verified-chain.js'
import { ChainMaker } from '../helpers/blocks.js'
import { deadline } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { LATER } from '../helpers/equals.js'
import { memoryDatabase } from '../helpers/memory-database.js'
import { identity, makeNetwork, makeWorkNetwork, type TestNetwork } from '../helpers/networks.js'
import { ledgerOf, Payer } from '../helpers/payers.js'
import { servedBy } from '../helpers/served.js'

const LEDGER = await ledgerOf({ alice: 1_000n })

async function respondersOf(maker: ChainMaker): Promise<readonly [BlockHandler, ChainHandler]> {
  const chain = await Chain.open(await memoryDatabase(), maker.net.rules)
  for (const block of maker.blocks) assert.equal((await chain.import(block, LATER)).kind, 'extended')
  return [new BlockHandler(chain), new ChainHandler(chain, () => 0)]
}

for (const [name, make] of [
  ['a sequencer', () => makeNetwork({ blockSize: 1, ledger: LEDGER })],
  ['work', () => makeWorkNetwork({ blockSize: 1, ledger: LEDGER })]
] as const)
  describe(`a peer that has shown its head, in a network that is ordered by ${name}`, () => {
    const cleanup = new Cleanup(afterEach)

    it('is caught when it leaves off the end of its chain', async () => {
      const net = await make()
      const alice = await Payer.create(net, 'alice')
      const maker = new ChainMaker(net)
      maker.addAll([alice.pay(alice, 1n), alice.pay(alice, 2n), alice.pay(alice, 3n)])
      const [blocks, chain] = await respondersOf(maker)
      let last = Number.POSITIVE_INFINITY
      const cut: Handler = {
        reply: query =>
          query.kind === 'headers'
            ? chain.reply({ ...query, limit: Math.min(query.limit, Math.max(0, last + 1 - query.from)) })
            : undefined
      }
      const reader = await Host.create({ key: await identity('reader'), listen: [], topics: [] })
      await reader.start()
      cleanup.add(() => reader.stop())
      const peer = await reader.connect(await servedBy(cleanup, net, cut, blocks, chain), deadline())
      const asker = new BlockQueries(reader, peer, net.rules, () => LATER)
      if (net.rules.ordering.maxReorg > 0) {
        const verified = new VerifiedChain(asker, net.rules, () => LATER)
        await verified.follow()
        asker.tieToChain(verified)
      } else asker.tieTo(maker.cursor.signed)
      const heights = async (from: number, limit: number): Promise<number[]> => {
        const shown: number[] = []
        for await (const { header } of asker.headers(from, limit)) shown.push(header.height)
        return shown
      }
      assert.deepEqual(await heights(0, 100), [0, 1, 2, 3])
      assert.deepEqual(await heights(4, 100), [])
      last = 2
      assert.deepEqual(await heights(0, 3), [0, 1, 2])
      for (const from of [0, 2, 3]) await assert.rejects(heights(from, 100), InvalidAnswer)
    })
  })

describe('the head that a sequencer has shown to a command', () => {
  const cleanup = new Cleanup(afterEach)
  let net: TestNetwork
  let options: Omit<Parameters<typeof asking>[0], 'connect'>

  beforeEach(async () => {
    net = await makeNetwork({ blockSize: 1, ledger: LEDGER })
    const folder = await cleanup.folder()
    options = { network: join(folder, 'network.json'), data: join(folder, 'data') }
    await writeFile(options.network, JSON.stringify(net.network.document))
  })

  it('is kept also where it shows nothing more: another block of that height is a lie that can be proved', async () => {
    const alice = await Payer.create(net, 'alice')
    const one = new ChainMaker(net)
    const other = one.fork(0)
    const paid = alice.pay(alice, 1n)
    for (const maker of [one, other]) maker.add([paid])
    const connect = await servedBy(cleanup, net, ...(await respondersOf(one)))
    const failing = asking({ ...options, connect: [connect] }, async () => {
      throw new Failure('ERR_NO_ANSWER', 'it shows nothing more')
    })
    await assert.rejects(failing, /it shows nothing more/)
    const again = await servedBy(cleanup, net, ...(await respondersOf(other)))
    await assert.rejects(
      asking({ ...options, connect: [again] }, async () => assert.fail('it was believed')),
      /THE SEQUENCER HAS LIED/
    )
  })
})
