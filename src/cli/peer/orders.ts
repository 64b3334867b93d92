import {
  type Guard,
  isCount,
  isNumber,
  isText,
  isTexts,
  listOf,
  objectOf,
  readerOf,
  type Tagged
} from '../terminal/shapes.js'

/**
 * What the process that started a peer may say to it, over the channel between the two that Node makes, and what
 * the peer answers. Nobody else has that channel. Bytes are lower-case hex.
 */

const ORDERS = {
  status: {},
  mine: { count: isCount },
  /** PeerIds: all that it is to avoid from now on. */
  avoid: { peers: isTexts },
  /** Multiaddrs: all that it is to keep connected to from now on. */
  connect: { addresses: isTexts }
} as const

const MINED = objectOf({ height: isCount, id: isText })

const REPLIES = {
  done: {},
  status: {
    height: isCount,
    head: isText,
    size: isCount,
    pool: isCount,
    /** Hashes a second. */
    hashRate: isNumber,
    /** PeerIds of those who are connected. */
    peers: isTexts,
    /** How many addresses it keeps to. */
    known: isCount
  },
  /** The answer to `status` of a peer whose network has no order, and so no blocks. */
  set: {
    transfers: isCount,
    digest: isText,
    peers: isTexts,
    known: isCount
  },
  mined: { blocks: listOf(MINED) },
  refused: { reason: isText }
} as const

export type Order = Tagged<'order', typeof ORDERS>
export type Reply = Tagged<'reply', typeof REPLIES>
export type ReplyOf<Name extends Reply['reply']> = Extract<Reply, { readonly reply: Name }>

const readOrder = readerOf('order', ORDERS)
const readReply = readerOf('reply', REPLIES)
const isOrder: Guard<Order> = (value): value is Order => readOrder(value) !== undefined
const isReply: Guard<Reply> = (value): value is Reply => readReply(value) !== undefined

/** The number ties a reply to its order. */
export const isNumbered = objectOf({ number: isCount })
export const isNumberedOrder = objectOf({ number: isCount, order: isOrder })
export const isNumberedReply = objectOf({ number: isCount, reply: isReply })
