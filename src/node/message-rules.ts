import type { Rules } from '../chain/cursor.js'
import { bodiesOf } from '../chain/rules.js'
import { toHex } from '../core/bytes.js'
import { peerIdFromText } from '../core/keys.js'
import type { Opener } from '../core/sealing.js'
import type { MessageRules } from '../core/validation.js'

/** What the network document demands of a message. Without an opener, all but the inside of a sealed body. */
export function messageRules(rules: Rules, opener?: Opener): MessageRules {
  const { id, document } = rules.network
  return {
    network: id,
    messageBytes: document.limits.messageBytes,
    members: document.members && new Set(document.members.map(member => toHex(peerIdFromText(member)))),
    bodies: bodiesOf(rules),
    checkBody: body => rules.application.checkBody(body),
    ...(opener && { opener })
  }
}
