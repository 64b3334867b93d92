import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  type AccountProof,
  decodeAccount,
  decodeAccountProof,
  encodeAccount,
  encodeAccountProof
} from '#src/applications/ledger/account-proof.js'
import { decodeTransfer, encodeTransfer } from '#src/applications/ledger/transfer.js'
import { decodeAddresses, encodeAddresses } from '#src/core/addresses.js'
import { type Answer, decodeAnswer, encodeAnswer } from '#src/core/answer.js'
import {
  decodeBlockParts,
  encodeBlock,
  encodeGenesis,
  genesisOf,
  type Header,
  readSignedHeader,
  signHeader
} from '#src/core/block.js'
import { decodeBundle, encodeBundle } from '#src/core/bundle.js'
import { concat, type EnvelopeBytes, equal, type Hash, toHex, utf8 } from '#src/core/bytes.js'
import { decodeChatLine, encodeChatLine } from '#src/core/chat.js'
import { DecodeError, decodeCanonical, expectLength } from '#src/core/codec.js'
import { type CertifiedKey, certifyKey, readCertificate } from '#src/core/encryption-key.js'
import { type Domain, decodeEnvelope, signEnvelope } from '#src/core/envelope.js'
import type { FaultKind } from '#src/core/fault.js'
import { sha256 } from '#src/core/hash.js'
import { VerifierCache } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { type Body, decodeMessage, encodeMessage, type Message } from '#src/core/message.js'
import { decodeQuery, encodeQuery, type Query } from '#src/core/query.js'
import { type Receipt, readReceipt, signReceipt } from '#src/core/receipt.js'
import { keyIdOf } from '#src/core/sealing.js'
import {
  decodeSubmission,
  decodeSubmissionAnswer,
  encodeSubmission,
  encodeSubmissionAnswer,
  type SubmissionAnswer,
  type SubmissionResult
} from '#src/core/submission.js'
import {
  Block,
  Envelope,
  QueryAnswer,
  QueryRequest,
  SubmissionAnswer as SubmissionAnswerWire,
  Message as WireMessage
} from '#src/core/wire/tallystick.js'
import { encodeCompact } from '#src/orderings/proof-of-work/compact-target.js'
import { NONCE_BYTES } from '#src/orderings/proof-of-work/search.js'
import { decodeProof, encodeProof } from '#src/orderings/proof-of-work/work-proof.js'
import {
  arbitrary,
  assertSame,
  fromHex,
  repositoryFile,
  runs,
  sealedMessage,
  signedMessage,
  stageOf
} from '../helpers/core.js'
import { alterationsOf, fieldsOfAnyKind } from './protobuf.js'

const stage = await stageOf()
const { sequencer } = stage
const network = stage.network.id
const verifiers = new VerifierCache()

/** A format of the .proto file with the functions that write and read it. */
interface Spec<T> {
  readonly name: string
  /** Its name in the .proto file. */
  readonly message: string
  readonly values: fc.Arbitrary<T>
  encode(value: T): Uint8Array
  /** Throws DecodeError, or NotEncoding where the contract is a fault value. */
  decode(bytes: Uint8Array): T
  /** The encoding holds more than the decoder gives back. */
  readonly lossy?: true
}

/** The same, whatever its values are. */
interface Format {
  readonly name: string
  readonly message: string
  readonly samples: fc.Arbitrary<Uint8Array>
  decode(bytes: Uint8Array): unknown
  /** Decodes, and writes again what was read. */
  again(bytes: Uint8Array): Uint8Array
  /** Throws unless every value comes back as it was written. */
  checkRoundTrip(): void
}

function format<T>(spec: Spec<T>): Format {
  return {
    name: spec.name,
    message: spec.message,
    samples: spec.values.map(value => Uint8Array.from(spec.encode(value))),
    decode: bytes => spec.decode(bytes),
    again: bytes => {
      const value = spec.decode(bytes)
      return spec.lossy ? bytes : spec.encode(value)
    },
    checkRoundTrip: () =>
      fc.assert(
        fc.property(spec.values, value => assertSame(spec.decode(spec.encode(value)), value)),
        runs(200)
      )
  }
}

/** Stands for a fault of a header that is not about its encoding. */
class NotEncoding extends Error {
  constructor(readonly kind: FaultKind) {
    super(kind)
  }
}

function headerOf(bytes: Uint8Array): Header {
  const outcome = readSignedHeader(bytes, verifiers)
  if (outcome.ok) return outcome.signed.header
  throw outcome.fault.kind === 'encoding'
    ? new DecodeError(outcome.fault.detail)
    : new NotEncoding(outcome.fault.kind)
}

/** Signed by the sequencer, whatever it is: what lies inside an envelope cannot be altered otherwise. */
function signed(domain: Domain, payload: Uint8Array): Uint8Array {
  return signEnvelope(domain, payload, sequencer)
}

function payloadOf(envelope: Uint8Array): Uint8Array {
  return decodeEnvelope(envelope).payload
}

const sealed = fc.record({
  keyId: arbitrary.bytes(8, 8),
  enc: arbitrary.bytes(32, 32),
  ciphertext: fc.integer({ min: 1, max: 4 }).chain(steps => arbitrary.bytes(64 * steps + 16, 64 * steps + 16))
})

const messages = (body: fc.Arbitrary<Body>): fc.Arbitrary<Message> =>
  fc.record({
    network: arbitrary.hash(),
    author: arbitrary.peerId(),
    sequence: arbitrary.u64(1n),
    time: arbitrary.count(),
    body
  })

const headers: fc.Arbitrary<Header> = fc.record({
  network: arbitrary.hash(),
  height: arbitrary.count(),
  parent: arbitrary.hash(),
  time: arbitrary.count(),
  count: arbitrary.count(),
  root: arbitrary.hash(),
  size: arbitrary.count(),
  log: arbitrary.hash(),
  state: arbitrary.hash(),
  producer: fc.constant(sequencer.peerId),
  proof: arbitrary.bytes(0, 100)
})

const receipts: fc.Arbitrary<Receipt> = fc.record({
  network: fc.constant(network),
  author: arbitrary.peerId(),
  time: arbitrary.count(),
  entries: fc.array(
    fc.record({ sequence: arbitrary.u64(), position: arbitrary.count(), leaf: arbitrary.hash() }),
    { minLength: 1, maxLength: 5 }
  )
})

const certifiedKeys: fc.Arbitrary<CertifiedKey> = fc
  .record({
    publicKey: arbitrary.bytes(32, 32),
    term: fc.oneof(
      fc.constant({ serial: 0, until: 0 }),
      fc.record({ serial: fc.maxSafeNat().map(atLeast1), until: fc.maxSafeNat().map(atLeast1) })
    )
  })
  .map(({ publicKey, term }) => ({ keyId: keyIdOf(publicKey), publicKey, ...term }))

function atLeast1(number: number): number {
  return Math.max(1, number)
}

const weights = fc.bigInt({ min: 0n, max: 2n ** 309n })

const queries: readonly fc.Arbitrary<Query>[] = [
  fc.constant({ kind: 'status' }),
  fc.constant({ kind: 'head' }),
  fc.constant({ kind: 'headerOfHead' }),
  fc.constant({ kind: 'evidence' }),
  fc.record({ kind: fc.constant('headerOfHeight'), height: arbitrary.count() }),
  fc.record({ kind: fc.constant('height'), height: arbitrary.count() }),
  fc.record({ kind: fc.constant('id'), id: arbitrary.hash() }),
  fc.record({ kind: fc.constant('previous'), id: arbitrary.hash() }),
  fc.record({ kind: fc.constant('range'), from: arbitrary.count(), limit: arbitrary.count() }),
  fc.record({ kind: fc.constant('inclusionOfPosition'), position: arbitrary.count() }),
  fc.record({ kind: fc.constant('inclusionOfLeaf'), leaf: arbitrary.hash() }),
  fc.record({ kind: fc.constant('consistency'), from: arbitrary.count(), to: arbitrary.count() }),
  fc.constant({ kind: 'key' }),
  fc.record({ kind: fc.constant('receipt'), author: arbitrary.peerId(), sequence: arbitrary.u64() }),
  fc.record({ kind: fc.constant('headerOfId'), id: arbitrary.hash() }),
  fc.record({ kind: fc.constant('headers'), from: arbitrary.count(), limit: arbitrary.count() }),
  fc.record({
    kind: fc.constant('blocksById'),
    ids: fc.array(arbitrary.hash(), { minLength: 1, maxLength: 4 })
  }),
  fc.record({ kind: fc.constant('inclusionInLog'), position: arbitrary.count(), size: arbitrary.count() }),
  fc.constant({ kind: 'node' }),
  fc.record({
    kind: fc.constant('offer'),
    claim: fc.record({ height: arbitrary.count(), id: arbitrary.hash(), weight: weights })
  }),
  fc.record({ kind: fc.constant('mine'), count: fc.integer({ min: 1, max: LIMITS.miningRequests.blocks }) }),
  fc.constant({ kind: 'shutdown' }),
  fc.record({
    kind: fc.constant('account'),
    id: arbitrary.peerId(),
    height: fc.option(arbitrary.count(), { nil: undefined })
  }),
  fc.record({
    kind: fc.constant('accounts'),
    height: fc.option(arbitrary.count(), { nil: undefined }),
    after: fc.option(arbitrary.peerId(), { nil: undefined }),
    limit: arbitrary.count()
  }),
  fc.record({ kind: fc.constant('summary'), prefix: fc.stringMatching(/^[0-9a-f]{0,64}$/) }),
  fc.record({
    kind: fc.constant('transfers'),
    ids: fc.array(arbitrary.hash(), { minLength: 1, maxLength: 4 })
  })
]

const text = fc.string({ unit: 'binary', maxLength: 40 })
const peerIds = fc.constantFrom(stage.author.peerId, stage.sequencer.peerId)
const balances = fc.bigInt({ min: -(10n ** 40n) + 1n, max: 10n ** 40n - 1n })
const summaries = fc.oneof(
  fc.record({
    kind: fc.constant<'ids'>('ids'),
    ids: fc
      .uniqueArray(arbitrary.hash(), { maxLength: 5, selector: toHex })
      .map(ids => ids.toSorted(Buffer.compare))
  }),
  fc.record({
    kind: fc.constant<'parts'>('parts'),
    digests: fc.array(arbitrary.hash(), { minLength: 16, maxLength: 16 })
  })
)
const addresses = fc.stringMatching(/^\/[!-~]{1,60}$/)
const hashes = fc.array(arbitrary.hash(), { maxLength: 6 })
const answers: readonly fc.Arbitrary<Answer>[] = [
  fc.record({ kind: fc.constant('notFound'), detail: text }),
  fc.record({ kind: fc.constant('refused'), reason: text, detail: text }),
  fc.record({
    kind: fc.constant('status'),
    height: arbitrary.count(),
    size: arbitrary.count(),
    pending: arbitrary.count(),
    head: arbitrary.hash(),
    weight: weights
  }),
  fc.record({ kind: fc.constant('block'), block: arbitrary.bytes(), peaks: hashes }),
  fc.record({
    kind: fc.constant('inclusion'),
    position: arbitrary.count(),
    leaf: arbitrary.hash(),
    path: hashes,
    header: arbitrary.envelope(),
    checkpoint: arbitrary.bytes()
  }),
  fc.record({
    kind: fc.constant('header'),
    header: arbitrary.envelope(),
    checkpoint: arbitrary.bytes()
  }),
  fc.record({ kind: fc.constant('evidence'), evidence: arbitrary.bytes(1) }),
  fc.record({
    kind: fc.constant('consistency'),
    from: arbitrary.count(),
    to: arbitrary.count(),
    path: hashes
  }),
  fc.record({ kind: fc.constant('key'), certificate: arbitrary.envelope() }),
  fc.record({ kind: fc.constant('receipt'), receipt: arbitrary.envelope() }),
  fc.record({ kind: fc.constant('done'), next: arbitrary.count() }),
  fc.record({ kind: fc.constant('missing'), id: arbitrary.hash() }),
  fc.record({
    kind: fc.constant('node'),
    peerId: peerIds,
    role: fc.stringMatching(/^[a-z]{1,20}$/),
    addresses: fc.array(addresses, { maxLength: 3 }),
    peers: fc.array(
      fc.record({
        peerId: peerIds,
        address: fc.option(addresses, { nil: undefined }),
        isConnected: fc.boolean()
      }),
      { maxLength: 3 }
    ),
    isMining: fc.boolean(),
    hashRate: arbitrary.count(),
    pool: arbitrary.count()
  }),
  fc.constant({ kind: 'working' }),
  fc.record({ kind: fc.constant('taken'), height: arbitrary.count(), id: arbitrary.hash() }),
  fc.record({ kind: fc.constant('notTaken'), reason: text, detail: text }),
  fc.record({
    kind: fc.constant('mined'),
    blocks: fc.array(fc.record({ height: arbitrary.count(), id: arbitrary.hash() }), { maxLength: 3 })
  }),
  fc.record({
    kind: fc.constant('account'),
    header: arbitrary.envelope(),
    checkpoint: arbitrary.bytes(),
    proof: arbitrary.bytes()
  }),
  fc.record({
    kind: fc.constant('accounts'),
    header: arbitrary.envelope(),
    checkpoint: arbitrary.bytes(),
    accounts: fc.array(arbitrary.bytes(), { maxLength: 3 })
  }),
  fc.record({ kind: fc.constant('set'), count: arbitrary.count(), digest: arbitrary.hash() }),
  fc.record({ kind: fc.constant('summary'), summary: summaries }),
  fc.record({ kind: fc.constant('transfers'), envelopes: fc.array(arbitrary.envelope(), { maxLength: 3 }) }),
  fc.record({ kind: fc.constant('balance'), id: peerIds, balance: balances }),
  fc.record({
    kind: fc.constant('balances'),
    balances: fc.array(fc.record({ id: peerIds, balance: balances }), { maxLength: 3 })
  })
]

const fates: fc.Arbitrary<SubmissionResult> = fc.oneof(
  fc.constant<SubmissionResult>({ kind: 'accepted' }),
  fc.constant<SubmissionResult>({ kind: 'known' }),
  fc.record({ kind: fc.constant<'refused'>('refused'), reason: text, detail: text })
)

const submissionAnswers: fc.Arbitrary<SubmissionAnswer> = fc.oneof(
  fc.record({ kind: fc.constant<'fates'>('fates'), fates: fc.array(fates, { maxLength: 4 }) }),
  fc.record({ kind: fc.constant<'refused'>('refused'), reason: text, detail: text })
)

const accounts = fc.record({ id: arbitrary.peerId(), balance: arbitrary.u64(), sequence: arbitrary.u64() })

const accountProofs: fc.Arbitrary<AccountProof> = fc.record({
  leaf: fc.option(accounts, { nil: undefined }),
  path: hashes
})

const envelopes = (minLength: number, maxLength: number) =>
  fc.array(arbitrary.envelope(), { minLength, maxLength })

const FORMATS: readonly Format[] = [
  format({
    name: 'bundle',
    message: 'Bundle',
    values: envelopes(1, 10),
    encode: list => encodeBundle(list),
    decode: decodeBundle
  }),
  format({
    name: 'bundle of a resend',
    message: 'Bundle',
    values: envelopes(1, 10),
    encode: list => encodeBundle(list, Uint8Array.of(7)),
    decode: decodeBundle,
    lossy: true
  }),
  format({
    name: 'envelope',
    message: 'Envelope',
    values: fc.record({
      publicKey: arbitrary.bytes(0, 40),
      payloadType: arbitrary.bytes(0, 4),
      payload: arbitrary.bytes(),
      signature: arbitrary.bytes(0, 64)
    }),
    encode: value => Envelope.encode(value),
    decode: decodeEnvelope
  }),
  format({
    name: 'open message',
    message: 'Message',
    values: messages(fc.record({ kind: fc.constant('open'), bytes: arbitrary.bytes() })),
    encode: encodeMessage,
    decode: decodeMessage
  }),
  format({
    name: 'sealed message',
    message: 'Message',
    values: messages(fc.record({ kind: fc.constant('sealed'), sealed })),
    encode: encodeMessage,
    decode: decodeMessage
  }),
  format({
    name: 'header',
    message: 'Header',
    values: headers,
    encode: header => payloadOf(signHeader(header, sequencer).envelope),
    decode: payload => headerOf(signed('block', payload))
  }),
  format({
    name: 'signed header',
    message: 'Envelope',
    values: headers,
    encode: header => signHeader(header, sequencer).envelope,
    decode: headerOf
  }),
  format({
    name: 'receipt',
    message: 'Receipt',
    values: receipts,
    encode: receipt => payloadOf(signReceipt(receipt, sequencer)),
    decode: payload => readReceipt(signed('receipt', payload), network, sequencer.peerId, verifiers)
  }),
  format({
    name: 'signed receipt',
    message: 'Envelope',
    values: receipts,
    encode: receipt => signReceipt(receipt, sequencer),
    decode: bytes => readReceipt(bytes, network, sequencer.peerId, verifiers)
  }),
  format({
    name: 'encryption key',
    message: 'EncryptionKey',
    values: certifiedKeys,
    encode: key => payloadOf(certifyKey(key, network, sequencer)),
    decode: payload => readCertificate(signed('encryptionKey', payload), network, sequencer.peerId, verifiers)
  }),
  format({
    name: 'signed encryption key',
    message: 'Envelope',
    values: certifiedKeys,
    encode: key => certifyKey(key, network, sequencer),
    decode: bytes => readCertificate(bytes, network, sequencer.peerId, verifiers)
  }),
  format({
    name: 'query',
    message: 'QueryRequest',
    values: fc.record({ network: arbitrary.hash(), query: fc.oneof(...queries) }),
    encode: ({ network, query }) => encodeQuery(network, query),
    decode: decodeQuery
  }),
  format({
    name: 'answer',
    message: 'QueryAnswer',
    values: fc.oneof(...answers),
    encode: encodeAnswer,
    decode: decodeAnswer
  }),
  format({
    name: 'proof of work',
    message: 'WorkProof',
    values: fc.record({
      target: fc.bigInt({ min: 1n, max: 2n ** 256n - 1n }).map(encodeCompact),
      nonce: arbitrary.bytes(NONCE_BYTES, NONCE_BYTES)
    }),
    encode: encodeProof,
    decode: bytes => {
      const { target, nonce } = decodeProof(bytes)
      return { target, nonce }
    }
  }),
  format({
    name: 'submission',
    message: 'Submission',
    values: fc.record({ network: arbitrary.hash(), envelopes: envelopes(1, 6) }),
    encode: encodeSubmission,
    decode: decodeSubmission
  }),
  format({
    name: 'answer to a submission',
    message: 'SubmissionAnswer',
    values: submissionAnswers,
    encode: encodeSubmissionAnswer,
    decode: decodeSubmissionAnswer
  }),
  format({
    name: 'transfer',
    message: 'Transfer',
    values: fc.record({ to: arbitrary.peerId(), amount: arbitrary.u64(), fee: arbitrary.u64() }),
    encode: encodeTransfer,
    decode: decodeTransfer
  }),
  format({
    name: 'account',
    message: 'Account',
    values: accounts,
    encode: encodeAccount,
    decode: decodeAccount
  }),
  format({
    name: 'account proof',
    message: 'AccountProof',
    values: accountProofs,
    encode: encodeAccountProof,
    decode: decodeAccountProof
  }),
  format({
    name: 'block',
    message: 'Block',
    values: fc.record({
      header: arbitrary.envelope(),
      checkpoint: arbitrary.bytes(),
      envelopes: envelopes(0, 6)
    }),
    encode: ({ header, checkpoint, envelopes }) =>
      encodeBlock({ signed: { ...genesisOf(network, network, 0), envelope: header, checkpoint }, envelopes }),
    decode: bytes => {
      const { header, checkpoint, envelopes } = decodeBlockParts(bytes)
      return {
        header: header as EnvelopeBytes,
        checkpoint: Uint8Array.from(checkpoint),
        envelopes: [...envelopes]
      }
    },
    lossy: true
  }),
  format({
    name: 'chat line',
    message: 'ChatLine',
    values: fc.record({
      id: arbitrary.bytes(16, 16),
      text: fc.string({ unit: 'binary', minLength: 1, maxLength: 60 })
    }),
    encode: encodeChatLine,
    decode: decodeChatLine
  }),
  format({
    name: 'addresses',
    message: 'Addresses',
    values: fc.record({
      network: arbitrary.hash(),
      addresses: fc.array(fc.string({ unit: 'binary', maxLength: 30 }), { maxLength: 16 })
    }),
    encode: encodeAddresses,
    decode: decodeAddresses
  }),
  format({
    name: 'genesis block',
    message: 'Block',
    values: arbitrary.bytes(1),
    encode: encodeGenesis,
    decode: bytes => decodeBlockParts(bytes).document,
    lossy: true
  })
]

/** Reads bytes that anyone may have sent: the outcome is a value or a refusal, never another error. */
function tryDecode({ name, decode }: Format, bytes: Uint8Array): boolean {
  try {
    decode(bytes)
    return true
  } catch (error) {
    assert.ok(error instanceof DecodeError || error instanceof NotEncoding, `${name} threw ${error}`)
    return false
  }
}

/** One random slip in a valid encoding. */
const slips = fc.record({
  kind: fc.constantFrom('turn', 'set', 'drop', 'insert', 'cut', 'repeat'),
  place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  byte: fc.integer({ min: 0, max: 255 }),
  length: fc.integer({ min: 1, max: 40 })
})

type Slip = typeof slips extends fc.Arbitrary<infer T> ? T : never

function slipped(bytes: Uint8Array, { kind, place, byte, length }: Slip): Uint8Array {
  const index = Math.floor(place * bytes.length)
  const [before, from, after] = [bytes.slice(0, index), bytes.slice(index), bytes.slice(index + 1)]
  switch (kind) {
    case 'turn':
      return concat(before, Uint8Array.of((bytes[index] ?? 0) ^ (1 << (byte % 8))), after)
    case 'set':
      return concat(before, Uint8Array.of(byte), after)
    case 'drop':
      return concat(before, after)
    case 'insert':
      return concat(before, Uint8Array.of(byte), from)
    case 'cut':
      return before
    default:
      return concat(before, from.slice(0, length), from)
  }
}

for (const format of FORMATS)
  describe(`Encoding: ${format.name}`, () => {
    it('gives back what was written', () => {
      format.checkRoundTrip()
    })

    it('has no second form: over-long varints, unknown, repeated, reordered or needless fields are refused', () => {
      fc.assert(
        fc.property(format.samples, bytes => {
          assert.ok(tryDecode(format, bytes))
          for (const { what, bytes: altered } of alterationsOf(format.message, bytes))
            assert.throws(() => format.decode(altered), DecodeError, what)
        }),
        runs(20)
      )
    })

    it('is one to one: whatever is read is written again as the same bytes', () => {
      fc.assert(
        fc.property(format.samples, fc.array(slips, { minLength: 1, maxLength: 3 }), (bytes, list) => {
          const other = list.reduce(slipped, bytes)
          if (tryDecode(format, other)) assert.ok(equal(format.again(other), other))
        }),
        runs(500)
      )
    })

    it('arbitrary bytes are read or refused, and nothing else happens', () => {
      fc.assert(
        fc.property(fc.oneof(arbitrary.bytes(0, 300), fieldsOfAnyKind()), bytes => {
          if (tryDecode(format, bytes)) assert.ok(equal(format.again(bytes), bytes))
        }),
        runs(500)
      )
    })

    it('groups nested without end are refused', () => {
      for (const length of [1, 1000, 200_000])
        for (const tag of [0x0b, 0x7b])
          assert.throws(() => format.decode(new Uint8Array(length).fill(tag)), DecodeError)
    })
  })

describe('Encoding: signed things', () => {
  const signedThings = FORMATS.filter(({ name }) => name.startsWith('signed '))

  for (const format of signedThings)
    it(`no byte of a ${format.name} can be changed`, () => {
      for (const bytes of fc.sample(format.samples, runs(3)))
        for (let index = 0; index < bytes.length; index++)
          for (const mask of [0x01, 0x80, 0xff])
            assert.ok(!tryDecode(format, bytes.with(index, (bytes[index] ?? 0) ^ mask)), `byte ${index}`)
    })
})

describe('Encoding: one thing at a time', () => {
  const message = sealedMessage(stage)
  const envelope = signedMessage(message, stage.author)

  it('a decoder says what it was reading', () => {
    assert.throws(() => decodeEnvelope(Uint8Array.of(1)), /^DecodeError: envelope: /)
    assert.throws(() => decodeMessage(Uint8Array.of(1)), /^DecodeError: message: /)
    assert.throws(() => decodeCanonical('thing', Envelope, Uint8Array.of(0x22, 0)), {
      name: 'DecodeError',
      message: 'thing: a field 4, which is not known'
    })
    assert.throws(() => expectLength('thing', new Uint8Array(3), 4), {
      name: 'DecodeError',
      message: 'thing: expected 4 bytes, found 3'
    })
  })

  it('a message has a network, an author and a sequence of the right shape', () => {
    const refused = (changes: Partial<Message>, what: RegExp) =>
      assert.throws(() => decodeMessage(encodeMessage({ ...message, ...changes })), what)
    refused({ network: new Uint8Array(31) as Hash }, /network: expected 32 bytes/)
    refused({ network: new Uint8Array(0) as Hash }, /network: expected 32 bytes/)
    refused({ author: new Uint8Array(33) as Message['author'] }, /no PeerId/)
    refused({ author: new Uint8Array(45) as Message['author'] }, /no PeerId/)
    refused({ sequence: 0n }, /starts at 1/)
  })

  it('a message has exactly one body', () => {
    const claim = { network, author: stage.author.peerId, sequence: 1n, time: 0 }
    const { body } = message
    assert.ok(body.kind === 'sealed')
    assert.throws(() => decodeMessage(WireMessage.encode(claim)), /exactly one of open and sealed/)
    assert.throws(
      () => decodeMessage(WireMessage.encode({ ...claim, open: utf8('a'), sealed: body.sealed })),
      /exactly one of open and sealed/
    )
    const empty = decodeMessage(encodeMessage({ ...claim, body: { kind: 'open', bytes: new Uint8Array(0) } }))
    assertSame(empty.body, { kind: 'open', bytes: new Uint8Array(0) })
  })

  it('a sealed body has a key id, a key share and a ciphertext of the right lengths', () => {
    const { body } = message
    assert.ok(body.kind === 'sealed')
    const refused = (changes: Partial<typeof body.sealed>, what: RegExp) =>
      assert.throws(
        () =>
          decodeMessage(
            encodeMessage({ ...message, body: { kind: 'sealed', sealed: { ...body.sealed, ...changes } } })
          ),
        what
      )
    for (const length of [0, 7, 9]) refused({ keyId: new Uint8Array(length) }, /key_id: expected 8 bytes/)
    for (const length of [0, 31, 33]) refused({ enc: new Uint8Array(length) }, /enc: expected 32 bytes/)
    for (const length of [0, 15, 16, 17, 79, 81, 143, 145])
      refused({ ciphertext: new Uint8Array(length) }, /not padded to steps of 64 bytes/)
  })

  it('a block holds at most 10,000 messages, however short they are, and no document beside its header', () => {
    const empties = (count: number) => Array.from({ length: count }, () => new Uint8Array(0))
    const parts = { header: Uint8Array.of(1), document: new Uint8Array(0), checkpoint: new Uint8Array(0) }
    assert.equal(
      decodeBlockParts(Block.encode({ ...parts, envelopes: empties(10_000) })).envelopes.length,
      10_000
    )
    assert.throws(
      () => decodeBlockParts(Block.encode({ ...parts, envelopes: empties(10_001) })),
      /more than 10000/
    )
    assert.throws(
      () => decodeBlockParts(Block.encode({ ...parts, envelopes: [], document: Uint8Array.of(1) })),
      /only block 0 carries the network document/
    )
  })

  it('a bundle holds 1 to 256 messages and no more than its bytes', () => {
    assert.throws(() => decodeBundle(encodeBundle([])), /empty/)
    assert.throws(() => decodeBundle(encodeBundle([], Uint8Array.of(1))), /empty/)
    assert.equal(decodeBundle(encodeBundle(Array.from({ length: 256 }, () => envelope))).length, 256)
    assert.throws(
      () => decodeBundle(encodeBundle(Array.from({ length: 257 }, () => envelope))),
      /envelopes: more than 256 elements/
    )
    const filler = (length: number) => encodeBundle([new Uint8Array(length) as EnvelopeBytes])
    const room = LIMITS.bundleBytes - filler(LIMITS.bundleBytes).length + LIMITS.bundleBytes
    assert.equal(filler(room).length, LIMITS.bundleBytes)
    assert.equal(decodeBundle(filler(room)).length, 1)
    assert.throws(() => decodeBundle(filler(room + 1)), /bytes are too many/)
  })

  it('a salt makes another bundle of the same messages', () => {
    const [plain, salted, other] = [undefined, Uint8Array.of(1), Uint8Array.of(2)].map(salt =>
      encodeBundle([envelope], salt)
    )
    assert.ok(plain && salted && other)
    assert.notDeepEqual(plain, salted)
    assert.notDeepEqual(salted, other)
    assertSame(decodeBundle(plain), decodeBundle(salted))
  })

  it('every query and every answer has a kind of its own', () => {
    for (const query of queries.flatMap(one => fc.sample(one, runs(20))))
      assertSame(decodeQuery(encodeQuery(network, query)), { network, query })
    for (const answer of answers.flatMap(one => fc.sample(one, runs(20))))
      assertSame(decodeAnswer(encodeAnswer(answer)), answer)
  })

  it('a query names a network and asks one thing', () => {
    assert.throws(() => decodeQuery(new Uint8Array(0)), /query network: expected 32 bytes/)
    assert.throws(() => decodeQuery(QueryRequest.encode({ network })), /asks nothing/)
    assert.throws(
      () => decodeQuery(QueryRequest.encode({ network: new Uint8Array(33), head: {} })),
      DecodeError
    )
    assert.throws(() => decodeAnswer(new Uint8Array(0)), /says nothing/)
  })

  it('a proof of work has a target in its one compact form, and a nonce of 16 bytes', () => {
    const proof = { target: 0x1e00ffff, nonce: new Uint8Array(NONCE_BYTES) }
    assertSame(encodeProof(proof), fromHex(`0dffff001e1210${'00'.repeat(NONCE_BYTES)}`))
    for (const target of [0, 0x1dffff00, 0x01120001, 0x04923456, 0xff123456])
      assert.throws(() => decodeProof(encodeProof({ ...proof, target })), /not the compact form of a target/)
    for (const length of [0, 15, 17])
      assert.throws(
        () => decodeProof(encodeProof({ ...proof, nonce: new Uint8Array(length) })),
        /nonce: expected/
      )
  })

  it('hashes in queries and answers have 32 bytes', () => {
    const short = new Uint8Array(31)
    for (const query of [
      { id: short },
      { previous: short },
      { inclusionOfLeaf: short },
      { id: new Uint8Array(0) },
      { headerOfId: short },
      { blocksById: { ids: [network, short] } },
      { offer: { height: 1, id: short, weight: Uint8Array.of(1) } }
    ])
      assert.throws(() => decodeQuery(QueryRequest.encode({ network, ...query })), /expected 32 bytes/)
    for (const answer of [
      { status: { height: 1, size: 1, pending: 1, head: short, weight: Uint8Array.of(1) } },
      { missing: short },
      { taken: { height: 1, id: short } },
      { mined: { blocks: [{ height: 1, id: short }] } },
      { inclusion: { position: 0, leaf: short, path: [], header: short, checkpoint: short } },
      { inclusion: { position: 0, leaf: network, path: [network, short], header: short, checkpoint: short } },
      { consistency: { from: 1, to: 2, path: [short] } }
    ])
      assert.throws(() => decodeAnswer(QueryAnswer.encode(answer)), /expected 32 bytes/)
  })

  it('a weight has no leading zero and no more bytes than any chain weighs', () => {
    const offered = (weight: Uint8Array) =>
      decodeQuery(QueryRequest.encode({ network, offer: { height: 1, id: network, weight } }))
    const status = (weight: Uint8Array) =>
      decodeAnswer(QueryAnswer.encode({ status: { height: 1, size: 1, pending: 0, head: network, weight } }))
    for (const decode of [offered, status]) {
      assert.throws(() => decode(Uint8Array.of(0)), /begins with a zero/)
      assert.throws(() => decode(Uint8Array.of(0, 1)), /begins with a zero/)
      assert.throws(() => decode(new Uint8Array(40).fill(1)), /40 bytes are too many/)
      decode(new Uint8Array(39).fill(255))
    }
    const none = status(new Uint8Array(0))
    assert.ok(none.kind === 'status' && none.weight === 0n)
    const some = status(Uint8Array.of(1, 0))
    assert.ok(some.kind === 'status' && some.weight === 256n)
  })

  it('a query names no more blocks, and wants no more mined, than one may', () => {
    const ids = (count: number) => Array.from({ length: count }, () => network)
    for (const count of [0, LIMITS.blockIds + 1])
      assert.throws(
        () => decodeQuery(QueryRequest.encode({ network, blocksById: { ids: ids(count) } })),
        /none is asked for|more than 64 elements/
      )
    for (const mine of [0, LIMITS.miningRequests.blocks + 1])
      assert.throws(() => decodeQuery(QueryRequest.encode({ network, mine })), /are mined at once/)
    const most = encodeQuery(network, { kind: 'blocksById', ids: ids(LIMITS.blockIds) })
    assert.ok(most.length <= LIMITS.queryBytes)
  })

  it('a query names no more transfers than one may, and asks about ids that begin with hex digits', () => {
    const of = (count: number): Query => ({
      kind: 'transfers',
      ids: Array.from({ length: count }, () => network)
    })
    for (const count of [0, LIMITS.transferIds + 1])
      assert.throws(
        () => decodeQuery(encodeQuery(network, of(count))),
        /none is asked for|more than 100 elements/
      )
    const most = encodeQuery(network, of(LIMITS.transferIds))
    assert.ok(most.length <= LIMITS.queryBytes)
    decodeQuery(most)
    for (const summary of ['g', 'A', ' ', '0x', '0'.repeat(65)])
      assert.throws(() => decodeQuery(QueryRequest.encode({ network, summary })), /lower-case hex digits/)
  })

  it('a summary has ids that ascend, or sixteen parts', () => {
    const told = (ids: readonly Uint8Array[], parts: readonly Uint8Array[] = []) =>
      decodeAnswer(QueryAnswer.encode({ summary: { ids: [...ids], parts: [...parts] } }))
    const [low, high] = [new Uint8Array(32), new Uint8Array(32).fill(1)]
    told([])
    told([low, high])
    told(
      [],
      Array.from({ length: 16 }, () => low)
    )
    for (const [ids, parts] of [
      [[high, low], []],
      [[low, low], []],
      [[low], Array.from({ length: 16 }, () => low)],
      [[], Array.from({ length: 15 }, () => low)],
      [[], Array.from({ length: 17 }, () => low)],
      [[new Uint8Array(31)], []],
      [[], Array.from({ length: 16 }, () => new Uint8Array(33))],
      [
        Array.from({ length: LIMITS.summaryIds + 1 }, (_, index) => sha256(Buffer.from(`${index}`))).toSorted(
          Buffer.compare
        ),
        []
      ]
    ] as const)
      assert.throws(() => told(ids, parts), DecodeError)
  })

  it('a balance is a whole number in one form, of somebody', () => {
    const told = (balance: string, id: Uint8Array = stage.author.peerId) =>
      decodeAnswer(QueryAnswer.encode({ balance: { id, balance } }))
    for (const right of ['0', '1', '-1', '9'.repeat(40), `-${'9'.repeat(40)}`]) told(right)
    for (const wrong of ['', '-0', '+1', '01', '1.0', '1e3', ' 1', '0x1', '1'.repeat(41), '\u0661'])
      assert.throws(() => told(wrong), DecodeError)
    assert.throws(() => told('1', new Uint8Array(5)), DecodeError)
  })

  it('a peer tells nothing of itself that is not for a terminal, and not without end', () => {
    const node = { peerId: stage.author.peerId, role: 'miner', addresses: [], peers: [] }
    const told = (changes: object) =>
      decodeAnswer(QueryAnswer.encode({ node: { ...node, mining: true, hashRate: 1, pool: 0, ...changes } }))
    assert.equal(told({}).kind, 'node')
    const peer = { peerId: stage.author.peerId, address: '/ip4/127.0.0.1/tcp/1', connected: true }
    for (const wrong of [
      { role: '' },
      { role: 'MINER' },
      { role: 'a\u001b[2J' },
      { addresses: ['no slash'] },
      { addresses: ['/ip4/\u001b[31m'] },
      { addresses: Array.from({ length: LIMITS.nodeAddresses + 1 }, () => '/ip4') },
      { peers: [{ ...peer, address: '/\n' }] },
      { peers: [{ ...peer, peerId: new Uint8Array(38) }] },
      { peers: Array.from({ length: LIMITS.nodePeers + 1 }, () => peer) },
      { peerId: new Uint8Array(0) }
    ])
      assert.throws(() => told(wrong), DecodeError)
  })

  it('a submission holds 1 to 256 messages', () => {
    const of = (count: number) =>
      encodeSubmission({ network, envelopes: Array.from({ length: count }, () => envelope) })
    assert.throws(() => decodeSubmission(of(0)), /empty/)
    assert.equal(decodeSubmission(of(256)).envelopes.length, 256)
    assert.throws(() => decodeSubmission(of(257)), /envelopes: more than 256 elements/)
    assert.throws(() => decodeSubmissionAnswer(new Uint8Array(0)), /says nothing/)
    assert.throws(
      () => decodeSubmissionAnswer(SubmissionAnswerWire.encode({ fates: { fates: [{}] } })),
      /a fate that is not known/
    )
  })
})

describe('The .proto file', () => {
  it('names a package, as Go and others register all messages of a program in one table, where libp2p has an Envelope too', () => {
    assert.match(repositoryFile('src/core/wire/tallystick.proto'), /^package tallystick;$/m)
  })
})
