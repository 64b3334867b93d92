import type { BodyAge } from '../applications/application.js'
import { toHex } from '../core/bytes.js'
import { peerIdFromText } from '../core/keys.js'
import type { Network } from '../core/network.js'
import type { Opener } from '../core/sealing.js'
import type { MessageRules } from '../core/validation.js'
import type { Rules } from '../rules/rules.js'
import { bodiesOf, rulesOf, setRulesOf } from '../rules/rules.js'

/**
 * What the network document demands of a message. Without an opener, all but the inside of a sealed body. `age`: whether
 * the messages are new, or stand in a log: what a sequencer has taken stays taken, while peers of equal rank judge
 * each block by the rules of today.
 */
export function messageRules(rules: Rules, opener?: Opener, age: BodyAge = 'new'): MessageRules {
  const { network, application } = rules
  const ages = network.sequencer === undefined ? 'new' : age
  return {
    ...commonRules(network),
    bodies: bodiesOf(rules),
    checkBody: body => application.checkBody(body, ages),
    ...(opener && { opener })
  }
}

/** The same of any network. Throws InvalidNetworkDocument if its application makes no sense. */
export function messageRulesOf(network: Network, opener?: Opener, age?: BodyAge): MessageRules {
  if (network.kind === 'chain') return messageRules(rulesOf(network), opener, age)
  const application = setRulesOf(network)
  return { ...commonRules(network), bodies: 'open', checkBody: body => application.checkBody(body) }
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
