import { bindToNetwork, type Database, StoreError, writeDurably } from '../chain/store.js'
import type { Network } from '../core/network.js'
import { bigEndian } from './outbox-entries.js'

/** The numbers that a key has signed messages under. */
export interface Numbers {
  /** The lowest one that the outbox has not given out. */
  readonly next: bigint
  /** The same of the numbers of transfers in the account. */
  readonly nextPayment: bigint
}

/**
 * How far a client's key has numbered, kept beside the key, apart from the data folder: with a folder that is older it
 * would sign another message under a used number. Written, synced, after the message is on disk and before it is sent:
 * a folder below the mark is never what a crash leaves.
 *
 * | key | value                                                  |
 * |-----|--------------------------------------------------------|
 * | n   | canonical network document                             |
 * | c   | next(8) nextPayment(8)                                 |
 * | k   | newest certificate of the encryption key that was seen |
 */
export class SequenceMark {
  private constructor(
    /** Also holds the newest certificate of the encryption key that was seen. */
    readonly database: Database,
    private numbers: Numbers,
    private readonly expectHeld: () => Promise<void>
  ) {}

  /**
   * Throws StoreError where it is of another network or damaged. `expectHeld` throws where another process signs with the
   * key: no message leaves after that.
   */
  static async open(
    database: Database,
    network: Network,
    expectHeld: () => Promise<void> = async () => undefined
  ): Promise<SequenceMark> {
    await bindToNetwork(database, network)
    const stored = await database.get(NUMBERS_KEY)
    return new SequenceMark(database, stored === undefined ? FIRST_NUMBERS : decode(stored), expectHeld)
  }

  get last(): Numbers {
    return this.numbers
  }

  async raise({ next, nextPayment }: Numbers): Promise<void> {
    const { numbers } = this
    if (next <= numbers.next && nextPayment <= numbers.nextPayment) return
    const raised = { next: most(next, numbers.next), nextPayment: most(nextPayment, numbers.nextPayment) }
    const value = Buffer.concat([bigEndian(raised.next), bigEndian(raised.nextPayment)])
    await writeDurably(this.database, [{ type: 'put', key: NUMBERS_KEY, value }])
    this.numbers = raised
    await this.expectHeld()
  }
}

export const FIRST_NUMBERS: Numbers = { next: 1n, nextPayment: 1n }

const NUMBERS_KEY = Uint8Array.of(0x63)

function decode(stored: Uint8Array): Numbers {
  const bytes = Buffer.from(stored)
  if (bytes.length !== 16) throw new StoreError('the numbers that this key has used are damaged')
  return { next: bytes.readBigUInt64BE(0), nextPayment: bytes.readBigUInt64BE(8) }
}

function most(one: bigint, other: bigint): bigint {
  return one > other ? one : other
}
