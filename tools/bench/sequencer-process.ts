// The sequencer of the benchmark: the real role, and what it costs.
import 'core-js/actual/promise/with-resolvers.js'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { SequencerMark } from '#src/chain/signed-mark.js'
import { openDatabase, readOrderedNetwork } from '#src/cli/files/files.js'
import { readEncryptionKeys, readIdentity } from '#src/cli/files/key-files.js'
import type { Header } from '#src/core/block.js'
import { toHex } from '#src/core/bytes.js'
import { Wakeup } from '#src/lifecycle/waiting.js'
import { createSequencer } from '#src/node/sequencer.js'
import { answerAs, usageSoFar } from './children.js'
import type { NetworkArgument } from './end-to-end.js'

/** The head, and the digest of its state in hex. */
export interface Executed {
  readonly size: number
  readonly state: string
}

await answerAs<NetworkArgument>(async ({ network, key, encryptionKey, data, muxers }) => {
  const document = await readOrderedNetwork(network)
  const database = await openDatabase(data)
  const marks = await openDatabase(`${data}.signed`)
  let addresses: readonly string[] = []
  let head: Header | undefined
  const moved = new Wakeup()
  const sequencer = await createSequencer({
    key: await readIdentity(key),
    network: document,
    mark: await SequencerMark.open(marks, document),
    openingKeys: await readEncryptionKeys(encryptionKey),
    database,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    now: () => Date.now(),
    report: event => {
      if (event.event === 'started') addresses = event.addresses
      if (event.event !== 'block') return
      head = event.signed.header
      moved.wake()
    },
    failed: error => {
      throw error
    },
    muxers
  })
  await sequencer.start()
  return {
    address: async () => addresses[0],
    usage: async () => usageSoFar(),
    /** Answers when nothing waits for a block any more. */
    executed: async (): Promise<Executed> => {
      const deadline = AbortSignal.timeout(60_000)
      while (sequencer.controls.status().pool > 0 && !deadline.aborted) await moved.wait(deadline)
      return { size: head?.size ?? 0, state: head === undefined ? '' : toHex(head.state) }
    },
    /** Stops, compacts and gives the bytes that are left on disk. */
    bytesOnDisk: async () => {
      await sequencer.stop()
      await database.compactRange(Uint8Array.of(0), Uint8Array.of(0xff))
      await database.close()
      await marks.close()
      const files = await readdir(data)
      const sizes = await Promise.all(files.map(async file => (await stat(join(data, file))).size))
      return sizes.reduce((sum, size) => sum + size, 0)
    }
  }
})
