import { InvalidArgumentError } from 'commander'
import { type Hash, hashFromHex } from '../../core/bytes.js'

/** Which messages of a log are meant. Both ends of a range belong to it. */
export type MessageRange =
  | { readonly kind: 'positions'; readonly first: number; readonly last: number | undefined }
  | { readonly kind: 'block'; readonly height: number }
  | { readonly kind: 'leaf'; readonly leaf: Hash }

export interface ReadingWishes {
  /** Left out: from now on where it is followed, else all there is. */
  readonly range?: MessageRange
  /** Goes on with new blocks as they come, until the range has ended or `stopping` fires. */
  readonly isFollowing: boolean
  readonly stopping: AbortSignal
}

export const WHOLE_LOG: MessageRange = { kind: 'positions', first: 0, last: undefined }

/** `60`, `10..20`, `10..`, `..20`, `block:7`, or the leaf of a message in hex. */
export function messageRange(text: string): MessageRange {
  const leaf = hashFromHex(text)
  if (leaf !== undefined) return { kind: 'leaf', leaf }
  const [, height] = /^block:(\d{1,15})$/.exec(text) ?? []
  if (height !== undefined) return { kind: 'block', height: Number(height) }
  const [, first, dots, last] = /^(\d{1,15})?(\.\.)?(\d{1,15})?$/.exec(text) ?? []
  if (first !== undefined && dots === undefined && last === undefined)
    return { kind: 'positions', first: Number(first), last: Number(first) }
  if (dots === undefined)
    throw new InvalidArgumentError(
      'It must be a position, such as 60, a range of them, such as 10..20, 10.. or ..20, a block, such as block:7, or 64 hex digits.'
    )
  const range = { first: Number(first ?? 0), last: last === undefined ? undefined : Number(last) }
  if (range.last !== undefined && range.last < range.first)
    throw new InvalidArgumentError('The range ends before it begins.')
  return { kind: 'positions', ...range }
}

/** In words, for errors. */
export function describeRange(range: MessageRange): string {
  switch (range.kind) {
    case 'block':
      return `block ${range.height}`
    case 'leaf':
      return `a message with leaf ${Buffer.from(range.leaf).toString('hex')}`
    case 'positions': {
      const { first, last } = range
      if (last === undefined) return `position ${first} or a later one`
      return first === last ? `position ${first}` : `any of the positions ${first} to ${last}`
    }
  }
}
