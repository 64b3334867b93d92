import { asHash, type Hash, type PeerIdBytes } from './bytes.js'
import { DecodeError, decodeCanonical, decodeHash, expectLength } from './codec.js'
import { LIMITS } from './limits.js'
import { decodeWeight, encodeWeight } from './weight.js'
import { QueryRequest as WireRequest } from './wire/tallystick.js'

/** What may be asked over /tallystick/query/1. */
export type Query =
  | { readonly kind: 'status' }
  | { readonly kind: 'head' }
  | { readonly kind: 'headerOfHead' }
  | { readonly kind: 'headerOfHeight'; readonly height: number }
  | { readonly kind: 'headerOfId'; readonly id: Hash }
  | { readonly kind: 'headers'; readonly from: number; readonly limit: number }
  | { readonly kind: 'height'; readonly height: number }
  | { readonly kind: 'id'; readonly id: Hash }
  | { readonly kind: 'previous'; readonly id: Hash }
  | { readonly kind: 'range'; readonly from: number; readonly limit: number }
  | { readonly kind: 'blocksById'; readonly ids: readonly Hash[] }
  | { readonly kind: 'inclusionOfPosition'; readonly position: number }
  | { readonly kind: 'inclusionOfLeaf'; readonly leaf: Hash }
  | { readonly kind: 'inclusionInLog'; readonly position: number; readonly size: number }
  | { readonly kind: 'consistency'; readonly from: number; readonly to: number }
  | { readonly kind: 'key' }
  | { readonly kind: 'evidence' }
  | { readonly kind: 'receipt'; readonly author: PeerIdBytes; readonly sequence: bigint }
  | { readonly kind: 'node' }
  | { readonly kind: 'offer'; readonly claim: HeadClaim }
  | { readonly kind: 'mine'; readonly count: number }
  | { readonly kind: 'shutdown' }
  /** After the head where no height is named. */
  | { readonly kind: 'account'; readonly id: PeerIdBytes; readonly height: number | undefined }
  /** `after`: the last account of the page before. */
  | {
      readonly kind: 'accounts'
      readonly height: number | undefined
      readonly after: PeerIdBytes | undefined
      readonly limit: number
    }
  /** Of the transfers whose ids begin with these hex digits. */
  | { readonly kind: 'summary'; readonly prefix: string }
  | { readonly kind: 'transfers'; readonly ids: readonly Hash[] }

const NOBODY = new Uint8Array(0)

export interface BlockName {
  readonly height: number
  readonly id: Hash
}

/** The end of a chain as a peer has it: its word alone. */
export interface HeadClaim extends BlockName {
  /** Of all blocks up to there. */
  readonly weight: bigint
}

export function encodeQuery(network: Hash, query: Query): Uint8Array {
  switch (query.kind) {
    case 'status':
    case 'head':
    case 'key':
    case 'evidence':
    case 'headerOfHead':
    case 'node':
    case 'shutdown':
      return WireRequest.encode({ network, [query.kind]: {} })
    case 'headerOfHeight':
      return WireRequest.encode({ network, headerOfHeight: query.height })
    case 'headerOfId':
      return WireRequest.encode({ network, headerOfId: query.id })
    case 'headers':
      return WireRequest.encode({ network, headers: { from: query.from, limit: query.limit } })
    case 'height':
      return WireRequest.encode({ network, height: query.height })
    case 'id':
      return WireRequest.encode({ network, id: query.id })
    case 'previous':
      return WireRequest.encode({ network, previous: query.id })
    case 'range':
      return WireRequest.encode({ network, range: { from: query.from, limit: query.limit } })
    case 'blocksById':
      return WireRequest.encode({ network, blocksById: { ids: [...query.ids] } })
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
    case 'offer': {
      const { height, id, weight } = query.claim
      return WireRequest.encode({ network, offer: { height, id, weight: encodeWeight(weight) } })
    }
    case 'mine':
      return WireRequest.encode({ network, mine: query.count })
    case 'account': {
      const { id, height } = query
      return WireRequest.encode({ network, account: { id, ...(height !== undefined && { height }) } })
    }
    case 'accounts': {
      const { height, after = NOBODY, limit } = query
      return WireRequest.encode({
        network,
        accounts: { after, limit, ...(height !== undefined && { height }) }
      })
    }
    case 'summary':
      return WireRequest.encode({ network, summary: query.prefix })
    case 'transfers':
      return WireRequest.encode({ network, transfers: { ids: [...query.ids] } })
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
  if (request.headerOfId) return { kind: 'headerOfId', id: decodeHash('query id', request.headerOfId) }
  if (request.headers) return { kind: 'headers', ...request.headers }
  if (request.height !== undefined) return { kind: 'height', height: request.height }
  if (request.id) return { kind: 'id', id: decodeHash('query id', request.id) }
  if (request.previous) return { kind: 'previous', id: decodeHash('query id', request.previous) }
  if (request.range) return { kind: 'range', ...request.range }
  if (request.blocksById) return { kind: 'blocksById', ids: decodeIds(request.blocksById.ids) }
  if (request.inclusionOfPosition !== undefined)
    return { kind: 'inclusionOfPosition', position: request.inclusionOfPosition }
  if (request.inclusionOfLeaf)
    return { kind: 'inclusionOfLeaf', leaf: decodeHash('query leaf', request.inclusionOfLeaf) }
  if (request.inclusionInLog) return { kind: 'inclusionInLog', ...request.inclusionInLog }
  if (request.consistency) return { kind: 'consistency', ...request.consistency }
  if (request.receipt)
    return {
      kind: 'receipt',
      author: request.receipt.author as PeerIdBytes,
      sequence: request.receipt.sequence
    }
  if (request.node) return { kind: 'node' }
  if (request.offer) {
    const { height, id, weight } = request.offer
    const claim = { height, id: decodeHash('query id', id), weight: decodeWeight('query', weight) }
    return { kind: 'offer', claim }
  }
  if (request.mine !== undefined) return { kind: 'mine', count: decodeCount(request.mine) }
  if (request.shutdown) return { kind: 'shutdown' }
  if (request.account) {
    const { id, height } = request.account
    return { kind: 'account', id: id as PeerIdBytes, height }
  }
  if (request.accounts) {
    const { height, after, limit } = request.accounts
    return {
      kind: 'accounts',
      height,
      after: after.length === 0 ? undefined : (after as PeerIdBytes),
      limit
    }
  }
  if (request.summary !== undefined) return { kind: 'summary', prefix: decodePrefix(request.summary) }
  if (request.transfers) return { kind: 'transfers', ids: decodeIds(request.transfers.ids) }
  throw new DecodeError('query: asks nothing that is known here')
}

function decodeIds(ids: readonly Uint8Array[]): Hash[] {
  if (ids.length === 0) throw new DecodeError('query ids: none is asked for')
  return ids.map(id => decodeHash('query id', id))
}

function decodePrefix(prefix: string): string {
  if (!/^[0-9a-f]{0,64}$/.test(prefix))
    throw new DecodeError('query summary: not up to 64 lower-case hex digits')
  return prefix
}

function decodeCount(count: number): number {
  if (count === 0 || count > LIMITS.miningRequests.blocks)
    throw new DecodeError(
      `query mine: 1 to ${LIMITS.miningRequests.blocks} blocks are mined at once, not ${count}`
    )
  return count
}
