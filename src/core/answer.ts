import { type Balance, decodeBalance, encodeBalance } from './balance.js'
import type { EnvelopeBytes, Hash } from './bytes.js'
import { DecodeError, decodeCanonical, decodeHash } from './codec.js'
import { decodeNode, encodeNode, type NodeInfo } from './node-info.js'
import type { BlockName } from './query.js'
import { decodeDetail, decodeRefusal, encodeDetail, encodeRefusal } from './refusal.js'
import { decodeSummary, encodeSummary, type Summary } from './set-summary.js'
import { decodeWeight, encodeWeight } from './weight.js'
import { QueryAnswer as WireAnswer } from './wire/tallystick.js'
import { firstField } from './wire-scan.js'

/** What is answered over /tallystick/query/1. */
export type Answer =
  | { readonly kind: 'notFound'; readonly detail: string }
  | { readonly kind: 'refused'; readonly reason: string; readonly detail: string }
  | {
      readonly kind: 'status'
      readonly height: number
      readonly size: number
      readonly pending: number
      readonly head: Hash
      /** Of all blocks up to the head. */
      readonly weight: bigint
    }
  | { readonly kind: 'block'; readonly block: Uint8Array; readonly peaks: readonly Uint8Array[] }
  | {
      readonly kind: 'inclusion'
      readonly position: number
      readonly leaf: Hash
      readonly path: readonly Hash[]
      readonly header: EnvelopeBytes
      readonly checkpoint: Uint8Array
    }
  | { readonly kind: 'header'; readonly header: EnvelopeBytes; readonly checkpoint: Uint8Array }
  | {
      readonly kind: 'consistency'
      readonly from: number
      readonly to: number
      readonly path: readonly Hash[]
    }
  | { readonly kind: 'key'; readonly certificate: EnvelopeBytes }
  | { readonly kind: 'receipt'; readonly receipt: EnvelopeBytes }
  | { readonly kind: 'evidence'; readonly evidence: Uint8Array }
  | { readonly kind: 'done'; readonly next: number }
  /** A block that was asked for by this id is not there. */
  | { readonly kind: 'missing'; readonly id: Hash }
  | ({ readonly kind: 'node' } & NodeInfo)
  /** The answer takes long, and is being worked on. */
  | { readonly kind: 'working' }
  | ({ readonly kind: 'taken' } & BlockName)
  | { readonly kind: 'notTaken'; readonly reason: string; readonly detail: string }
  | { readonly kind: 'mined'; readonly blocks: readonly BlockName[] }
  /** `header` is empty where the account is that of the genesis. `proof`: as the application encodes it. */
  | {
      readonly kind: 'account'
      readonly header: EnvelopeBytes
      readonly checkpoint: Uint8Array
      readonly proof: Uint8Array
    }
  | {
      readonly kind: 'accounts'
      readonly header: EnvelopeBytes
      readonly checkpoint: Uint8Array
      readonly accounts: readonly Uint8Array[]
    }
  /** All transfers that a peer has where nobody orders anything. */
  | { readonly kind: 'set'; readonly count: number; readonly digest: Hash }
  | { readonly kind: 'summary'; readonly summary: Summary }
  | { readonly kind: 'transfers'; readonly envelopes: readonly EnvelopeBytes[] }
  | ({ readonly kind: 'balance' } & Balance)
  | { readonly kind: 'balances'; readonly balances: readonly Balance[] }

export function encodeAnswer(answer: Answer): Uint8Array {
  switch (answer.kind) {
    case 'notFound':
      return WireAnswer.encode({ notFound: { detail: encodeDetail(answer.detail) } })
    case 'refused':
      return WireAnswer.encode({ refused: encodeRefusal(answer) })
    case 'status': {
      const { height, size, pending, head } = answer
      const weight = encodeWeight(answer.weight)
      return WireAnswer.encode({ status: { height, size, pending, head, weight } })
    }
    case 'block':
      return WireAnswer.encode({ block: { block: answer.block, peaks: [...answer.peaks] } })
    case 'inclusion': {
      const { position, leaf, path, header, checkpoint } = answer
      return WireAnswer.encode({ inclusion: { position, leaf, path: [...path], header, checkpoint } })
    }
    case 'header':
      return WireAnswer.encode({ header: { header: answer.header, checkpoint: answer.checkpoint } })
    case 'consistency': {
      const { from, to, path } = answer
      return WireAnswer.encode({ consistency: { from, to, path: [...path] } })
    }
    case 'key':
      return WireAnswer.encode({ key: answer.certificate })
    case 'receipt':
      return WireAnswer.encode({ receipt: answer.receipt })
    case 'evidence':
      return WireAnswer.encode({ evidence: answer.evidence })
    case 'done':
      return WireAnswer.encode({ done: { next: answer.next } })
    case 'missing':
      return WireAnswer.encode({ missing: answer.id })
    case 'node':
      return WireAnswer.encode({ node: encodeNode(answer) })
    case 'working':
      return WireAnswer.encode({ working: {} })
    case 'taken':
      return WireAnswer.encode({ taken: { height: answer.height, id: answer.id } })
    case 'notTaken':
      return WireAnswer.encode({ notTaken: encodeRefusal(answer) })
    case 'mined':
      return WireAnswer.encode({ mined: { blocks: [...answer.blocks] } })
    case 'account': {
      const { header, checkpoint, proof } = answer
      return WireAnswer.encode({ account: { header, checkpoint, proof } })
    }
    case 'accounts': {
      const { header, checkpoint, accounts } = answer
      return WireAnswer.encode({ accounts: { header, checkpoint, accounts: [...accounts] } })
    }
    case 'set':
      return WireAnswer.encode({ set: { count: answer.count, digest: answer.digest } })
    case 'summary':
      return WireAnswer.encode({ summary: encodeSummary(answer.summary) })
    case 'transfers':
      return WireAnswer.encode({ transfers: { envelopes: [...answer.envelopes] } })
    case 'balance':
      return WireAnswer.encode({ balance: encodeBalance(answer) })
    case 'balances':
      return WireAnswer.encode({ balances: { balances: answer.balances.map(encodeBalance) } })
  }
}

/** The kind of an answer as its first bytes tell it, which no other kind decodes from; undefined where they tell none. */
export function answerKind(bytes: Uint8Array): string | undefined {
  return firstField('QueryAnswer', bytes)
}

/** Throws DecodeError. */
export function decodeAnswer(bytes: Uint8Array): Answer {
  const answer = decodeCanonical('answer', WireAnswer, bytes)
  if (answer.notFound) return { kind: 'notFound', detail: decodeDetail('answer', answer.notFound.detail) }
  if (answer.refused) return { kind: 'refused', ...decodeRefusal('answer', answer.refused) }
  if (answer.status) {
    const { head, weight, ...counts } = answer.status
    return {
      kind: 'status',
      ...counts,
      head: decodeHash('answer head', head),
      weight: decodeWeight('answer', weight)
    }
  }
  if (answer.block) return { kind: 'block', ...answer.block }
  if (answer.inclusion) {
    const { position, leaf, path, header, checkpoint } = answer.inclusion
    return {
      kind: 'inclusion',
      position,
      leaf: decodeHash('answer leaf', leaf),
      path: path.map(node => decodeHash('answer path', node)),
      header: header as EnvelopeBytes,
      checkpoint
    }
  }
  if (answer.header) {
    const { header, checkpoint } = answer.header
    return { kind: 'header', header: header as EnvelopeBytes, checkpoint }
  }
  if (answer.consistency) {
    const { from, to, path } = answer.consistency
    return { kind: 'consistency', from, to, path: path.map(node => decodeHash('answer path', node)) }
  }
  if (answer.key) return { kind: 'key', certificate: answer.key as EnvelopeBytes }
  if (answer.receipt) return { kind: 'receipt', receipt: answer.receipt as EnvelopeBytes }
  if (answer.evidence) return { kind: 'evidence', evidence: answer.evidence }
  if (answer.done) return { kind: 'done', ...answer.done }
  if (answer.missing) return { kind: 'missing', id: decodeHash('answer id', answer.missing) }
  if (answer.node) return { kind: 'node', ...decodeNode(answer.node) }
  if (answer.working) return { kind: 'working' }
  if (answer.taken) return { kind: 'taken', ...decodeName(answer.taken) }
  if (answer.notTaken) return { kind: 'notTaken', ...decodeRefusal('answer', answer.notTaken) }
  if (answer.mined) return { kind: 'mined', blocks: answer.mined.blocks.map(decodeName) }
  if (answer.account) {
    const { header, checkpoint, proof } = answer.account
    return { kind: 'account', header: header as EnvelopeBytes, checkpoint, proof }
  }
  if (answer.accounts) {
    const { header, checkpoint, accounts } = answer.accounts
    return { kind: 'accounts', header: header as EnvelopeBytes, checkpoint, accounts }
  }
  if (answer.set) {
    const { count, digest } = answer.set
    return { kind: 'set', count, digest: decodeHash('answer digest', digest) }
  }
  if (answer.summary) return { kind: 'summary', summary: decodeSummary(answer.summary) }
  if (answer.transfers) return { kind: 'transfers', envelopes: answer.transfers.envelopes as EnvelopeBytes[] }
  if (answer.balance) return { kind: 'balance', ...decodeBalance(answer.balance) }
  if (answer.balances) return { kind: 'balances', balances: answer.balances.balances.map(decodeBalance) }
  throw new DecodeError('answer: says nothing that is known here')
}

function decodeName({ height, id }: { readonly height: number; readonly id: Uint8Array }): BlockName {
  return { height, id: decodeHash('answer id', id) }
}
