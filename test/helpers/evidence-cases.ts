import { decodeAccountProof, encodeAccountProof } from '#src/applications/ledger/account-proof.js'
import { LedgerState } from '#src/applications/ledger/state.js'
import { encodeHeader, type SignedHeader, signHeader } from '#src/core/block.js'
import { asHash, concat, type EnvelopeBytes, type Hash } from '#src/core/bytes.js'
import { signEnvelope } from '#src/core/envelope.js'
import {
  brokenChainEvidence,
  brokenLogEvidence,
  brokenReceiptEvidence,
  forkEvidence
} from '#src/core/evidence.js'
import type { Signer } from '#src/core/keys.js'
import { leafHash, nodeHash } from '#src/core/merkle.js'
import { Evidence as WireEvidence } from '#src/core/wire/tallystick.js'
import type { Made } from './authors.js'
import { present } from './changes.js'
import { flipped, seedOf, signerNamed } from './core.js'
import {
  blockAt,
  invalidMessage,
  leavesAt,
  lie,
  logPiece,
  promise,
  proven,
  statePiece
} from './evidence-pieces.js'
import { folded } from './false-evidence.js'
import { acceptedOddities, refusedOddities } from './odd-evidence.js'
import { Payer } from './payers.js'
import { dataNetwork, historyOf, type PublicData, pathIn } from './public-data.js'

/** Pieces by what they show or pretend. */
export interface EvidenceCases {
  readonly data: PublicData
  /** Made with the sequencer's key, as a liar would. */
  readonly accepted: Readonly<Record<string, Uint8Array>>
  /** Made of what an honest sequencer has signed, but for those whose names say otherwise. */
  readonly refused: Readonly<Record<string, Uint8Array>>
}

const NOTHING = new Uint8Array(0)

/** The same bytes at each call: nothing in here is random. */
export async function evidenceCases(): Promise<EvidenceCases> {
  const data = await historyOf(await dataNetwork('ledger', 'evidence vectors'), [5, 4, 1])
  const other = await historyOf(await dataNetwork('ledger', 'another network'), [1])
  const payer = await Payer.create(data.net, 'dave')
  const stranger = await signerNamed('stranger')
  return { data, accepted: acceptedOf(data, payer), refused: refusedOf(data, other, payer, stranger) }
}

function acceptedOf(data: PublicData, payer: Payer): EvidenceCases['accepted'] {
  const promised = seedOf('promised')
  return {
    'fork: two blocks of height 2': forkEvidence(blockAt(data, 2).signed, lie(data, 2, { time: 9 })),
    'broken: block 3 names another parent than block 2': brokenChainEvidence(
      blockAt(data, 2).signed,
      lie(data, 3, { parent: seedOf('parent') })
    ),
    'receipt: position 1 was promised to another message; shown by the block that holds it':
      brokenReceiptEvidence(promise(data, 1, promised), proven(data, 1, 1)),
    'receipt: the same lie, shown by a later block': brokenReceiptEvidence(
      promise(data, 1, promised),
      proven(data, 1, 3)
    ),
    'log: that of block 2 is another one': logPiece(data, 2, lie(data, 2, { log: seedOf('log') })),
    'log: that of block 1 is another one': logPiece(data, 1, lie(data, 1, { log: seedOf('log') })),
    'log: the size of block 2 is not its parent’s and its own messages': logPiece(
      data,
      2,
      lie(data, 2, { size: 10 })
    ),
    'state: that of block 2 is another one': statePiece(data, 2, lie(data, 2, { state: seedOf('state') })),
    'state: that of block 1 is another one': statePiece(data, 1, lie(data, 1, { state: seedOf('state') })),
    'state: block 3 has a transfer that is not covered': invalidMessage(data, payer.pay(data.net.signer, 8n)),
    'state: block 3 has a message that is no transfer': invalidMessage(data, payer.saying(NOTHING)),
    // It cannot be decoded, so that no account decides.
    'state: block 3 has a transfer with the sequence 0, which is shown with no proof': invalidMessage(
      data,
      payer.pay(data.net.signer, 1n, { sequence: 0n })
    ),
    // These can be decoded: author and receiver decide, and the producer.
    'state: block 3 has a transfer of another network, which is shown with the proofs of its accounts':
      invalidMessage(data, payer.pay(data.net.signer, 1n, { network: asHash(seedOf('elsewhere')) })),
    'state: block 3 has a transfer with a wrong signature, which is shown with the proofs of its accounts':
      invalidMessage(data, withWrongSignature(payer.pay(data.net.signer, 1n))),
    ...acceptedOddities(data, payer)
  }
}

function withWrongSignature(made: Made): Made {
  // The signature is the last field.
  const envelope = flipped(made.envelope, made.envelope.length - 1) as EnvelopeBytes
  return { ...made, envelope, leaf: leafHash(envelope) }
}

function refusedOf(
  data: PublicData,
  other: PublicData,
  payer: Payer,
  stranger: Signer
): EvidenceCases['refused'] {
  const [one, two, three] = [1, 2, 3].map(height => blockAt(data, height).signed)
  if (one === undefined || two === undefined || three === undefined) throw new Error('three blocks')
  return {
    ...refusedPairs(data, other, stranger, { one, two, three }),
    ...refusedReceipts(data, stranger),
    ...refusedLogs(data),
    ...refusedStates(data),
    ...refusedOddities(data, payer, stranger),
    'no bytes at all': NOTHING,
    // A sixth field, of no bytes.
    'a true one, and a field after it': concat(
      logPiece(data, 2, lie(data, 2, { log: seedOf('log') })),
      Uint8Array.of(0x32, 0)
    ),
    'a kind that is not known': Uint8Array.of(0x32, 0)
  }
}

interface Three {
  readonly one: SignedHeader
  readonly two: SignedHeader
  readonly three: SignedHeader
}

function refusedPairs(
  data: PublicData,
  other: PublicData,
  stranger: Signer,
  { one, two, three }: Three
): EvidenceCases['refused'] {
  const { header } = blockAt(data, 2).signed
  const twin = lie(data, 2, { time: 9 })
  const [low, high] = Buffer.compare(two.id, twin.id) < 0 ? [two, twin] : [twin, two]
  const pair = (first: Uint8Array, second: Uint8Array) => ({ first, second })
  const asMessage = signEnvelope('message', encodeHeader({ ...header, time: 9 }), data.net.signer)
  const zero = lie(data, 1, { height: 0 })
  return {
    'fork: one block twice': forkEvidence(two, two),
    'fork: blocks of two heights': forkEvidence(one, two),
    'fork: a true one, but the higher id comes first': WireEvidence.encode({
      fork: pair(high.envelope, low.envelope)
    }),
    'fork: the other block is signed by somebody else': forkEvidence(
      two,
      signHeader({ ...header, time: 9 }, stranger)
    ),
    'fork: the other block is of another network of this sequencer': forkEvidence(
      one,
      blockAt(other, 1).signed
    ),
    'fork: the other block is signed in the domain of messages': WireEvidence.encode({
      fork: low === two ? pair(two.envelope, asMessage) : pair(asMessage, two.envelope)
    }),
    'fork: two headers of height 0, signed by the sequencer': forkEvidence(
      zero,
      lie(data, 1, { height: 0, time: 9 })
    ),
    'broken: the second names the first': brokenChainEvidence(one, two),
    'broken: heights that do not follow one another': brokenChainEvidence(one, three),
    'broken: the second comes first': brokenChainEvidence(two, one),
    'broken: the first has height 0, and the sequencer has signed it': brokenChainEvidence(zero, one)
  }
}

function refusedReceipts(data: PublicData, stranger: Signer): EvidenceCases['refused'] {
  const honest = promise(data, 1, present(data.leaves[1]))
  const [a, b, c, d] = leavesAt(data, 1)
  if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error('five leaves')
  const [first, ...rest] = proven(data, 1, 1).path
  if (first === undefined) throw new Error('a path')
  return {
    'receipt: the log has what it says': brokenReceiptEvidence(honest, proven(data, 1, 1)),
    'receipt: it does not name the position': brokenReceiptEvidence(honest, proven(data, 2, 1)),
    'receipt: the block’s log ends before the position': brokenReceiptEvidence(
      promise(data, 7, present(data.leaves[7])),
      { ...proven(data, 4, 1), position: 7 }
    ),
    'receipt: the path is that of another position': brokenReceiptEvidence(honest, {
      ...proven(data, 2, 1),
      position: 1
    }),
    'receipt: a node in place of the leaf, under a path that is shorter': brokenReceiptEvidence(honest, {
      ...proven(data, 1, 1),
      leaf: nodeHash(a, b),
      path: rest
    }),
    'receipt: a node in place of the leaf, at the position that leads there': brokenReceiptEvidence(
      promise(data, 0, a),
      { ...proven(data, 0, 1), leaf: nodeHash(a, b), path: rest }
    ),
    'receipt: a path that is longer': brokenReceiptEvidence(honest, {
      ...proven(data, 1, 1),
      leaf: seedOf('leaf'),
      path: [first, ...proven(data, 1, 1).path]
    }),
    'receipt: the path leads to the root of the block, not of the log': brokenReceiptEvidence(
      promise(data, 5, present(data.leaves[5])),
      { ...proven(data, 5, 2), leaf: nodeHash(c, d), path: pathIn(data, 1, 4) }
    ),
    'receipt: signed by somebody else': brokenReceiptEvidence(
      promise(data, 1, seedOf('promised'), stranger),
      proven(data, 1, 1)
    )
  }
}

function refusedLogs(data: PublicData): EvidenceCases['refused'] {
  const shown = present(WireEvidence.decode(logPiece(data, 2)).log)
  const first = present(WireEvidence.decode(logPiece(data, 1)).log)
  const piece = (log: typeof shown): Uint8Array => WireEvidence.encode({ log })
  const once = (leaves: readonly Uint8Array[]): Hash[] => folded(leaves.map(asHash))
  const elsewhere = lie(data, 1, { parent: seedOf('parent'), log: seedOf('log') })
  return {
    'log: it is right': piece(shown),
    'log: it is right, after the genesis': piece(first),
    'log: the block’s nodes in place of its leaves, one level up': piece({
      ...shown,
      leaves: once(shown.leaves)
    }),
    'log: the block’s root in place of its leaves': piece({ ...shown, leaves: once(once(shown.leaves)) }),
    'log: the block’s nodes in place of its leaves, after the genesis': piece({
      ...first,
      leaves: once(first.leaves)
    }),
    'log: a leaf is missing': piece({ ...shown, leaves: shown.leaves.slice(1) }),
    'log: a leaf is there twice': piece({ ...shown, leaves: [...shown.leaves, ...shown.leaves.slice(-1)] }),
    'log: the leaves come in another order': piece({ ...shown, leaves: shown.leaves.toReversed() }),
    'log: the parent’s root in place of its peaks': piece({
      ...shown,
      peaks: [blockAt(data, 1).signed.header.log]
    }),
    'log: the peaks come in another order': piece({ ...shown, peaks: shown.peaks.toReversed() }),
    'log: the parent is left out': piece({ ...shown, parent: NOTHING, peaks: [] }),
    'log: the parent is left out, the peaks are not': piece({ ...shown, parent: NOTHING }),
    'log: the parent is another block': piece({ ...shown, parent: blockAt(data, 3).signed.envelope }),
    'log: the parent is a block of the same height that the block does not name': piece({
      ...shown,
      parent: lie(data, 1, { time: 9 }).envelope
    }),
    'log: peaks of the genesis': piece({ ...first, peaks: shown.peaks }),
    'log: a block 1 that does not name the genesis': brokenLogEvidence(
      undefined,
      elsewhere,
      [],
      leavesAt(data, 1)
    )
  }
}

function refusedStates(data: PublicData): EvidenceCases['refused'] {
  const shown = present(WireEvidence.decode(statePiece(data, 2)).state)
  const false2 = present(
    WireEvidence.decode(statePiece(data, 2, lie(data, 2, { state: seedOf('state') }))).state
  )
  const piece = (state: typeof shown): Uint8Array => WireEvidence.encode({ state })
  const { proofs, envelopes } = shown
  const last = decodeAccountProof(present(proofs.at(-1)))
  const wrongTop = last.path.map((hash, index) =>
    index === last.path.length - 1 ? asHash(flipped(hash, 0)) : hash
  )
  const genesis = data.net.rules.application.genesis()
  if (!(genesis instanceof LedgerState)) throw new Error('a ledger')
  const poor = decodeAccountProof(present(proofs[0]))
  return {
    'state: it is right': piece(shown),
    'state: it is right, after the genesis': statePiece(data, 1),
    'state: a proof is missing': piece({ ...shown, proofs: proofs.slice(1) }),
    'state: a proof is there twice': piece({ ...shown, proofs: [...proofs, ...proofs.slice(-1)] }),
    'state: the proofs come in another order': piece({ ...shown, proofs: proofs.toReversed() }),
    'state: a proof shows an account without what it has': piece({
      ...shown,
      proofs: [
        encodeAccountProof({ ...poor, leaf: poor.leaf && { ...poor.leaf, balance: 0n } }),
        ...proofs.slice(1)
      ]
    }),
    'state: a proof shows no account where there is one': piece({
      ...shown,
      proofs: [encodeAccountProof({ ...poor, leaf: undefined }), ...proofs.slice(1)]
    }),
    'state: a proof is one against another state': piece({
      ...shown,
      proofs: [...proofs.slice(0, -1), encodeAccountProof(genesis.prove(data.net.sequencer))]
    }),
    'state: a true one, but a proof has a wrong hash where another proof shows the right one': piece({
      ...false2,
      proofs: [...proofs.slice(0, -1), encodeAccountProof({ ...last, path: wrongTop })]
    }),
    'state: a message is missing': piece({ ...shown, envelopes: envelopes.slice(1) }),
    'state: the messages come in another order': piece({ ...shown, envelopes: envelopes.toReversed() }),
    'state: a message is another one': piece({
      ...shown,
      envelopes: [present(blockAt(data, 3).envelopes[0]), ...envelopes.slice(1)]
    }),
    'state: the parent is left out': piece({ ...shown, parent: NOTHING }),
    'state: the parent is another block': piece({ ...shown, parent: blockAt(data, 3).signed.envelope })
  }
}
