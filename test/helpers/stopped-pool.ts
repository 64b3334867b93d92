import { encodeBundle } from '#src/core/bundle.js'
import { NotValidated, ValidationPool } from '#src/validation/validation-pool.js'
import { OpenAuthor } from './authors.js'
import { MADE_TO_STOP } from './failing-worker.js'
import { makeWorkNetwork } from './networks.js'

/** A process that is stopped while a worker of its pool judges. It prints what came of the message. */
const net = await makeWorkNetwork()
const alice = await OpenAuthor.create(net, 'alice')
const worker = new URL('./failing-worker.js', import.meta.url).href
const pool = new ValidationPool(net.network, undefined, { worker, verdictMs: Number(process.argv[2]) })
await pool.start()
const judged = pool.validate(encodeBundle([alice.say({ text: MADE_TO_STOP }).envelope]), 1)
try {
  for (const { ok } of await judged) process.stdout.write(ok ? 'valid\n' : 'invalid\n')
} catch (error) {
  if (!(error instanceof NotValidated)) throw error
  process.stdout.write('unjudged\n')
}
await pool.stop()
