import { toHex } from '../core/bytes.js'
import { decodeEnvelope } from '../core/envelope.js'
import { decodeMessage } from '../core/message.js'
import type { Rules } from '../rules/rules.js'
import type { Candidate } from './candidate.js'

/**
 * Of waiting messages, oldest first, as many as are valid one after the other from `state` on. Of an author whose
 * message is not, the later ones are passed over: so many may wait that to try each would take long. All others go
 * on waiting.
 */
export function chooseValid(
  waiting: Iterable<Candidate>,
  most: number,
  application: Rules['application'],
  before: unknown
): Candidate[] {
  const chosen: Candidate[] = []
  const refused = new Set<string>()
  let state = before
  for (const candidate of waiting) {
    if (chosen.length >= most) break
    const author = toHex(candidate.author)
    if (refused.has(author)) continue
    const outcome = application.applyMessage(state, decodeMessage(decodeEnvelope(candidate.envelope).payload))
    if (outcome.ok) {
      state = outcome.state
      chosen.push(candidate)
    } else refused.add(author)
  }
  return chosen
}
