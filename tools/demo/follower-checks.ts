import { equal } from '#src/core/bytes.js'
import { type Check, demand } from '../scenario/checks.js'
import type { Inquiry } from './inquiry.js'
import type { Sending } from './sending.js'

/** None where there are no followers. */
export function followerChecks({ followers }: Sending, inquiry: Inquiry): Check[] {
  if (followers.length === 0) return []
  return [
    {
      name: 'followers',
      what: "each has the sequencer's head, byte for byte, and no evidence against it",
      run: async () => {
        const { signed } = await inquiry.head()
        for (const follower of followers) {
          const theirs = await (await inquiry.queries(follower)).head()
          demand(equal(theirs.signed.envelope, signed.envelope), `${follower.name} has another head`)
          const lies = follower.events.filter(({ event }) => event === 'evidence').length
          demand(lies === 0, `${follower.name} has ${lies} pieces of evidence`)
        }
        return `${followers.length} at block ${signed.header.height}`
      }
    }
  ]
}
