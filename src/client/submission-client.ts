import type { EnvelopeBytes, Hash, PeerIdBytes } from '../core/bytes.js'
import { describeError } from '../core/events.js'
import { LIMITS } from '../core/limits.js'
import { decodeSubmissionAnswer, encodeSubmission, type SubmissionResult } from '../core/submission.js'
import { within } from '../lifecycle/waiting.js'
import type { Host } from '../network/host.js'
import { SUBMIT_PROTOCOL } from '../network/names.js'
import { SUBMIT_STREAMS } from '../network/stream-options.js'
import { InvalidAnswer, QueryFailed, QueryRefused } from '../query/query-errors.js'

/**
 * Hands messages to one peer, as many as a bundle holds, and gives what became of each, in their order. Throws
 * QueryRefused where the peer looked at none of them, QueryFailed where there is no answer: then any of them may
 * have been accepted, and they may be handed in again.
 */
export async function submit(
  host: Host,
  peer: PeerIdBytes,
  network: Hash,
  envelopes: readonly EnvelopeBytes[],
  signal: AbortSignal
): Promise<readonly SubmissionResult[]> {
  const whole = within(LIMITS.queryMs, signal)
  const answer = await exchange(host, peer, encodeSubmission({ network, envelopes }), whole)
  if (answer === undefined) throw new QueryFailed('the peer ended the stream without an answer')
  const read = decodeSubmissionAnswer(answer)
  if (read.kind === 'refused') throw new QueryRefused(read.reason, read.detail)
  if (read.fates.length !== envelopes.length)
    throw new InvalidAnswer(
      `the peer tells of ${read.fates.length} messages, and was given ${envelopes.length}`
    )
  return read.fates
}

/** The other side answers when all is on disk, which may take longer than a frame does. */
async function exchange(
  host: Host,
  peer: PeerIdBytes,
  submission: Uint8Array,
  whole: AbortSignal
): Promise<Uint8Array | undefined> {
  try {
    const frame = within(LIMITS.frameMs, whole)
    const channel = await host.open(peer, SUBMIT_PROTOCOL, SUBMIT_STREAMS, frame)
    await channel.send(submission, frame)
    const answer = await channel.receive(whole)
    await channel.close(whole)
    return answer
  } catch (error) {
    throw new QueryFailed(`the peer did not answer: ${describeError(error)}`, { cause: error })
  }
}
