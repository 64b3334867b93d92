import assert from 'node:assert/strict'
import { applyBlock } from '#src/applications/application.js'
import { accountFromText } from '#src/applications/ledger/account.js'
import {
  type AccountProof,
  decodeAccountProof,
  encodeAccount,
  encodeAccountProof,
  verifyAccountProof
} from '#src/applications/ledger/account-proof.js'
import { LedgerApplication } from '#src/applications/ledger/ledger.js'
import { LedgerState } from '#src/applications/ledger/state.js'
import { decodeTransfer, encodeTransfer, type Transfer } from '#src/applications/ledger/transfer.js'
import { TransferSet } from '#src/applications/ledger/transfer-set.js'
import type { Hash, PeerIdBytes } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { leafHash } from '#src/core/merkle.js'
import { byteString, hashString, type LeafKind, MerkleTrie } from '#src/core/merkle-trie.js'
import { present } from '../helpers/changes.js'
import { assertSame, flipped, fromHex, seedOf, vectors } from '../helpers/core.js'
import { blockBy, transferMessage } from '../helpers/ledger.js'
import type { TrieEntry } from '../helpers/tries.js'

type Digits<Names extends string> = Readonly<Record<Names, string>>
type WrittenAccounts = Readonly<Record<string, Digits<'balance' | 'sequence'>>>
type WrittenTransfer = Digits<'to' | 'amount' | 'fee'>

/** All numbers in decimal digits, all bytes in hex, all accounts by the names in `accounts`. */
interface LedgerVectors {
  readonly accounts: Readonly<Record<string, Digits<'id' | 'text' | 'place'>>>
  readonly transfers: readonly (WrittenTransfer & { readonly body: string })[]
  readonly states: readonly {
    readonly accounts: WrittenAccounts
    readonly leaves: Readonly<Record<string, string>>
    readonly digest: string
  }[]
  readonly history: {
    readonly accounts: Readonly<Record<string, string>>
    readonly reward: string
    readonly leastFee: string
    /** The genesis, and the blocks after it. */
    readonly blocks: readonly {
      readonly producer?: string
      readonly messages?: readonly (WrittenTransfer & Digits<'author' | 'sequence'>)[]
      readonly accounts?: WrittenAccounts
      readonly supply: string
      readonly digest: string
    }[]
  }
  readonly proofs: {
    readonly accounts: WrittenAccounts
    readonly digest: string
    readonly proofs: readonly {
      readonly account: string
      readonly isThere: boolean
      readonly proof: string
    }[]
  }
  readonly sets: readonly {
    readonly size: number
    readonly digest: string
    readonly parts?: readonly string[]
  }[]
}

const known = vectors<LedgerVectors>('ledger.json')

function idOf(name: string): PeerIdBytes {
  return fromHex(present(known.accounts[name]).id) as PeerIdBytes
}

function transferOf({ to, amount, fee }: WrittenTransfer): Transfer {
  return { to: idOf(to), amount: BigInt(amount), fee: BigInt(fee) }
}

function accountsOf(written: WrittenAccounts) {
  return Object.entries(written).map(([name, { balance, sequence }]) => ({
    id: idOf(name),
    balance: BigInt(balance),
    sequence: BigInt(sequence)
  }))
}

/** The digest and the proofs of any accounts, as the state makes them of its own. */
const LEAVES: LeafKind<TrieEntry> = { place: ({ place }) => byteString(place), data: ({ data }) => data }

function trieOf(written: WrittenAccounts): MerkleTrie<TrieEntry> {
  return accountsOf(written).reduce<MerkleTrie<TrieEntry>>((trie, account) => {
    const entry = { place: sha256(account.id), data: encodeAccount(account) }
    return trie.change(hashString(account.id), () => entry)
  }, MerkleTrie.empty(LEAVES))
}

describe('the ledger: known answers', () => {
  it('accounts have the PeerIds of their keys, and stand at the hashes of these', () => {
    for (const { id, text, place } of Object.values(known.accounts)) {
      assertSame(accountFromText(text), { ok: true, id: fromHex(id) })
      assertSame(sha256(fromHex(id)), fromHex(place))
    }
  })

  it('transfers have these encodings', () => {
    for (const written of known.transfers) {
      assertSame(encodeTransfer(transferOf(written)), fromHex(written.body))
      assertSame(decodeTransfer(fromHex(written.body)), transferOf(written))
    }
  })

  it('states have these leaves and digests', () => {
    for (const { accounts, leaves, digest } of known.states) {
      for (const account of accountsOf(accounts)) {
        const name = Object.keys(accounts).find(other => Buffer.compare(idOf(other), account.id) === 0)
        assertSame(leafHash(encodeAccount(account)), fromHex(present(leaves[present(name)])))
      }
      assertSame(trieOf(accounts).root(), fromHex(digest))
      if (Object.values(accounts).every(({ sequence }) => sequence === '0'))
        assertSame(LedgerState.of(accountsOf(accounts)).digest(), fromHex(digest))
    }
  })

  it('a history of blocks with fees and rewards, up to the last unit there can be, has these states', () => {
    const { accounts, blocks, ...terms } = known.history
    const balances = Object.entries(accounts).map(([name, digits]) => [
      present(known.accounts[name]).text,
      digits
    ])
    const ledger = new LedgerApplication({ type: 'ledger', accounts: Object.fromEntries(balances), ...terms })
    let state = ledger.genesis()
    for (const block of blocks) {
      if (block.producer !== undefined) {
        const messages = (block.messages ?? []).map(written =>
          transferMessage({ id: idOf(written.author) }, BigInt(written.sequence), transferOf(written))
        )
        const applied = applyBlock(ledger, state, blockBy({ id: idOf(block.producer) }), messages)
        assert.ok(applied.ok)
        state = applied.state
        for (const account of accountsOf(present(block.accounts)))
          assertSame(state.account(account.id), account)
      }
      assert.equal(state.supply, BigInt(block.supply))
      assertSame(ledger.digest(state), fromHex(block.digest))
    }
  })

  it('sets of transfers have these digests, and those of more than 256 these parts', () => {
    for (const { size, digest, parts } of known.sets) {
      const set = Array.from({ length: size }, (_, index) => seedOf(`transfer ${index}`)).reduce(
        (before, id) => before.add(id),
        TransferSet.empty()
      )
      assertSame(set.digest(), fromHex(digest))
      const summary = set.summary('')
      if (parts === undefined) assert.ok(summary.kind === 'ids' && summary.ids.length === size)
      else assertSame(summary, { kind: 'parts', digests: parts.map(fromHex) })
    }
  })
})

describe('the ledger: proofs of accounts', () => {
  const { proofs, accounts } = known.proofs
  const digest = fromHex(known.proofs.digest) as Hash
  const proofOf = (hex: string): AccountProof => decodeAccountProof(fromHex(hex))

  it('show what a state has of an account, and that it has none', () => {
    const there = new Map(accountsOf(accounts).map(account => [byteString(account.id), account]))
    for (const { account: name, isThere, proof } of proofs) {
      const found = there.get(byteString(idOf(name)))
      assert.equal(found !== undefined, isThere)
      assertSame(
        verifyAccountProof(idOf(name), proofOf(proof), digest),
        found === undefined ? { kind: 'absent' } : { kind: 'proved', account: found }
      )
    }
  })

  it('are made of any state, for any account', () => {
    const state = LedgerState.of(accountsOf(accounts).map(({ id, balance }) => ({ id, balance })))
    for (const name of Object.keys(known.accounts)) {
      const proof = decodeAccountProof(encodeAccountProof(state.prove(idOf(name))))
      const account = state.account(idOf(name))
      assertSame(
        verifyAccountProof(idOf(name), proof, state.digest()),
        account === undefined ? { kind: 'absent' } : { kind: 'proved', account }
      )
    }
    const empty = LedgerState.of([])
    assertSame(verifyAccountProof(idOf('alice'), empty.prove(idOf('alice')), empty.digest()), {
      kind: 'absent'
    })
  })

  it('are those that were known before', () => {
    for (const { account: name, proof } of proofs) {
      const { leaf, siblings } = trieOf(accounts).path(hashString(idOf(name)))
      const account =
        leaf && accountsOf(accounts).find(({ id }) => Buffer.compare(sha256(id), leaf.place) === 0)
      assertSame(encodeAccountProof({ leaf: account, path: siblings }), fromHex(proof))
    }
  })

  it('of another account, another state, another balance or another path prove nothing', () => {
    const invalid = (name: string, proof: AccountProof, state: Hash): void =>
      assert.equal(verifyAccountProof(idOf(name), proof, state).kind, 'invalid')
    for (const { account: name, proof: written } of proofs) {
      const proof = proofOf(written)
      const { leaf, path } = proof
      invalid(name, proof, seedOf('another state'))
      invalid(name, { leaf, path: path.slice(1) }, digest)
      invalid(name, { leaf, path: [...path, digest] }, digest)
      for (const [index, hash] of path.entries())
        invalid(name, { leaf, path: path.with(index, flipped(hash, 7) as Hash) }, digest)
      if (leaf === undefined) continue
      invalid(name, { leaf: undefined, path }, digest)
      invalid(name, { leaf: { ...leaf, balance: leaf.balance + 1n }, path }, digest)
      invalid(name, { leaf: { ...leaf, sequence: leaf.sequence + 1n }, path }, digest)
      invalid(name, { leaf: { ...leaf, id: idOf('erin') }, path }, digest)
    }
  })

  it('of absence cannot be turned against an account that is there', () => {
    const isThere = proofs.filter(proof => proof.isThere)
    for (const { account: name } of isThere)
      for (const { proof } of proofs) {
        const { kind } = verifyAccountProof(idOf(name), proofOf(proof), digest)
        assert.notEqual(kind, 'absent')
      }
  })
})
