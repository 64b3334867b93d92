import assert from 'node:assert/strict'
import { Chain } from '#src/chain/chain.js'
import { type EnvelopeBytes, utf8 } from '#src/core/bytes.js'
import { BlockImporter } from '#src/replication/chain/block-importer.js'
import { ValidationPool } from '#src/validation/validation-pool.js'
import { ChainMaker } from '../../helpers/blocks.js'
import { memoryDatabase } from '../../helpers/memory-database.js'
import { makeNetwork } from '../../helpers/networks.js'

describe('a follower that leaves out the signatures of messages', () => {
  it('finds a signed block invalid that holds what is no message, and goes on', async () => {
    const net = await makeNetwork({ blockSize: 1 })
    const chain = await Chain.open(await memoryDatabase(), net.rules)
    const importer = new BlockImporter(chain, new ValidationPool(net.network), 'headers', () => Date.now())
    const lie = new ChainMaker(net).add([{ envelope: utf8('no message') as Uint8Array as EnvelopeBytes }])
    const imported = await importer.import(lie, importer.check(lie))
    assert.equal(imported.kind, 'invalid')
    assert.equal(imported.kind === 'invalid' && imported.fault.kind, 'message')
    assert.equal(chain.head().header.height, 0)
  })
})
