import { asHash, type EnvelopeBytes, type Hash, type PeerIdBytes } from './bytes.js'
import { DecodeError, decodeCanonical, expectLength } from './codec.js'
import { QueryAnswer as WireAnswer, QueryRequest as WireRequest } from './wire/tallystick.js'

/** What may be asked over /tallystick/query/1, and what is answered. */
export type Query =
  | { readonly kind: 'status' }
  | { readonly kind: 'head' }
  | { readonly kind: 'headerOfHead' }
  | { readonly kind: 'headerOfHeight'; readonly height: number }
  | { readonly kind: 'height'; readonly height: number }
  | { readonly kind: 'id'; readonly id: Hash }
  | { readonly kind: 'previous'; readonly id: Hash }
  | { readonly kind: 'range'; readonly from: number; readonly limit: number }
  | { readonly kind: 'inclusionOfPosition'; readonly position: number }
  | { readonly kind: 'inclusionOfLeaf'; readonly leaf: Hash }
  | { readonly kind: 'inclusionInLog'; readonly position: number; readonly size: number }
  | { readonly kind: 'consistency'; readonly from: number; readonly to: number }
  | { readonly kind: 'key' }
  | { readonly kind: 'evidence' }
  | { readonly kind: 'receipt'; readonly author: PeerIdBytes; readonly sequence: bigint }

export type Answer =
  | { readonly kind: 'notFound'; readonly detail: string }
  | { readonly kind: 'refused'; readonly reason: string; readonly detail: string }
  | {
      readonly kind: 'status'
      readonly height: number
      readonly size: number
      readonly pending: number
      readonly head: Hash
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

export function encodeQuery(network: Hash, query: Query): Uint8Array {
  switch (query.kind) {
    case 'status':
    case 'head':
    case 'key':
    case 'evidence':
    case 'headerOfHead':
      return WireRequest.encode({ network, [query.kind]: {} })
    case 'headerOfHeight':
      return WireRequest.encode({ network, headerOfHeight: query.height })
    case 'height':
      return WireRequest.encode({ network, height: query.height })
    case 'id':
      return WireRequest.encode({ network, id: query.id })
    case 'previous':
      return WireRequest.encode({ network, previous: query.id })
    case 'range':
      return WireRequest.encode({ network, range: { from: query.from, limit: query.limit } })
    case 'inclusionOfPosition':
      return WireRequest.encode({ network, inclusionOfPosition: query.position })
    case 'inclusionOfLeaf':
      return WireRequest.encode({ network, inclusionOfLeaf: query.leaf })
    case 'inclusionInLog':
      return WireRequest.encode({ network, inclusionInLog: { position: query.position, size: query.size } })
    case 'consistency':
      return WireRequest.encode({ network, consistency: { from: query.from, to: query.to } })
    case 'receipt':
      return WireRequest.encode({ network, receipt: { author: query.author, sequence: query.sequence } })
  }
}

/** Throws DecodeError. */
export function decodeQuery(bytes: Uint8Array): { readonly network: Hash; readonly query: Query } {
  const request = decodeCanonical('query', WireRequest, bytes)
  expectLength('query network', request.network, 32)
  return { network: asHash(request.network), query: queryOf(request) }
}

function queryOf(request: ReturnType<typeof WireRequest.decode>): Query {
  if (request.status) return { kind: 'status' }
  if (request.head) return { kind: 'head' }
  if (request.key) return { kind: 'key' }
  if (request.evidence) return { kind: 'evidence' }
  if (request.headerOfHead) return { kind: 'headerOfHead' }
  if (request.headerOfHeight !== undefined) return { kind: 'headerOfHeight', height: request.headerOfHeight }
  if (request.height !== undefined) return { kind: 'height', height: request.height }
  if (request.id) return { kind: 'id', id: readHash('query id', request.id) }
  if (request.previous) return { kind: 'previous', id: readHash('query id', request.previous) }
  if (request.range) return { kind: 'range', ...request.range }
  if (request.inclusionOfPosition !== undefined)
    return { kind: 'inclusionOfPosition', position: request.inclusionOfPosition }
  if (request.inclusionOfLeaf)
    return { kind: 'inclusionOfLeaf', leaf: readHash('query leaf', request.inclusionOfLeaf) }
  if (request.inclusionInLog) return { kind: 'inclusionInLog', ...request.inclusionInLog }
  if (request.consistency) return { kind: 'consistency', ...request.consistency }
  if (request.receipt)
    return {
      kind: 'receipt',
      author: request.receipt.author as PeerIdBytes,
      sequence: request.receipt.sequence
    }
  throw new DecodeError('query: asks nothing that is known here')
}

export function encodeAnswer(answer: Answer): Uint8Array {
  switch (answer.kind) {
    case 'notFound':
      return WireAnswer.encode({ notFound: { detail: answer.detail } })
    case 'refused':
      return WireAnswer.encode({ refused: { reason: answer.reason, detail: answer.detail } })
    case 'status': {
      const { height, size, pending, head } = answer
      return WireAnswer.encode({ status: { height, size, pending, head } })
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
  }
}

/** Throws DecodeError. */
export function decodeAnswer(bytes: Uint8Array): Answer {
  const answer = decodeCanonical('answer', WireAnswer, bytes)
  if (answer.notFound) return { kind: 'notFound', ...answer.notFound }
  if (answer.refused) return { kind: 'refused', ...answer.refused }
  if (answer.status)
    return { kind: 'status', ...answer.status, head: readHash('answer head', answer.status.head) }
  if (answer.block) return { kind: 'block', ...answer.block }
  if (answer.inclusion) {
    const { position, leaf, path, header, checkpoint } = answer.inclusion
    return {
      kind: 'inclusion',
      position,
      leaf: readHash('answer leaf', leaf),
      path: path.map(node => readHash('answer path', node)),
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
    return { kind: 'consistency', from, to, path: path.map(node => readHash('answer path', node)) }
  }
  if (answer.key) return { kind: 'key', certificate: answer.key as EnvelopeBytes }
  if (answer.receipt) return { kind: 'receipt', receipt: answer.receipt as EnvelopeBytes }
  if (answer.evidence) return { kind: 'evidence', evidence: answer.evidence }
  if (answer.done) return { kind: 'done', ...answer.done }
  throw new DecodeError('answer: says nothing that is known here')
}

function readHash(what: string, bytes: Uint8Array): Hash {
  expectLength(what, bytes, 32)
  return asHash(bytes)
}
