import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { ValidationPool } from '#src/validation/validation-pool.js'
import { openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { ForkStage } from '../helpers/fork-stage.js'
import { replay } from '../helpers/transcript.js'
import { makeWorkNetwork } from '../helpers/work-network.js'

const FOLDER = new URL('../../../test/vectors/forks/', import.meta.url)
/** Writes what the commands print into the files, for a reader of the difference to judge. */
const { REWRITE_TRANSCRIPTS } = process.env

describe('transcripts of forks and reorgs', () => {
  const cleanup = new Cleanup(afterEach)
  const net = makeWorkNetwork()
  const large = makeWorkNetwork({ blockSize: 300 })
  const validation = new ValidationPool(net.network)
  const largeValidation = new ValidationPool(large.network)

  before(() => Promise.all([validation.start(), largeValidation.start()]))
  after(() => Promise.all([validation.stop(), largeValidation.stop()]))

  for (const file of readdirSync(FOLDER))
    it(file, async () => {
      const database = await openDatabase(await cleanup.folder())
      cleanup.add(() => database.close())
      const stage = await (file === 'tiles.txt'
        ? ForkStage.create(large, database, largeValidation)
        : ForkStage.create(net, database, validation))
      const path = new URL(file, FOLDER)
      const expected = readFileSync(path, 'utf8')
      const printed = await replay(expected, command => stage.run(command))
      if (REWRITE_TRANSCRIPTS !== undefined) writeFileSync(path, printed)
      else assert.equal(printed, expected)
    })
})
