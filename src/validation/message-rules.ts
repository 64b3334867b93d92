import type { BodyAge } from '../applications/application.js'
import { UnorderedLedger } from '../applications/ledger/unordered.js'
import type { Rules } from '../chain/cursor.js'
import { bodiesOf, rulesOf } from '../chain/rules.js'
import { toHex } from '../core/bytes.js'
import { peerIdFromText } from '../core/keys.js'
import type { Network } from '../core/network-document.js'
import type { Opener } from '../core/sealing.js'
import type { MessageRules } from '../core/validation.js'

/**
 * What the network document demands of a message. Without an opener, all but the inside of a sealed body. `age`: whether
 * the messages are new, or stand in a log: what a sequencer has taken stays taken, while peers of equal rank judge
 * each block by the rules of today.
 */
export function messageRules(rules: Rules, opener?: Opener, age: BodyAge = 'new'): MessageRules {
  const { network, application } = rules
  const ages = network.document.ordering.type === 'sequencer' ? age : 'new'
  return {
    ...commonRules(network),
    bodies: bodiesOf(rules),
    checkBody: body => application.checkBody(body, ages),
    ...(opener && { opener })
  }
}

/** The same of any network. Throws InvalidNetworkDocument if its application makes no sense. */
export function messageRulesOf(network: Network, opener?: Opener, age?: BodyAge): MessageRules {
  if (network.kind === 'ordered') return messageRules(rulesOf(network), opener, age)
  const ledger = new UnorderedLedger(network.document.application)
  return { ...commonRules(network), bodies: 'open', checkBody: body => ledger.checkBody(body) }
}

function commonRules({
  id,
  document: { limits, members }
}: Network): Pick<MessageRules, 'network' | 'messageBytes' | 'members'> {
  return {
    network: id,
    messageBytes: limits.messageBytes,
    members: members && new Set(members.map(member => toHex(peerIdFromText(member))))
  }
}
