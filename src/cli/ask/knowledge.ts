import type { CheckpointedHeader } from '../../core/block.js'
import { type PeerIdBytes, toHex } from '../../core/bytes.js'
import { peerIdToString } from '../../core/keys.js'
import type { SetNetwork } from '../../core/network.js'
import { SetQueries } from '../../replication/set/set-queries.js'
import { UsageError } from '../failure.js'
import { sequenceToJson } from '../terminal/output.js'
import { printLine, type Result } from '../terminal/terminal.js'
import { type AskingOptions, asking, oneOf, withConnection } from './asking.js'

/** What a peer knows: what headers prove where there are blocks, else its word. */
export interface Knowledge {
  count(): Promise<Result>
  /** `height`: after that block. Throws UsageError where there is none. */
  account(id: PeerIdBytes, height?: number): Promise<Result>
  accounts(height?: number): Promise<Result>
}

export class ChainKnowledge implements Knowledge {
  constructor(private readonly options: AskingOptions) {}

  count(): Promise<Result> {
    return asking(this.options, async (asker, { header: { height, size } }) => {
      const pending = await asker.claimedPending()
      const says = `blocks ${height}, messages in them ${size}, messages waiting for a block, as the peer says: ${pending}`
      return { facts: { count: height, size, pending }, lines: [says] }
    })
  }

  account(id: PeerIdBytes, height?: number): Promise<Result> {
    return asking(this.options, async asker => {
      const { signed, account } = await asker.account(id, height)
      const facts = {
        account: peerIdToString(id),
        balance: String(account.balance),
        sequence: sequenceToJson(account.sequence),
        ...placeOf(signed)
      }
      return {
        facts,
        lines: [
          `account   ${facts.account}`,
          `balance   ${facts.balance}`,
          `sequence  ${facts.sequence}: its next transfer has number ${account.sequence + 1n}`,
          `block     ${facts.height}, id ${facts.id}, whose state proves it`
        ]
      }
    })
  }

  /** Together they give the state of the block. */
  accounts(height?: number): Promise<Result> {
    return asking(this.options, async asker => {
      const { signed, accounts } = await asker.accounts(height)
      const listed = accounts.map(({ id, balance, sequence }) => ({
        account: peerIdToString(id),
        balance: String(balance),
        sequence: sequenceToJson(sequence)
      }))
      const supply = supplyOf(accounts)
      const place = placeOf(signed)
      return {
        facts: { ...place, supply, accounts: listed },
        lines: [
          ...listed.map(
            ({ account, balance, sequence }) => `${balance.padStart(20)}  ${account}  ${sequence} sent`
          ),
          `${supply.padStart(20)}  on ${listed.length} accounts, which give the state of block ${place.height}, id ${place.id}`
        ]
      }
    })
  }
}

function placeOf({ header: { height, state }, id }: CheckpointedHeader): {
  readonly height: number
  readonly id: string
  readonly state: string
} {
  return { height, id: toHex(id), state: toHex(state) }
}

/** There is no header that proves anything of it. */
export class SetKnowledge implements Knowledge {
  constructor(
    private readonly options: AskingOptions,
    private readonly network: SetNetwork
  ) {}

  count(): Promise<Result> {
    return this.#asking(async asker => {
      const { count: transfers, digest } = await asker.status()
      const facts = { transfers, digest: toHex(digest) }
      return { facts, lines: [`transfers ${transfers}, their digest ${facts.digest}`] }
    })
  }

  async account(id: PeerIdBytes, height?: number): Promise<Result> {
    this.#expectNoHeight(height)
    return this.#asking(async asker => {
      const facts = { account: peerIdToString(id), balance: String(await asker.balance(id)) }
      return { facts, lines: [`account   ${facts.account}`, `balance   ${facts.balance}`] }
    })
  }

  async accounts(height?: number): Promise<Result> {
    this.#expectNoHeight(height)
    return this.#asking(async asker => {
      const balances = await asker.balances()
      const accounts = balances
        .map(({ id, balance }) => ({ account: peerIdToString(id), balance: String(balance) }))
        .sort((one, other) => (one.account < other.account ? -1 : 1))
      const supply = supplyOf(balances)
      return {
        facts: { supply, accounts },
        lines: [
          ...accounts.map(({ account, balance }) => `${balance.padStart(20)}  ${account}`),
          `${supply.padStart(20)}  on ${accounts.length} accounts`
        ]
      }
    })
  }

  #asking(use: (asker: SetQueries) => Promise<Result>): Promise<Result> {
    const { options, network } = this
    return withConnection(oneOf(options), network, ({ host, peer }) => {
      if (!options.json) printLine('as this peer has it: nothing proves it, and others may know more')
      return use(new SetQueries(host, peer, network))
    })
  }

  #expectNoHeight(height: number | undefined): void {
    if (height === undefined) return
    throw new UsageError(`"${this.network.document.name}" has no order, and so no blocks: leave --height out`)
  }
}

function supplyOf(accounts: readonly { readonly balance: bigint }[]): string {
  return String(accounts.reduce((sum, { balance }) => sum + balance, 0n))
}
