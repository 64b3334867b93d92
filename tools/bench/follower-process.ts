// A follower that starts from nothing: the real role, full verification, and what it costs.
import 'core-js/actual/promise/with-resolvers.js'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { openDatabase, readOrderedNetwork } from '#src/cli/files/files.js'
import { printLine } from '#src/cli/terminal/terminal.js'
import { createFollower } from '#src/node/follower.js'
import type { CatchUpArgument } from './catch-up.js'
import { answerAs } from './children.js'

/** Memory is looked at as often as this on the way. */
const SAMPLES = 8

await answerAs<CatchUpArgument>(async ({ network, data, address, muxers, height }) => {
  const database = await openDatabase(data)
  const caughtUp = Promise.withResolvers<number>()
  const rssMb: number[] = []
  const follower = await createFollower({
    key: await generateKeyPair('Ed25519'),
    network: await readOrderedNetwork(network),
    database,
    listen: [],
    connect: [address],
    verification: 'full',
    now: () => Date.now(),
    report: event => {
      if (event.event === 'warning') printLine(event.message)
      if (event.event !== 'block') return
      const reached = event.signed.header.height
      if (reached >= ((rssMb.length + 1) * height) / SAMPLES)
        rssMb.push(Math.round(process.memoryUsage.rss() / 2 ** 20))
      if (reached === height) caughtUp.resolve(performance.now())
    },
    failed: caughtUp.reject,
    muxers
  })
  return {
    catchUp: async () => {
      const start = performance.now()
      await follower.start()
      const end = await caughtUp.promise
      return { blocksPerSecond: (height * 1000) / (end - start), rssMb }
    }
  }
})
