// A state with many accounts, in a process of its own: its memory is nothing else's.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { answerAs } from './children.js'
import { type LedgerLoad, ledgerFigures } from './ledger-figures.js'

setFlagsFromString('--expose-gc')
const collect: unknown = runInNewContext('gc')

/** Bytes in use once all that is in no use is gone. */
function heap(): number {
  if (typeof collect === 'function') collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

await answerAs<LedgerLoad>(async load => ({ figures: () => ledgerFigures(load, heap) }))
