import { Chain } from '#src/chain/chain.js'
import { LevelJournal } from '#src/chain/level-journal.js'
import { PendingQueue } from '#src/chain/pending-queue.js'
import { ReceiptIssuer } from '#src/chain/receipts.js'
import { type Database, envelopesBetween } from '#src/chain/store.js'
import { openDatabase } from '#src/cli/files/files.js'
import { readEncryptionKeys, readIdentity } from '#src/cli/files/key-files.js'
import { type EnvelopeBytes, toHex } from '#src/core/bytes.js'
import { peerIdToString, signerOf, VerifierCache } from '#src/core/keys.js'
import { expectChain } from '#src/core/network.js'
import { Opener } from '#src/core/sealing.js'
import { type MessageRules, validateEnvelope } from '#src/core/validation.js'
import { rulesOf } from '#src/rules/rules.js'
import { messageRules } from '#src/validation/message-rules.js'
import type { Localnet } from '../localnet/index.js'
import { demand, once } from './checks.js'

/** A message of the log, found valid in full. */
export interface LoggedMessage {
  readonly position: number
  readonly envelope: EnvelopeBytes
  /** `author sequence`, which no other message has. */
  readonly name: string
  /** In hex. */
  readonly leaf: string
}

const PAGE = 1_000

/** The folder of a sequencer or, without its pending messages, of another peer, opened once more after it has stopped, as a start would. */
export class Reopened {
  #isOpened = false

  constructor(
    private readonly net: Localnet,
    private readonly folder: string
  ) {}

  readonly database = once(async (): Promise<Database> => {
    const database = await openDatabase(this.folder)
    this.#isOpened = true
    return database
  })

  readonly chain = once(async () => Chain.open(await this.database(), rulesOf(expectChain(this.net.network))))

  readonly queue = once(async () => {
    const database = await this.database()
    const signer = signerOf(await readIdentity(this.net.files.key))
    const now = (): number => Date.now()
    const issuer = new ReceiptIssuer({ network: this.net.network.id, signer, now })
    const options = {
      journal: await LevelJournal.open(database, issuer),
      database,
      chain: await this.chain(),
      sequencer: signer.peerId,
      now,
      clock: () => performance.now(),
      // Nothing is appended here, so nothing is heard of.
      committed: () => undefined,
      failed: () => undefined
    }
    return PendingQueue.open(options, await this.#rules(), new VerifierCache())
  })

  /** Every message by position, each validated in full, opened, and there once. */
  readonly log = once(async () => {
    const [database, rules, verifiers] = [await this.database(), await this.#rules(), new VerifierCache()]
    const log: LoggedMessage[] = []
    const positions = new Map<string, number>()
    for (;;) {
      const envelopes = await envelopesBetween(database, log.length, log.length + PAGE)
      if (envelopes.length === 0) return log
      for (const envelope of envelopes) {
        const position = log.length
        const verdict = await validateEnvelope(envelope, rules, verifiers)
        demand(verdict.ok, `position ${position}: ${verdict.ok ? '' : verdict.refusal.detail}`)
        const name = `${peerIdToString(verdict.author)} ${verdict.sequence}`
        demand(!positions.has(name), `${name} is there twice: at ${positions.get(name)} and ${position}`)
        positions.set(name, position)
        log.push({ position, envelope, name, leaf: toHex(verdict.leaf) })
      }
    }
  })

  async close(): Promise<void> {
    if (this.#isOpened) await (await this.database()).close()
  }

  /** With the keys that open what was sealed to the sequencer. */
  async #rules(): Promise<MessageRules> {
    const opener = new Opener(await readEncryptionKeys(this.net.files.encryptionKey))
    return messageRules(rulesOf(expectChain(this.net.network)), opener)
  }
}
