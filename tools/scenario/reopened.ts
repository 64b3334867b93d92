import { Chain } from '#src/chain/chain.js'
import { LevelJournal } from '#src/chain/level-journal.js'
import { PendingQueue } from '#src/chain/pending-queue.js'
import { ReceiptIssuer } from '#src/chain/receipts.js'
import type { Database } from '#src/chain/store.js'
import { openDatabase } from '#src/cli/files/files.js'
import { readEncryptionKeys, readIdentity } from '#src/cli/files/key-files.js'
import { signerOf, VerifierCache } from '#src/core/keys.js'
import { expectChain } from '#src/core/network.js'
import { Opener } from '#src/core/sealing.js'
import { rulesOf } from '#src/rules/rules.js'
import { messageRules } from '#src/validation/message-rules.js'
import type { Localnet } from '../localnet/index.js'
import { once } from './checks.js'

/** The folder of a sequencer or, without its pending messages, of a follower, opened once more after it has stopped, as a start would. */
export class Reopened {
  readonly database: () => Promise<Database>
  readonly chain: () => Promise<Chain>
  readonly queue: () => Promise<PendingQueue>
  #isOpened = false

  constructor(net: Localnet, folder: string) {
    const rules = rulesOf(expectChain(net.network))
    this.database = once(async () => {
      const database = await openDatabase(folder)
      this.#isOpened = true
      return database
    })
    this.chain = once(async () => Chain.open(await this.database(), rules))
    this.queue = once(async () => {
      const database = await this.database()
      const signer = signerOf(await readIdentity(net.files.key))
      const now = (): number => Date.now()
      const options = {
        journal: await LevelJournal.open(
          database,
          new ReceiptIssuer({ network: net.network.id, signer, now })
        ),
        database,
        chain: await this.chain(),
        sequencer: signer.peerId,
        now,
        clock: () => performance.now(),
        // Nothing is appended here, so nothing is heard of.
        committed: () => undefined,
        failed: () => undefined
      }
      const opener = new Opener(await readEncryptionKeys(net.files.encryptionKey))
      return PendingQueue.open(options, messageRules(rules, opener), new VerifierCache())
    })
  }

  async close(): Promise<void> {
    if (this.#isOpened) await (await this.database()).close()
  }
}
