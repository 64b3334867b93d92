import { type Cursor, cursorAfter, draft } from '#src/chain/cursor.js'
import { type Block, encodeHeader, type Header, signHeader } from '#src/core/block.js'
import type { EnvelopeBytes } from '#src/core/bytes.js'
import type { Signer } from '#src/core/keys.js'
import { leafHash } from '#src/core/merkle.js'
import { limitOf, NONCE_BYTES, search } from '#src/orderings/proof-of-work/search.js'
import { decodeProof, withNonce } from '#src/orderings/proof-of-work/work-proof.js'
import type { Rules } from '#src/rules/rules.js'

/** Blocks on one another, over these messages, an interval apart. Their work takes no time to speak of. */
export function minedBranch(
  from: Cursor,
  messages: readonly (readonly EnvelopeBytes[])[],
  miner: Signer,
  rules: Rules,
  interval: number
): Block[] {
  let cursor = from
  return messages.map(envelopes => {
    const leaves = envelopes.map(leafHash)
    const time = cursor.signed.header.time + interval
    const made = draft(cursor, { envelopes, leaves }, miner.peerId, rules, time)
    const signed = signHeader(proved(made.header), miner, rules.ordering)
    cursor = cursorAfter(cursor, made, signed, rules)
    return { signed, envelopes }
  })
}

function proved(header: Header): Header {
  const bytes = Uint8Array.from(encodeHeader(header))
  const limit = limitOf(decodeProof(header.proof).number)
  while (search(bytes, limit, 1_000_000) === undefined);
  return withNonce(header, bytes.slice(-NONCE_BYTES))
}
