import { Chain } from '../chain/chain.js'
import { Journal } from '../chain/journal.js'
import { rulesOf } from '../chain/rules.js'
import type { Database } from '../chain/store.js'
import { openDatabase } from '../cli/files.js'
import { readEncryptionKeys, readIdentity } from '../cli/key-files.js'
import { signerOf, VerifierCache } from '../core/keys.js'
import { expectOrdered } from '../core/network-document.js'
import { Opener } from '../core/sealing.js'
import type { Localnet } from '../localnet/index.js'
import { messageRules } from '../node/message-rules.js'
import { once } from './checks.js'

/** The folder of a sequencer or, without its journal, of a follower, opened once more after it has stopped, as a start would. */
export class Reopened {
  readonly database: () => Promise<Database>
  readonly chain: () => Promise<Chain>
  readonly journal: () => Promise<Journal>
  #isOpened = false

  constructor(net: Localnet, folder: string) {
    const rules = rulesOf(expectOrdered(net.network))
    this.database = once(async () => {
      const database = await openDatabase(folder)
      this.#isOpened = true
      return database
    })
    this.chain = once(async () => Chain.open(await this.database(), rules))
    this.journal = once(async () => {
      const options = {
        database: await this.database(),
        chain: await this.chain(),
        signer: signerOf(await readIdentity(net.files.key)),
        now: () => Date.now(),
        clock: () => performance.now(),
        // Nothing is appended here, so nothing is heard of.
        committed: () => undefined,
        failed: () => undefined
      }
      const opener = new Opener(await readEncryptionKeys(net.files.encryptionKey))
      return Journal.open(options, messageRules(rules, opener), new VerifierCache())
    })
  }

  async close(): Promise<void> {
    if (this.#isOpened) await (await this.database()).close()
  }
}
