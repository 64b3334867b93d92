import { type Block, encodeBlock, type Header, idOf, signHeader } from '#src/core/block.js'
import { concat, type EnvelopeBytes, type Hash, utf8 } from '#src/core/bytes.js'
import { type Signer, VerifierCache } from '#src/core/keys.js'
import { Block as WireBlock } from '#src/core/wire/tallystick.js'
import { NONCE_BYTES } from '#src/orderings/proof-of-work/search.js'
import { decodeProof, encodeProof, withNonce } from '#src/orderings/proof-of-work/work-proof.js'
import { BlockReader } from '#src/query/block-reader.js'
import { BlockVerifier } from '#src/query/block-verifier.js'
import { type Made, OpenAuthor } from '../authors.js'
import { flipped, seedOf, signerNamed } from '../core.js'
import { ForkMaker } from '../fork-maker.js'
import type { RuledNetwork } from '../networks.js'
import { makeWorkNetwork } from '../work-network.js'
import { numberField } from './altered.js'

export interface WorkBlockCases {
  readonly net: RuledNetwork
  readonly maker: ForkMaker
  /** One after the other, from height 1 on. */
  readonly chain: readonly string[]
  /** As blocks of height 2, after the first one of the chain. */
  readonly refused: Readonly<Record<string, Uint8Array>>
  /** The clock of who judges, ms. */
  readonly now: number
}

/** The same bytes at each call: nothing in here is random. */
export async function workBlockCases(): Promise<WorkBlockCases> {
  const net = makeWorkNetwork({ name: 'work block vectors' })
  const author = await OpenAuthor.create(net, 'author of vectors')
  const maker = await ForkMaker.create(net)
  const messages = author.says(5)
  maker.make('one', { messages: messages.slice(0, 2) })
  maker.make('two', { on: 'one', messages: messages.slice(2, 3) })
  maker.make('three', { on: 'two' })
  const now = maker.block('three').signed.header.time + 1
  const chain = ['one', 'two', 'three']
  const refused = refusedAfter(maker, messages.slice(3), author, await signerNamed('another miner'))
  return { net, maker, chain, refused, now }
}

/** Throws DecodeError or Untrue where the block is not valid after the one that is called `parent`. */
export async function readWorkBlock(
  bytes: Uint8Array,
  parent: string,
  { net, maker, now }: Pick<WorkBlockCases, 'net' | 'maker' | 'now'>
): Promise<void> {
  const verifiers = new VerifierCache()
  const block = new BlockReader(net.rules, verifiers).block(bytes)
  await new BlockVerifier(net.rules, verifiers, () => now).advance(maker.cursorOf(parent), block)
}

function refusedAfter(
  maker: ForkMaker,
  messages: readonly Made[],
  author: OpenAuthor,
  stranger: Signer
): WorkBlockCases['refused'] {
  let made = 0
  const block = (wishes: Parameters<ForkMaker['make']>[1] = {}): Block =>
    maker.make(`refused ${made++}`, { on: 'one', messages, ...wishes })
  const forged = (header: (honest: Header) => Partial<Header>): Uint8Array =>
    encodeBlock(block({ forgery: { header } }))
  const other = (name: string): Hash => seedOf(name)
  const good = block()
  const [first, second] = good.envelopes
  if (first === undefined || second === undefined) throw new Error('two messages')
  const withMessages = (...envelopes: EnvelopeBytes[]): Uint8Array => encodeBlock({ ...good, envelopes })
  const of = (...others: Made[]): Uint8Array => encodeBlock(block({ messages: others }))
  const open = (text: string): Made => author.signed(author.claim(), { kind: 'open', bytes: utf8(text) })
  const unsigned = (each: Made): Made => ({
    ...each,
    envelope: flipped(each.envelope, each.envelope.length - 1) as EnvelopeBytes
  })
  const { envelope, header: honest } = good.signed
  return {
    'another root': forged(() => ({ root: other('root') })),
    'another log': forged(() => ({ log: other('log') })),
    'another state': forged(() => ({ state: other('state') })),
    'another network': forged(() => ({ network: other('network') })),
    'another parent': forged(() => ({ parent: other('parent') })),
    'height 3': forged(() => ({ height: 3 })),
    'a count that is too low': forged(({ count }) => ({ count: count - 1 })),
    'a size that is too high': forged(({ size }) => ({ size: size + 1 })),
    'the time of its parent, where that is the middle one': forged(() => ({
      time: maker.block('one').signed.header.time
    })),
    'more than ten intervals ahead of the clock, so that it is not valid yet': forged(({ time }) => ({
      time: time + 20_000
    })),
    'an easier target than is due': forged(({ proof }) => ({
      proof: withTarget(proof, 0x207fffff)
    })),
    'a target with a sign': encodeBlock({
      ...good,
      signed: signHeader(
        { ...honest, proof: withTarget(honest.proof, 0x20ffffff) },
        maker.miner,
        maker.net.rules.ordering
      )
    }),
    'an id that is over its target': encodeBlock(block({ afterwards: unproved })),
    'signed by somebody else than its producer': encodeBlock({
      ...good,
      signed: signHeader(honest, stranger, maker.net.rules.ordering)
    }),
    'a signature that does not fit': encodeBlock({
      ...good,
      signed: { ...good.signed, envelope: flipped(envelope, envelope.length - 1) as EnvelopeBytes }
    }),
    'a checkpoint, where nobody speaks for the log': encodeBlock({
      ...good,
      signed: { ...good.signed, checkpoint: new Uint8Array(64) }
    }),
    'no header': WireBlock.encode({
      header: new Uint8Array(0),
      envelopes: [],
      document: utf8('{}'),
      checkpoint: new Uint8Array(0)
    }),
    'a field that is not known': concat(encodeBlock(good), numberField(5, 1n)),
    'a message is missing': withMessages(first),
    'a message too many': withMessages(first, second, first),
    'the messages in another order': withMessages(second, first),
    'a message is another one': withMessages(first, first),
    'six messages, where five are allowed': of(...author.says(6)),
    'a message with a wrong signature': of(unsigned(open('{"text":"x"}'))),
    'a message whose body is not canonical': of(open('{"text": "x"}')),
    'a message whose body does not fit the schema': of(open('{"text":1}')),
    'a message of another network': of(author.say({ text: 'x' }, { network: other('network') }))
  }
}

function withTarget(proof: Uint8Array, target: number): Uint8Array {
  return encodeProof({ ...decodeProof(proof), target })
}

/** The first nonce from zero on that proves nothing. */
function unproved(header: Header): Partial<Header> {
  const { number } = decodeProof(header.proof)
  for (let first = 0; ; first += 1) {
    const tried = withNonce(header, Uint8Array.of(first, ...new Uint8Array(NONCE_BYTES - 1)))
    if (BigInt(`0x${Buffer.from(idOf(tried)).toString('hex')}`) > number) return { proof: tried.proof }
  }
}
