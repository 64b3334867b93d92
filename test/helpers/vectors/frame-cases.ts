import { decodeAccount, decodeAccountProof } from '#src/applications/ledger/account-proof.js'
import { decodeAnswer } from '#src/core/answer.js'
import { decodeBlockParts } from '#src/core/block.js'
import { decodeBundle } from '#src/core/bundle.js'
import { asHash, concat, type EnvelopeBytes, type Hash, utf8 } from '#src/core/bytes.js'
import { decodeChatLine } from '#src/core/chat.js'
import { decodeCanonical } from '#src/core/codec.js'
import { decodeQuery, encodeQuery } from '#src/core/query.js'
import { decodeSubmission, encodeSubmission } from '#src/core/submission.js'
import { Hello, Notice } from '#src/core/wire/tallystick.js'
import { seedOf } from '../core.js'
import { bytesField, numberField } from './altered.js'

/** What goes over streams and topics, by the name of the message in the .proto. */
const READERS = {
  Hello: bytes => decodeCanonical('hello', Hello, bytes),
  Notice: bytes => decodeCanonical('notice', Notice, bytes),
  QueryRequest: decodeQuery,
  QueryAnswer: decodeAnswer,
  Submission: decodeSubmission,
  Bundle: decodeBundle,
  Block: decodeBlockParts,
  Account: decodeAccount,
  AccountProof: decodeAccountProof,
  ChatLine: decodeChatLine
} satisfies Readonly<Record<string, (bytes: Uint8Array) => unknown>>

export interface FrameCase {
  readonly message: keyof typeof READERS
  readonly bytes: Uint8Array
}

export interface FrameCases {
  readonly accepted: Readonly<Record<string, FrameCase>>
  readonly refused: Readonly<Record<string, FrameCase>>
}

/** Throws where a peer must not take it. */
export function readFrame({ message, bytes }: FrameCase): void {
  READERS[message](bytes)
}

const NETWORK = seedOf('network of the vectors')
const ONE = utf8('x')
const network = bytesField(1, NETWORK)
const nothing = new Uint8Array(0)

/** The same bytes at each call. */
export function frameCases(): FrameCases {
  return { accepted: accepted(), refused: { ...refusedRequests(), ...refusedOthers() } }
}

function query(...parts: Uint8Array[]): FrameCase {
  return { message: 'QueryRequest', bytes: concat(network, ...parts) }
}

function frame(message: FrameCase['message'], ...parts: Uint8Array[]): FrameCase {
  return { message, bytes: concat(...parts) }
}

function accepted(): FrameCases['accepted'] {
  const ids: Hash[] = [asHash(seedOf('one')), asHash(seedOf('another'))]
  const envelopes = [utf8('an envelope is not looked into here') as Uint8Array as EnvelopeBytes]
  return {
    'query: status, an empty message': query(bytesField(2, nothing)),
    'query: height 0, which is written out as one of a oneof is set': query(numberField(4, 0n)),
    'query: inclusion of position 0': query(numberField(8, 0n)),
    'query: consistency from 0, which is left out, to 7': query(bytesField(10, numberField(2, 7n))),
    'query: two blocks by their ids': frame(
      'QueryRequest',
      encodeQuery(NETWORK, { kind: 'blocksById', ids })
    ),
    'query: a summary of no digits': query(bytesField(26, nothing)),
    'answer: done with 0, which is left out': frame('QueryAnswer', bytesField(9, nothing)),
    'hello: of a client': frame('Hello', network),
    'hello: of a follower': frame('Hello', network, numberField(2, 1n)),
    'notice: ready': frame('Notice', bytesField(1, nothing)),
    'bundle: one envelope, no salt': frame('Bundle', bytesField(1, ONE)),
    'bundle: 256 envelopes and a salt': frame(
      'Bundle',
      ...Array.from({ length: 256 }, () => bytesField(1, ONE)),
      bytesField(2, ONE)
    ),
    'submission: one envelope': frame('Submission', encodeSubmission({ network: NETWORK, envelopes })),
    'chat line: as in section 16': frame(
      'ChatLine',
      bytesField(1, new Uint8Array(16).fill(7)),
      bytesField(2, utf8('hi'))
    )
  }
}

function refusedRequests(): FrameCases['refused'] {
  const id = bytesField(5, seedOf('one'))
  return {
    'query: no bytes': frame('QueryRequest'),
    'query: nothing but the network': query(),
    'query: a field that is not known, empty, at the end': query(
      bytesField(2, nothing),
      bytesField(1000, nothing)
    ),
    'query: a field that is not known in its place': query(bytesField(2, nothing), numberField(1000, 0n)),
    'query: a field that is not known, inside': query(
      bytesField(7, concat(numberField(1, 1n), numberField(2, 1n), numberField(3, 1n)))
    ),
    'query: a height in more bytes than it takes': query(numberField(4, 1n, true)),
    'query: a length in more bytes than it takes': frame(
      'QueryRequest',
      bytesField(1, NETWORK, true),
      bytesField(2, nothing)
    ),
    'query: a height of 2^53': query(numberField(4, 2n ** 53n)),
    'query: two at once': query(bytesField(2, nothing), bytesField(3, nothing)),
    'query: the network behind it': frame('QueryRequest', id, network),
    'query: a network of 31 bytes': frame(
      'QueryRequest',
      bytesField(1, NETWORK.subarray(1)),
      bytesField(2, nothing)
    ),
    'query: an id of 31 bytes': query(bytesField(5, NETWORK.subarray(1))),
    'query: a default that is written out': query(
      bytesField(10, concat(numberField(1, 0n), numberField(2, 7n)))
    ),
    'query: 65 blocks by their ids': query(
      bytesField(19, concat(...Array.from({ length: 65 }, () => bytesField(1, NETWORK))))
    ),
    'query: a summary of digits that are in capitals': query(bytesField(26, utf8('AB'))),
    'query: a summary of 65 digits': query(bytesField(26, utf8('0'.repeat(65))))
  }
}

/** As UTF-8 would have it, if it had any. */
const HALF_A_PAIR = Uint8Array.of(0xed, 0xa0, 0x80)

function refusedOthers(): FrameCases['refused'] {
  return {
    'hello: relay = false, which is written out': frame('Hello', network, numberField(2, 0n)),
    'hello: relay = 2': frame('Hello', network, numberField(2, 2n)),
    'hello: a field that is not known': frame('Hello', network, bytesField(3, nothing)),
    'notice: ready and a receipt': frame('Notice', bytesField(1, nothing), bytesField(2, ONE)),
    'answer: nothing in it': frame('QueryAnswer'),
    'answer: not found, with a detail of 501 characters': frame(
      'QueryAnswer',
      bytesField(1, bytesField(1, utf8('x'.repeat(501))))
    ),
    'answer: not found, with a detail that is not UTF-8': frame(
      'QueryAnswer',
      bytesField(1, bytesField(1, Uint8Array.of(0xff)))
    ),
    'answer: not found, with a detail that has half a surrogate pair': frame(
      'QueryAnswer',
      bytesField(1, bytesField(1, HALF_A_PAIR))
    ),
    'notice: refused, with a reason that has half a surrogate pair': frame(
      'Notice',
      bytesField(3, bytesField(2, HALF_A_PAIR))
    ),
    'bundle: empty': frame('Bundle'),
    'bundle: a salt alone': frame('Bundle', bytesField(2, ONE)),
    'bundle: 257 envelopes': frame('Bundle', ...Array.from({ length: 257 }, () => bytesField(1, ONE))),
    'bundle: the salt before the envelopes': frame('Bundle', bytesField(2, ONE), bytesField(1, ONE)),
    'bundle: a field that is not known': frame('Bundle', bytesField(1, ONE), bytesField(3, nothing)),
    'submission: no envelopes': frame('Submission', network),
    'block: a header and a document': frame('Block', bytesField(1, ONE), bytesField(3, ONE)),
    'block: a field that is not known': frame('Block', bytesField(1, ONE), bytesField(5, nothing)),
    'account: a balance in more bytes than it takes': frame(
      'Account',
      bytesField(1, ONE),
      numberField(2, 1n, true)
    ),
    'account proof: a hash of 31 bytes': frame('AccountProof', bytesField(2, NETWORK.subarray(1))),
    'chat line: an id of 15 bytes': frame(
      'ChatLine',
      bytesField(1, new Uint8Array(15)),
      bytesField(2, utf8('hi'))
    )
  }
}
