import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  type AccountProof,
  decodeAccountProof,
  encodeAccountProof
} from '#src/applications/ledger/account-proof.js'
import { LedgerState } from '#src/applications/ledger/state.js'
import type { Cursor } from '#src/chain/cursor.js'
import type { Block, Header } from '#src/core/block.js'
import { type PeerIdBytes, utf8 } from '#src/core/bytes.js'
import { DecodeError } from '#src/core/codec.js'
import { decodeEnvelope, signEnvelope } from '#src/core/envelope.js'
import { sha256 } from '#src/core/hash.js'
import { VerifierCache } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { EMPTY_ROOT, leafHash, rootOf } from '#src/core/merkle.js'
import { Envelope, Evidence as WireEvidence } from '#src/core/wire/tallystick.js'
import { readEvidence, stateEvidence } from '#src/validation/evidence-check.js'
import { envelopesOf, type Made, madeOf } from '../helpers/authors.js'
import { ChainMaker, type Forgery } from '../helpers/blocks.js'
import { present } from '../helpers/changes.js'
import { arbitrary, flipped, runs, seedOf, signerNamed } from '../helpers/core.js'
import { makeNetwork, makeWorkNetwork, type TestNetwork } from '../helpers/networks.js'
import { ledgerOf, Payer } from '../helpers/payers.js'

/** What somebody makes of a proof. */
type Slip = (proof: AccountProof) => AccountProof

const OTHER_STATE: Forgery = { header: () => ({ state: sha256(utf8('another')) }) }

describe('evidence of a block that is not what its messages make of the state', () => {
  let net: TestNetwork
  let alice: Payer
  let bob: Payer
  let carol: Payer
  let maker: ChainMaker

  before(async () => {
    net = await makeNetwork({
      blockSize: 4,
      blockTimeout: 1,
      ledger: await ledgerOf({ alice: 1_000n, bob: 500n, dave: 7n, erin: 9n })
    })
  })

  beforeEach(async () => {
    ;[alice, bob, carol] = [
      await Payer.create(net, 'alice'),
      await Payer.create(net, 'bob'),
      await Payer.create(net, 'carol')
    ]
    maker = new ChainMaker(net)
  })

  /** What a follower makes of a block whose parent is the head of the chain here. */
  function evidenceOf(block: Block, { signed, state }: Cursor = maker.cursor): Uint8Array {
    return present(stateEvidence(maker.net.rules, signed, state, block))
  }

  async function detailOf(bytes: Uint8Array): Promise<string> {
    const { kind, detail } = await readEvidence(bytes, net.network, new VerifierCache())
    assert.equal(kind, 'state')
    return detail
  }

  async function provesNothing(bytes: Uint8Array): Promise<void> {
    await assert.rejects(readEvidence(bytes, net.network, new VerifierCache()), DecodeError)
  }

  /** A block over these messages with both trees right, whatever the messages are. */
  function over(...messages: readonly Made[]): Block {
    const envelopes = envelopesOf(messages)
    const leaves = envelopes.map(leafHash)
    const { signed, frontier } = maker.cursor
    const header = (): Partial<Header> => ({
      count: leaves.length,
      root: rootOf(leaves),
      size: signed.header.size + leaves.length,
      log: frontier.appendAll(leaves).root()
    })
    return maker.forge([], { header, envelopes })
  }

  it('convicts of a state that is another one, after the genesis and after other blocks', async () => {
    for (const height of [1, 2, 3]) {
      const messages = [alice.pay(bob, 1n, { fee: 1n }), bob.pay(carol, 1n)]
      assert.match(
        await detailOf(evidenceOf(maker.forge(messages, OTHER_STATE))),
        new RegExp(
          `^it signed block ${height}, .*, whose state is not what its messages make of that of its parent$`
        )
      )
      maker.add(messages)
    }
  })

  const WRONG: Readonly<Record<string, { make(): Made; readonly reason: string }>> = {
    'a transfer that is not covered': { make: () => carol.pay(alice, 51n), reason: 'overdraft' },
    'a transfer under a number that comes too early': {
      make: () => bob.pay(alice, 1n, { sequence: 9n }),
      reason: 'sequence gap'
    },
    'a transfer of nothing': { make: () => bob.pay(alice, 0n), reason: 'bad amount' },
    'a transfer to a key that is none': {
      make: () => bob.pay({ peerId: new Uint8Array(38) as PeerIdBytes }, 1n),
      reason: 'bad account'
    },
    'a message that is no transfer': {
      make: () => bob.saying(utf8('{"text":"hello"}')),
      reason: 'bad encoding'
    },
    'a transfer that its author has not signed': {
      make: () => {
        const { envelope, message } = bob.pay(alice, 1n)
        return madeOf(
          Envelope.encode({ ...decodeEnvelope(envelope), signature: new Uint8Array(64) }),
          message
        )
      },
      reason: 'bad signature'
    },
    'a transfer of another network': {
      make: () => bob.pay(alice, 1n, { network: seedOf('another') }),
      reason: 'wrong network'
    },
    'what is no message at all': {
      make: () => madeOf(utf8('hello'), bob.pay(alice, 1n).message),
      reason: 'bad encoding'
    }
  }
  for (const [what, { make, reason }] of Object.entries(WRONG))
    it(`convicts of ${what}, and says where it stands`, async () => {
      maker.add([alice.pay(bob, 5n)])
      // Carol has 50 of what stands before it in the block.
      const block = over(alice.pay(carol, 50n), make(), alice.pay(bob, 1n))
      assert.match(
        await detailOf(evidenceOf(block)),
        new RegExp(`whose message at position 2 is not valid: ${reason}$`)
      )
    })

  it('never convicts of a block that is right, whatever it holds', async () => {
    const payment = fc.record({
      from: fc.nat(2),
      to: fc.nat(3),
      amount: fc.bigInt({ min: 1n, max: 300n }),
      fee: fc.bigInt({ min: 0n, max: 2n })
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(payment, { minLength: 1, maxLength: 4 }), { maxLength: 5 }),
        async blocks => {
          maker = new ChainMaker(net)
          const payers = [alice, bob, carol]
          for (const planned of blocks) {
            const made: Made[] = []
            let { state } = maker.cursor
            for (const { from, to, amount, fee } of planned) {
              const payer = present(payers[from])
              assert.ok(state instanceof LedgerState)
              const sequence = (state.account(payer.peerId)?.sequence ?? 0n) + 1n
              const receiver = payers[to] ?? { peerId: net.sequencer }
              const message = payer.pay(receiver, amount, { fee, sequence })
              const outcome = net.rules.application.applyMessage(state, message.message)
              if (!outcome.ok) continue
              state = outcome.state
              made.push(message)
            }
            if (made.length === 0) continue
            const before = maker.cursor
            const block = maker.add(made)
            await provesNothing(evidenceOf(block, before))
            const { envelopes } = block
            const lie = { ...block, ...maker.fork(before.signed.header.height).forge(made, OTHER_STATE) }
            assert.match(await detailOf(evidenceOf({ ...lie, envelopes }, before)), /whose state is not/)
          }
        }
      ),
      runs(60)
    )
  })

  it('never convicts of a block that is right, whatever is shown of the state before it', async () => {
    maker.add([alice.pay(bob, 5n), bob.pay(carol, 2n, { fee: 1n })])
    const before = maker.cursor
    const block = maker.add([alice.pay(carol, 50n), carol.pay(bob, 1n), bob.pay(net.signer, 1n)])
    const honest = evidenceOf(block, before)
    const shown = present(WireEvidence.decode(honest).state)
    const proofs = shown.proofs.map(decodeAccountProof)
    const nodes = proofs.flatMap(({ path }) => path)
    const leaves = [undefined, ...proofs.map(({ leaf }) => leaf)]
    const node = fc.oneof(fc.constantFrom(...nodes), fc.constant(EMPTY_ROOT), arbitrary.hash())
    const slip: fc.Arbitrary<Slip> = fc.oneof(
      fc.constantFrom(...leaves).map(
        (leaf): Slip =>
          proof => ({ ...proof, leaf })
      ),
      arbitrary.u64().map(
        (balance): Slip =>
          ({ leaf, path }) => ({ leaf: leaf && { ...leaf, balance }, path })
      ),
      fc.nat(4).map(
        (from): Slip =>
          ({ leaf, path }) => ({ leaf, path: path.slice(from) })
      ),
      fc.array(node, { minLength: 1, maxLength: 3 }).map(
        (more): Slip =>
          ({ leaf, path }) => ({ leaf, path: [...more, ...path] })
      ),
      fc.tuple(fc.nat(4), node).map(
        ([at, by]): Slip =>
          ({ leaf, path }) => ({ leaf, path: path.map((each, index) => (index === at ? by : each)) })
      ),
      fc.constantFrom(...proofs).map(
        (other): Slip =>
          () =>
            other
      )
    )
    const slips = fc.array(fc.tuple(fc.nat(proofs.length - 1), slip), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(slips, async changes => {
        const changed = [...proofs]
        for (const [at, change] of changes) changed[at] = change(present(changed[at]))
        await provesNothing(
          WireEvidence.encode({ state: { ...shown, proofs: changed.map(encodeAccountProof) } })
        )
      }),
      runs(400)
    )
    await fc.assert(
      fc.asyncProperty(fc.nat(honest.length - 1), fc.integer({ min: 1, max: 255 }), async (index, mask) => {
        await provesNothing(flipped(honest, index, mask))
      }),
      runs(400)
    )
  })

  describe('of which something is not as it was', () => {
    interface Parts {
      parent: Uint8Array
      header: Uint8Array
      envelopes: Uint8Array[]
      proofs: Uint8Array[]
    }

    function parts(): Parts {
      maker.add([alice.pay(bob, 5n)])
      const block = maker.forge([alice.pay(carol, 50n), bob.pay(alice, 1n)], OTHER_STATE)
      return { ...present(WireEvidence.decode(evidenceOf(block)).state) }
    }

    const encode = (state: Parts): Uint8Array => WireEvidence.encode({ state })

    it('holds where nothing is changed', async () => {
      assert.match(await detailOf(encode(parts())), /whose state is not/)
    })

    const CHANGES: Readonly<Record<string, (state: Parts) => Partial<Parts> | Promise<Partial<Parts>>>> = {
      'a proof is missing': ({ proofs }) => ({ proofs: proofs.slice(1) }),
      'a proof is there twice': ({ proofs }) => ({ proofs: [...proofs, ...proofs.slice(0, 1)] }),
      'the proofs come in another order': ({ proofs }) => ({ proofs: proofs.toReversed() }),
      'a proof shows more than there is': ({ proofs }) => ({
        proofs: [
          encodeAccountProof({ leaf: { id: alice.peerId, balance: 9_999n, sequence: 1n }, path: [] }),
          ...proofs.slice(1)
        ]
      }),
      'a proof is none': ({ proofs }) => ({ proofs: [utf8('proof'), ...proofs.slice(1)] }),
      'a proof is empty': ({ proofs }) => ({ proofs: [new Uint8Array(0), ...proofs.slice(1)] }),
      'a message is missing': ({ envelopes }) => ({ envelopes: envelopes.slice(1) }),
      'a message is another one': ({ envelopes }) => ({
        envelopes: [bob.pay(alice, 2n).envelope, ...envelopes.slice(1)]
      }),
      'its parent is the genesis': () => ({ parent: new Uint8Array(0) }),
      'its parent is another block': ({ header }) => ({ parent: header }),
      'it was signed by somebody else': async ({ header }) => {
        const { payload } = decodeEnvelope(header)
        return { header: signEnvelope('block', payload, await signerNamed('stranger')) }
      }
    }
    for (const [what, change] of Object.entries(CHANGES))
      it(`proves nothing where ${what}`, async () => {
        const state = parts()
        await provesNothing(encode({ ...state, ...(await change(state)) }))
      })
  })

  it('proves nothing where it is too long to be passed on', async () => {
    const block = over(bob.saying(new Uint8Array(LIMITS.evidenceBytes)))
    await provesNothing(evidenceOf(block))
  })

  it('is none in a network without a sequencer', async () => {
    const bytes = evidenceOf(maker.forge([alice.pay(bob, 1n)], OTHER_STATE))
    const work = await makeWorkNetwork({ ledger: await ledgerOf({ alice: 1n }) })
    await assert.rejects(readEvidence(bytes, work.network, new VerifierCache()), {
      name: 'DecodeError',
      message: /this network has no sequencer/
    })
  })

  it('is none in a network without accounts', async () => {
    const plain = await makeNetwork()
    const bytes = evidenceOf(maker.forge([alice.pay(bob, 1n)], OTHER_STATE))
    await assert.rejects(readEvidence(bytes, plain.network, new VerifierCache()), DecodeError)
    assert.equal(stateEvidence(plain.rules, maker.cursor.signed, undefined, maker.forge([], {})), undefined)
  })
})
