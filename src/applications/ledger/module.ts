import { peerIdToString } from '../../core/keys.js'
import { InvalidNetworkDocument } from '../../core/network.js'
import type { ApplicationModule } from '../application.js'
import { LedgerApplication } from './ledger.js'
import { newSection } from './new-section.js'
import type { LedgerSection } from './section.js'
import { decodeTransfer } from './transfer.js'
import { UnorderedLedger } from './unordered.js'

const DIGITS = { type: 'string', pattern: '^(0|[1-9][0-9]{0,19})$' } as const

export const ledgerModule: ApplicationModule<LedgerSection> = {
  type: 'ledger',
  schema: {
    required: ['accounts'],
    properties: {
      accounts: {
        type: 'object',
        maxProperties: 10_000,
        additionalProperties: { type: 'string', pattern: '^[1-9][0-9]{0,19}$' }
      },
      reward: DIGITS,
      leastFee: DIGITS
    }
  },
  show: body => {
    const { to, amount, fee } = decodeTransfer(body)
    const json = { to: peerIdToString(to), amount: String(amount), fee: String(fee) }
    return { kind: 'transfer', json, text: `${json.amount} to ${json.to}, fee ${json.fee}` }
  },
  init: {
    options: [
      {
        flags: '--grant <peerid=amount>',
        description: 'what an account has at first; repeatable',
        value: { kind: 'grants' }
      },
      {
        flags: '--reward <n>',
        description: 'what each block makes for its producer (with --ordering work)',
        value: { kind: 'units' }
      },
      { flags: '--least-fee <n>', description: 'the least fee of a transfer', value: { kind: 'units' } }
    ],
    takesSet: true,
    isPrompt: true,
    section: newSection
  },
  rules: section => new LedgerApplication(section),
  expectOrdering: ({ reward = '0' }, { whyNoReward }) => {
    if (whyNoReward !== undefined && reward !== '0') throw noReward(whyNoReward)
  },
  expectSet: section => {
    if ((section.reward ?? '0') !== '0')
      throw noReward('without an order there are no blocks to be rewarded for')
    return new UnorderedLedger(section)
  }
}

function noReward(why: string): InvalidNetworkDocument {
  return new InvalidNetworkDocument(`/application/reward: ${why}; leave the reward out`)
}
