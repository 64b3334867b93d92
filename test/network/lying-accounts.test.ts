import assert from 'node:assert/strict'
import { AccountHandler } from '#src/api/account-handler.js'
import { BlockHandler } from '#src/api/block-handler.js'
import { ChainHandler } from '#src/api/chain-handler.js'
import type { Handler } from '#src/api/handler.js'
import {
  decodeAccount,
  decodeAccountProof,
  encodeAccount,
  encodeAccountProof
} from '#src/applications/ledger/account-proof.js'
import { LedgerState } from '#src/applications/ledger/state.js'
import { Chain } from '#src/chain/chain.js'
import { type Answer, encodeAnswer } from '#src/core/answer.js'
import { signHeader } from '#src/core/block.js'
import { concat, type PeerIdBytes, toHex } from '#src/core/bytes.js'
import { DecodeError } from '#src/core/codec.js'
import { sha256 } from '#src/core/hash.js'
import { decodeQuery } from '#src/core/query.js'
import { Host } from '#src/network/host.js'
import { QUERY_PROTOCOL } from '#src/network/names.js'
import { AccountQueries } from '#src/query/account-queries.js'
import { InvalidAnswer, QueryFailed } from '#src/query/query-errors.js'
import { QUERY_STREAMS } from '#src/query/query-protocol.js'
import { ChainMaker } from '../helpers/blocks.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { seedOf, signerNamed } from '../helpers/core.js'
import { LATER } from '../helpers/equals.js'
import { memoryDatabase } from '../helpers/memory-database.js'
import { identity, makeNetwork, makeWorkNetwork, type TestNetwork } from '../helpers/networks.js'
import { ledgerOf, Payer } from '../helpers/payers.js'

type AccountAnswer = Extract<Answer, { kind: 'account' }>
type AccountsAnswer = Extract<Answer, { kind: 'accounts' }>

const LEDGER = await ledgerOf({ alice: 1_000n, bob: 500n })

for (const [name, make] of [
  ['a sequencer', () => makeNetwork({ blockSize: 2, ledger: LEDGER })],
  ['work', () => makeWorkNetwork({ blockSize: 2, ledger: LEDGER })]
] as const)
  describe(`a peer that lies about accounts, in a network that is ordered by ${name}`, () => {
    const cleanup = new Cleanup(after)
    let net: TestNetwork
    let alice: Payer
    let bob: Payer
    let chain: Chain
    let maker: ChainMaker
    let asker: AccountQueries
    let lie: (answer: AccountAnswer | AccountsAnswer) => Answer | Promise<Answer>

    before(async () => {
      net = await make()
      ;[alice, bob] = [await Payer.create(net, 'alice'), await Payer.create(net, 'bob')]
      maker = new ChainMaker(net)
      maker.addAll([alice.pay(bob, 100n), bob.pay(net.signer, 5n), alice.pay(bob, 1n), alice.pay(bob, 2n)])
      chain = await Chain.open(await memoryDatabase(), net.rules)
      for (const block of maker.blocks) assert.equal((await chain.import(block, LATER)).kind, 'extended')
      const handlers: readonly Handler[] = [
        new AccountHandler(chain),
        new BlockHandler(chain),
        new ChainHandler(chain, () => 0)
      ]
      const liar = await Host.create({ key: net.key, listen: ['/ip4/127.0.0.1/tcp/0'], topics: [] })
      await liar.serve(QUERY_PROTOCOL, QUERY_STREAMS, async (channel, peer, from) => {
        const { query } = decodeQuery(present(await channel.receive(deadline())))
        const reply = handlers.map(handler => handler.reply(query, { peer, from }, deadline())).find(Boolean)
        for await (const answer of present(reply, 'a reply').answers) {
          const isTold = answer.kind === 'account' || answer.kind === 'accounts'
          await channel.send(encodeAnswer(isTold ? await lie(answer) : answer), deadline())
        }
        await channel.close(deadline())
      })
      await liar.start()
      cleanup.add(() => liar.stop())
      const reader = await Host.create({ key: await identity('reader'), listen: [], topics: [] })
      await reader.start()
      cleanup.add(() => reader.stop())
      const peer = await reader.connect(present(liar.addresses()[0]), deadline())
      asker = new AccountQueries(reader, peer, net.rules, () => LATER)
    })

    async function expectCaught(asked: Promise<unknown>): Promise<void> {
      await assert.rejects(asked, error => {
        assert.ok(
          error instanceof InvalidAnswer || error instanceof DecodeError || error instanceof QueryFailed,
          String(error)
        )
        return error.message !== ''
      })
    }

    /** What is answered to the same question about another height, or account. */
    function truly(kind: 'account', payer: Payer, height: number): AccountAnswer
    function truly(kind: 'accounts', payer: Payer, height: number): AccountsAnswer
    function truly(kind: 'account' | 'accounts', { peerId }: Payer, height: number): Answer {
      const { signed, state } = present(chain.stateAt(height))
      assert.ok(state instanceof LedgerState)
      const header = { header: signed.envelope, checkpoint: signed.checkpoint }
      return kind === 'account'
        ? { kind, ...header, proof: encodeAccountProof(state.prove(peerId)) }
        : { kind, ...header, accounts: [...state.all()].map(encodeAccount) }
    }

    it('is believed while it tells the truth', async () => {
      lie = answer => answer
      assert.equal((await asker.account(bob.peerId)).account.balance, 598n)
      assert.equal((await asker.account(bob.peerId, 1)).account.balance, 595n)
      assert.equal((await asker.account(bob.peerId, 0)).account.balance, 500n)
      assert.equal((await asker.accounts()).accounts.length, 3)
    })

    const falseHeader = async (answer: AccountAnswer): Promise<Answer> => {
      const { header } = chain.head()
      const stranger = signHeader(header, await signerNamed('a stranger'), net.rules.ordering)
      return { ...answer, header: stranger.envelope, checkpoint: stranger.checkpoint }
    }

    for (const [what, make] of [
      ['the account of somebody else', () => truly('account', alice, 2)],
      ['what the account had before', () => truly('account', bob, 1)],
      ['what the account had at first', () => truly('account', bob, 0)],
      [
        'an old proof under the new header',
        (a: AccountAnswer) => ({ ...a, proof: truly('account', bob, 1).proof })
      ],
      [
        'a new proof under the old header',
        (a: AccountAnswer) => ({ ...truly('account', bob, 1), proof: a.proof })
      ],
      [
        'more than there is',
        (a: AccountAnswer) => {
          const { leaf, path } = decodeAccountProof(a.proof)
          return { ...a, proof: encodeAccountProof({ leaf: { ...present(leaf), balance: 10_000n }, path }) }
        }
      ],
      [
        'that there is no such account',
        (a: AccountAnswer) => {
          const { path } = decodeAccountProof(a.proof)
          return { ...a, proof: encodeAccountProof({ leaf: undefined, path }) }
        }
      ],
      ['a proof that is none', (a: AccountAnswer) => ({ ...a, proof: Uint8Array.of(7) })],
      ['a header that somebody else has signed', falseHeader],
      ['a list', () => truly('accounts', bob, 2)]
    ] as const)
      it(`is caught when it shows ${what}`, async () => {
        lie = async answer => (answer.kind === 'account' ? make(answer) : answer)
        await expectCaught(asker.account(bob.peerId, 2))
      })

    const listed = (answer: AccountsAnswer, change: (accounts: Uint8Array[]) => Uint8Array[]): Answer => ({
      ...answer,
      accounts: change([...answer.accounts])
    })

    for (const [what, change] of [
      ['leaves one out', (all: Uint8Array[]) => all.slice(1)],
      ['leaves the last one out', (all: Uint8Array[]) => all.slice(0, -1)],
      ['names one twice', (all: Uint8Array[]) => [...all.slice(0, 1), ...all]],
      ['has them in another order', (all: Uint8Array[]) => all.toReversed()],
      [
        'gives one more than it has',
        ([first, ...rest]: Uint8Array[]) => {
          const account = decodeAccount(present(first))
          return [encodeAccount({ ...account, balance: account.balance + 1n }), ...rest]
        }
      ],
      [
        'gives all more than there can be',
        (all: Uint8Array[]) =>
          all.map(bytes => encodeAccount({ ...decodeAccount(bytes), balance: 2n ** 64n - 1n }))
      ],
      ['says that there are none', () => []]
    ] as const)
      it(`is caught when its list ${what}`, async () => {
        lie = answer =>
          answer.kind === 'accounts' && answer.accounts.length > 0 ? listed(answer, change) : answer
        await expectCaught(asker.accounts())
      })

    it('is caught when its list goes on without end', async () => {
      lie = () => truly('accounts', bob, 2)
      await expectCaught(asker.accounts())
    })

    it('is caught when its list goes on with ever new accounts: there are no more than transfers can have made', async () => {
      const strangers = Array.from({ length: 100 }, (_, index) => seedOf(`stranger ${index}`))
        .map(seed => concat(Uint8Array.of(0x12, 0x20), seed))
        .sort((one, other) => Buffer.compare(sha256(one), sha256(other)))
        .map(id => encodeAccount({ id: id as PeerIdBytes, balance: 1n, sequence: 0n }))
      let pages = 0
      lie = answer => {
        pages += 1
        return answer.kind === 'accounts' ? listed(answer, () => strangers.slice(pages - 1, pages)) : answer
      }
      await expectCaught(asker.accounts())
      assert.ok(pages < 20, `${pages} pages`)
    })

    it('is believed while its head moves on between two pages: both are of one state', async () => {
      const next = maker.add([bob.pay(alice, 7n), bob.pay(alice, 8n)])
      const before = toHex(chain.head().id)
      lie = async answer => {
        if (answer.kind !== 'accounts' || chain.head().header.height > 2) return answer
        assert.equal((await chain.import(next, LATER)).kind, 'extended')
        return listed(answer, all => all.slice(0, 1))
      }
      const { signed, accounts } = await asker.accounts()
      assert.deepEqual([toHex(signed.id), accounts.length], [before, 3])
      assert.equal((await asker.accounts()).signed.header.height, 3)
    })
  })
