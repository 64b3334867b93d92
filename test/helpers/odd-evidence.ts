import type { Account } from '#src/applications/ledger/account.js'
import { encodeAccount, encodeAccountProof } from '#src/applications/ledger/account-proof.js'
import { encodeTransfer } from '#src/applications/ledger/transfer.js'
import { asHash, type EnvelopeBytes, type Hash, type PeerIdBytes } from '#src/core/bytes.js'
import { signEnvelope } from '#src/core/envelope.js'
import { brokenReceiptEvidence, brokenStateEvidence, forkEvidence } from '#src/core/evidence.js'
import { sha256 } from '#src/core/hash.js'
import type { Signer } from '#src/core/keys.js'
import { EMPTY_ROOT, leafHash, nodeHash, rootOf } from '#src/core/merkle.js'
import { signReceipt } from '#src/core/receipt.js'
import { Receipt as WireReceipt } from '#src/core/wire/tallystick.js'
import { present } from './changes.js'
import { seedOf } from './core.js'
import { blockAt, invalidMessage, lie, proven } from './evidence-pieces.js'
import type { Payer } from './payers.js'
import type { PublicData } from './public-data.js'

/**
 * What a liar alone signs, and where readers of the protocol could differ: what a piece is judged by, and what not.
 * Whoever judged by more, or by less, would come to another verdict than other peers.
 */
type Pieces = Readonly<Record<string, Uint8Array>>

/** No PeerId of any key. Of its place the first bits are the sequencer's, whose proof shows it where it is one of two accounts. */
const NO_KEY = Uint8Array.of(112) as PeerIdBytes
const U64_MAX = 2n ** 64n - 1n

export function acceptedOddities(data: PublicData, payer: Payer): Pieces {
  const { network, signer } = data.net
  const wrong = { sequence: 1n, position: 1, leaf: seedOf('promised') }
  const right = { ...wrong, sequence: 2n, leaf: present(data.leaves[1]) }
  const receipt = (author: PeerIdBytes, entries: readonly (typeof wrong)[]): EnvelopeBytes =>
    signReceipt({ network: network.id, author, time: 1, entries }, signer)
  const nobody = new Uint8Array(0) as PeerIdBytes
  return {
    'fork: one of the two has a proof, and more messages than a block may have': forkEvidence(
      blockAt(data, 2).signed,
      lie(data, 2, { proof: Uint8Array.of(1), count: 99 })
    ),
    'receipt: it names neither an author nor a sequence': brokenReceiptEvidence(
      receipt(nobody, [{ ...wrong, sequence: 0n }]),
      proven(data, 1, 1)
    ),
    'receipt: it names the position twice, first as the log has it': brokenReceiptEvidence(
      receipt(data.net.sequencer, [right, wrong]),
      proven(data, 1, 1)
    ),
    'state: block 3 pays to an account that no key has, which is shown like any other': invalidMessage(
      data,
      payer.saying(encodeTransfer({ to: NO_KEY, amount: 1n, fee: 0n }))
    ),
    'state: the account of no key stands beside that of the payer': paidAfter(
      data,
      payer,
      { id: NO_KEY, balance: 5n, sequence: 0n },
      { amount: 1n, fee: 0n }
    )
  }
}

export function refusedOddities(data: PublicData, payer: Payer, stranger: Signer): Pieces {
  const { network, signer, sequencer } = data.net
  const entry = { sequence: 1n, position: 1, leaf: seedOf('promised') }
  const short = { sequence: 2n, position: 2, leaf: seedOf('promised').subarray(1) }
  const rich = { id: sequencer, balance: U64_MAX, sequence: 0n }
  return {
    'fork: one of the two names another producer than the sequencer, who has signed it': forkEvidence(
      blockAt(data, 2).signed,
      lie(data, 2, { producer: stranger.peerId })
    ),
    'receipt: another entry of it has a leaf of 31 bytes': brokenReceiptEvidence(
      signEnvelope(
        'receipt',
        WireReceipt.encode({ network: network.id, author: sequencer, time: 1, entries: [entry, short] }),
        signer
      ),
      proven(data, 1, 1)
    ),
    'state: a balance would be over a u64 by what is paid': paidAfter(data, payer, rich, {
      amount: 1n,
      fee: 0n
    })
  }
}

/** Block 3, in which the payer pays to the sequencer, after a state that nobody but these two has anything in. */
function paidAfter(
  data: PublicData,
  payer: Payer,
  other: Account,
  { amount, fee }: { readonly amount: bigint; readonly fee: bigint }
): Uint8Array {
  const { envelope, leaf } = payer.pay(data.net.signer, amount, { fee, sequence: 1n })
  const state = new TwoAccounts({ id: payer.peerId, balance: 100n, sequence: 0n }, other)
  const parent = lie(data, 2, { state: state.digest })
  const child = lie(data, 3, { parent: parent.id, count: 1, root: rootOf([leaf]) })
  const proofs = [payer.peerId, data.net.sequencer].map(id => state.prove(id))
  return brokenStateEvidence(parent, child, [envelope], proofs)
}

/** The tree of two accounts, whatever they have: the program's own state refuses what no accounts can have. */
class TwoAccounts {
  readonly digest: Hash
  readonly #alike: number

  constructor(
    private readonly one: Account,
    private readonly other: Account
  ) {
    const [a, b] = [placeOf(one.id), placeOf(other.id)]
    this.#alike = [...a].findIndex((bit, index) => bit !== b[index])
    const [left, right] = a[this.#alike] === '0' ? [one, other] : [other, one]
    const pair = nodeHash(hashOf(left), hashOf(right))
    this.digest = this.#above(a).reduceRight(
      (node, bit) => (bit === '0' ? nodeHash(node, EMPTY_ROOT) : nodeHash(EMPTY_ROOT, node)),
      pair
    )
  }

  /** What stands at the place of `id`, or nothing where another one parts from it above these two. */
  prove(id: PeerIdBytes): Uint8Array {
    const place = placeOf(id)
    const shared = placeOf(this.one.id)
    const parts = place.findIndex((bit, index) => bit !== shared[index])
    if (parts !== -1 && parts < this.#alike) throw new Error('take another account: it parts above the two')
    const isOne = place[this.#alike] === shared[this.#alike]
    const [leaf, sibling] = isOne ? [this.one, this.other] : [this.other, this.one]
    const path = [hashOf(sibling), ...this.#above(shared).map(() => EMPTY_ROOT)]
    return encodeAccountProof({ leaf, path })
  }

  #above(place: readonly string[]): readonly string[] {
    return place.slice(0, this.#alike)
  }
}

/** Its bits, the highest of the first byte first. */
function placeOf(id: PeerIdBytes): string[] {
  return [...sha256(id)].flatMap(byte => [...byte.toString(2).padStart(8, '0')])
}

function hashOf(account: Account): Hash {
  return asHash(leafHash(encodeAccount(account) as EnvelopeBytes))
}
