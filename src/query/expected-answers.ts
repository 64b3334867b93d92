import type { Answer } from '../core/answer.js'
import { LIMITS } from '../core/limits.js'
import type { Query } from '../core/query.js'

/** What may come back for one query. Anything else ends the stream before it is decoded. */
export interface ExpectedAnswers {
  readonly kinds: ReadonlySet<string>
  /** Bytes of the largest of them. */
  readonly frameBytes: number
  /** How many of them. */
  readonly frames: number
}

export function expectedAnswers(query: Query): ExpectedAnswers {
  switch (query.kind) {
    case 'status':
      return one('status', 'set')
    case 'head':
    case 'height':
    case 'id':
    case 'previous':
      return expected(['block'], LIMITS.answerBytes, 1)
    case 'range':
      return expected(['block', 'done'], LIMITS.answerBytes, Math.min(query.limit, LIMITS.rangeBlocks) + 1)
    case 'blocksById':
      return expected(['block', 'missing', 'done'], LIMITS.answerBytes, query.ids.length + 1)
    case 'headerOfHead':
    case 'headerOfHeight':
    case 'headerOfId':
      return one('header')
    case 'headers':
      return expected(['header', 'done'], SMALL, Math.min(query.limit, LIMITS.rangeHeaders) + 1)
    case 'inclusionOfPosition':
    case 'inclusionOfLeaf':
    case 'inclusionInLog':
      return one('inclusion')
    case 'consistency':
      return one('consistency')
    case 'key':
      return one('key')
    case 'receipt':
      return expected(['receipt'], LIMITS.noticeBytes, 1)
    case 'evidence':
      return expected(['evidence', 'done'], LIMITS.evidenceBytes + AROUND, LIMITS.evidence + 1)
    case 'node':
      return expected(['node'], LIMITS.listAnswerBytes, 1)
    case 'offer':
      return expected(['working', 'taken', 'notTaken'], SMALL, WORKING)
    case 'mine':
      return expected(['working', 'mined'], SMALL + query.count * NAME, WORKING)
    case 'shutdown':
      return one('done')
    case 'account':
      return one('account', 'balance')
    case 'accounts':
      return expected(['accounts', 'balances'], LIMITS.listAnswerBytes, 1)
    case 'summary':
      return one('summary')
    case 'transfers':
      return expected(['transfers'], Math.min(LIMITS.answerBytes, SMALL * (query.ids.length + 1)), 1)
  }
}

const SMALL = LIMITS.smallAnswerBytes
/** Bytes of tags and lengths around the bytes of one field. */
const AROUND = 16
/** Bytes of the name of a block: a height, an id, and what stands around them. */
const NAME = 64
/** How often it is said that an answer is being worked on, and some times more as timers are not exact; and the answer. */
const WORKING = Math.ceil((2 * LIMITS.longQueryMs) / LIMITS.workingMs) + 1

function one(...kinds: Answer['kind'][]): ExpectedAnswers {
  return expected(kinds, SMALL, 1)
}

function expected(kinds: readonly Answer['kind'][], frameBytes: number, frames: number): ExpectedAnswers {
  return { kinds: new Set<string>([...kinds, 'notFound', 'refused']), frameBytes, frames }
}
