import type { Chain } from '../chain/chain.js'
import type { PendingQueue } from '../chain/pending-queue.js'
import type { SequencerMark } from '../chain/signed-mark.js'
import { StoreError } from '../chain/store.js'
import type { SignedHeader } from '../core/block.js'
import { toHex } from '../core/bytes.js'
import type { Report } from '../core/events.js'

export const SIGN_AGAIN = '--sign-positions-again-and-risk-conviction'

function olderThanKey(missing: string): StoreError {
  return new StoreError(
    `this is not the newest folder of this sequencer: ${missing}. To go on from here would sign positions a second time, which convicts a sequencer`,
    {
      code: 'ERR_OLD_FOLDER',
      remedy: `put the newest folder back, or move this one away and fetch the log back from a follower with: tallystick restore --connect ADDRESS --data DIR. Where the rest is lost for good: ${SIGN_AGAIN}`
    }
  )
}

/**
 * A follower has shown a block above the head that this key has signed: the folder is an older one, and so is its mark.
 * Resolves when no start takes the folder any more, with why this one ends.
 */
export async function stopBehind(
  shown: SignedHeader,
  chain: Chain,
  mark: SequencerMark | undefined,
  { signsAgain, report }: BindingOptions
): Promise<StoreError | undefined> {
  const { height } = chain.head().header
  const missing = `it holds ${height} blocks, and a follower has block ${shown.header.height}, ${toHex(shown.id)}, which this key has signed`
  if (signsAgain === true) {
    report({ event: 'warning', message: `${missing}; any peer that has both chains can prove it` })
    return undefined
  }
  const { message, code, remedy = '' } = olderThanKey(missing)
  const problem = new StoreError(`${message}. What was signed since this start may convict it already`, {
    code,
    remedy
  })
  await mark?.learn(shown, `${problem.message}; ${remedy}`)
  return problem
}

interface BindingOptions {
  readonly signsAgain?: boolean
  readonly report: Report
}

/** The same of a folder that is not there yet. Throws StoreError. */
export function expectNothingSigned(mark: SequencerMark): void {
  const missing = mark.missingIn({ positions: 0, height: 0, idAt: () => undefined, pending: [] })
  if (missing !== undefined) throw olderThanKey(missing)
}

/**
 * Before anything is signed: the folder must hold all that the key has signed. Then the mark takes what the folder holds
 * above it, which was shown to nobody. Throws StoreError.
 */
export async function bindToMark(
  mark: SequencerMark,
  chain: Chain,
  { durable }: Pick<PendingQueue, 'durable'>,
  { signsAgain, report }: BindingOptions
): Promise<void> {
  const { id, header } = chain.head()
  const positions = header.size + durable.length
  const warn = (message: string): void => report({ event: 'warning', message })
  const missing = mark.missingIn({
    positions,
    height: header.height,
    idAt: at => chain.headerAt(at)?.id,
    pending: durable
  })
  if (missing !== undefined && signsAgain !== true) throw olderThanKey(missing)
  if (missing !== undefined)
    warn(
      `${missing}; positions are signed a second time now, and whoever has the first receipts or blocks can prove it`
    )
  if (mark.last === undefined && positions > 0)
    warn(
      `it was not written down beside the key what it has signed, as an earlier version did not do that; from now on it is, beginning with the ${header.height} blocks and ${positions} messages of this folder`
    )
  const signed = { positions, height: header.height, id: header.height === 0 ? new Uint8Array(0) : id }
  await mark.adopt(signed, header.size, durable)
}
