import assert from 'node:assert/strict'
import type { Command } from 'commander'
import { base58btc } from 'multiformats/bases/base58'
import { targetOf } from '#src/cli/ask/target.js'
import { accountCommand } from '#src/cli/commands/account.js'
import { headCommand } from '#src/cli/commands/ask.js'
import { handCommand } from '#src/cli/commands/hand.js'
import { initCommand } from '#src/cli/commands/init.js'
import { nodeCommand } from '#src/cli/commands/node.js'
import { transferCommand } from '#src/cli/commands/transfer.js'
import { peerCommand } from '#src/cli/peer/peer-command.js'
import { decodeAnswer, encodeAnswer } from '#src/core/answer.js'
import type { Balance } from '#src/core/balance.js'
import { concat, type PeerIdBytes, toHex } from '#src/core/bytes.js'
import { DecodeError } from '#src/core/codec.js'
import { peerIdFromBytes, peerIdFromText, peerIdToString, verifierOf } from '#src/core/keys.js'
import { decodeNode, encodeNode } from '#src/core/node-info.js'
import { addressFrom } from '#src/network/addresses.js'
import { networkOf } from '#src/rules/network-document.js'
import { rulesOf, setRulesOf } from '#src/rules/rules.js'
import { documentOf, fromHex, KEY_TYPES, type KeyName, signerNamed } from '../helpers/core.js'
import { littleEndian, P, SMALL_ORDER_ENCODINGS } from '../helpers/ed25519-rule.js'

/** An identity multihash, in text: what a PeerId looks like whose key is in it. */
function named(key: Uint8Array): string {
  return base58btc.encode(concat(Uint8Array.of(0, key.length), key)).slice(1)
}

const ed25519Key = (raw: Uint8Array): Uint8Array => concat(fromHex('08011220'), raw)
const secp256k1Key = (raw: Uint8Array): Uint8Array => concat(fromHex('08021221'), raw)

/** PeerIds that no key can have that may sign. All but the last ones look right: libp2p reads them. */
async function badPeerIds(): Promise<ReadonlyMap<string, string>> {
  const good = (await signerNamed('somebody')).publicKey
  const secp = (await signerNamed('somebody', 'secp256k1')).publicKey
  return new Map([
    ...SMALL_ORDER_ENCODINGS.map(raw => [`of small order, ${toHex(raw)}`, named(ed25519Key(raw))] as const),
    ...[3n, 4n, 5n, 6n, 9n, 10n, 14n, 15n, 16n, 18n].map(
      y => [`y = p + ${y}`, named(ed25519Key(littleEndian(P + y)))] as const
    ),
    ...[2n, 7n, 8n, 11n, 12n, 13n].map(y => [`no point, ${y}`, named(ed25519Key(littleEndian(y)))] as const),
    ['with a field behind the key', named(concat(good, fromHex('1800')))],
    ['with its fields in another order', named(concat(good.slice(2), good.slice(0, 2)))],
    ['with a longer type', named(concat(fromHex('08811220').fill(0, 0, 0), good))],
    ['secp256k1, no point', named(secp256k1Key(concat(fromHex('02'), littleEndian(5n).reverse())))],
    ['secp256k1, with another prefix', named(secp256k1Key(concat(fromHex('05'), secp.slice(5))))],
    ['secp256k1, not reduced', named(secp256k1Key(concat(fromHex('02'), new Uint8Array(32).fill(0xff))))],
    ['an address of the web', named(new TextEncoder().encode('https://example.org'))],
    ['a key of no bytes', named(new Uint8Array(0))],
    ['no text', ''],
    ['a word', 'nobody']
  ])
}

function optionsOf(command: Command): ReadonlyMap<string, (text: string) => unknown> {
  return new Map(
    command.options.flatMap(({ long, parseArg }) =>
      long && parseArg ? [[long, (text: string) => parseArg(text, undefined)] as const] : []
    )
  )
}

describe('PeerIds that no key can have', () => {
  let bad: ReadonlyMap<string, string>
  let good: string

  before(async () => {
    bad = await badPeerIds()
    good = peerIdToString((await signerNamed('somebody')).peerId)
  })

  it('are refused by the one function that reads them, in text and in bytes; others are read', async () => {
    assert.ok(bad.size >= 38)
    for (const [what, text] of bad) {
      assert.throws(() => peerIdFromText(text), what)
      if (text.startsWith('1')) assert.throws(() => peerIdFromBytes(base58btc.decode(`z${text}`)), what)
    }
    for (const type of KEY_TYPES satisfies readonly KeyName[]) {
      const { peerId } = await signerNamed('somebody', type)
      assert.equal(toHex(peerIdFromText(peerIdToString(peerId))), toHex(peerId))
    }
  })

  it('are refused where, and only where, a signature by their key is', () => {
    for (const [what, text] of bad)
      if (text.startsWith('1')) assert.throws(() => verifierOf(base58btc.decode(`z${text}`).slice(2)), what)
    verifierOf(base58btc.decode(`z${good}`).slice(2))
  })

  it('are refused in network documents: as sequencer, as members, as accounts', async () => {
    const document = documentOf(await signerNamed('sequencer'))
    networkOf({ ...document, members: [good] })
    const ledger = (id: string) => ({ type: 'ledger', accounts: { [id]: '5' } })
    const open = (value: unknown): unknown => {
      const network = networkOf(value)
      return network.kind === 'chain' ? rulesOf(network) : setRulesOf(network)
    }
    open({ ...document, application: ledger(good) })
    for (const [what, text] of bad) {
      const ordering = { ...document.ordering, sequencer: text }
      assert.throws(() => networkOf({ ...document, ordering }), what)
      assert.throws(() => networkOf({ ...document, members: [good, text] }), what)
      assert.throws(() => open({ ...document, application: ledger(text) }), what)
      assert.throws(() => open({ ...document, ordering: { type: 'none' }, application: ledger(text) }), what)
    }
  })

  it('are refused on every command line that takes a PeerId', () => {
    const transfer = optionsOf(transferCommand())
    for (const [option, parse, write] of [
      ['--member', optionsOf(initCommand()).get('--member'), (id: string) => id],
      ['--grant', optionsOf(initCommand()).get('--grant'), (id: string) => `${id}=5`],
      ['--owner', optionsOf(peerCommand()).get('--owner'), (id: string) => id],
      ['--allow', optionsOf(peerCommand()).get('--allow'), (id: string) => id],
      ['--to', transfer.get('--to'), (id: string) => id],
      [
        'account',
        (id: string) => accountCommand().registeredArguments[0]?.parseArg?.(id, undefined),
        (id: string) => id
      ]
    ] as const) {
      assert.ok(parse, option)
      parse(write(good))
      for (const [what, text] of bad)
        assert.throws(() => parse(write(text)), /PeerId|PEERID/, `${option}: ${what}`)
    }
  })

  it('are refused in addresses, whoever is to be dialled there', async () => {
    const at = (id: string): string => `/ip4/127.0.0.1/tcp/4100/p2p/${id}`
    const commands = [peerCommand(), headCommand(), handCommand(), nodeCommand(), accountCommand()]
    for (const command of commands) {
      const parse = optionsOf(command).get('--connect')
      assert.ok(parse, command.name())
      parse(at(good))
      for (const [what, text] of bad) assert.throws(() => parse(at(text)), `${command.name()}: ${what}`)
    }
    assert.equal((await targetOf(at(good))).kind, 'peer')
    assert.equal(addressFrom(at(good)), at(good))
    for (const [what, text] of bad) {
      await assert.rejects(targetOf(at(text)), what)
      assert.equal(addressFrom(at(text)), undefined, what)
    }
  })

  it('are refused in balances that a peer tells, of one account and in a list', async () => {
    const { peerId } = await signerNamed('somebody')
    const own = { id: peerId, balance: 5n }
    const read = (...balances: readonly Balance[]): void => {
      decodeAnswer(encodeAnswer({ kind: 'balances', balances }))
      for (const balance of balances) decodeAnswer(encodeAnswer({ kind: 'balance', ...balance }))
    }
    read(own)
    for (const [what, text] of bad) {
      if (!text.startsWith('1')) continue
      const wrong = { id: base58btc.decode(`z${text}`) as PeerIdBytes, balance: 5n }
      assert.throws(() => read(own, wrong), DecodeError, what)
      assert.throws(() => read(wrong), DecodeError, what)
    }
  })

  it('are refused in what a node says of itself and of others', async () => {
    const { peerId } = await signerNamed('somebody')
    const info = { role: 'follower', addresses: [], isMining: false, hashRate: 0, pool: 0 } as const
    const peers = [{ peerId, address: undefined, isConnected: true }]
    decodeNode(encodeNode({ ...info, peerId, peers }))
    for (const [what, text] of bad) {
      if (!text.startsWith('1')) continue
      const wrong = base58btc.decode(`z${text}`)
      const answer = encodeNode({ ...info, peerId, peers })
      assert.throws(() => decodeNode({ ...answer, peerId: wrong }), what)
      const [peer] = answer.peers
      assert.ok(peer)
      assert.throws(() => decodeNode({ ...answer, peers: [{ ...peer, peerId: wrong }] }), what)
    }
  })
})
