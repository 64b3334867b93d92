import assert from 'node:assert/strict'
import { readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { Command } from 'commander'
import { transferId } from '#src/applications/ledger/transfer-set.js'
import type { Database } from '#src/chain/store.js'
import { withSource } from '#src/cli/ask/by-kind.js'
import { SetSource } from '#src/cli/ask/set-source.js'
import type { Verified } from '#src/cli/ask/source.js'
import { accountCommand } from '#src/cli/commands/account.js'
import { blockCommand, headCommand } from '#src/cli/commands/ask.js'
import { initCommand } from '#src/cli/commands/init.js'
import { transferCommand } from '#src/cli/commands/transfer.js'
import { UsageError } from '#src/cli/failure.js'
import { writeExport } from '#src/cli/files/export-file.js'
import { readNetwork } from '#src/cli/files/files.js'
import { makeNetwork } from '#src/cli/make-network.js'
import { parseJson } from '#src/cli/terminal/shapes.js'
import { type EnvelopeBytes, toHex } from '#src/core/bytes.js'
import { describeFault } from '#src/core/fault.js'
import { peerIdToString } from '#src/core/keys.js'
import { leafHash } from '#src/core/merkle.js'
import { encodeMessage } from '#src/core/message.js'
import { envelopesOf } from '../helpers/authors.js'
import { flipped } from '../helpers/bytes.js'
import { present } from '../helpers/changes.js'
import { openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity, nameOf } from '../helpers/networks.js'
import { Payer } from '../helpers/payers.js'
import { Program, type ToolResult, tool } from '../helpers/program.js'
import { Customer, makeUnorderedNetwork, RunningUnordered } from '../helpers/unordered.js'

const ALICE = '12D3KooWQaGpobsHYPtfSJhZSijnsBCHNWLDS9jEGPRM34HaAT91'

function run(command: Command, ...args: readonly string[]): Promise<unknown> {
  return command
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .parseAsync(args, { from: 'user' })
}

describe('the tool where there is no order', () => {
  const cleanup = new Cleanup(afterEach)

  it('pays, overdraws, asks a peer what it knows, and verifies its folder', async () => {
    const [alice, bob] = [await identity('alice'), await identity('bob')]
    const net = await makeUnorderedNetwork({ alice: 100n }, { leastFee: 1n })
    const peer = await RunningUnordered.start(cleanup, net, 'peer')
    const folder = await cleanup.folder()
    await writeFile(join(folder, 'network.json'), JSON.stringify(net.network.document))
    await writeFile(join(folder, 'alice.key'), privateKeyToProtobuf(alice), { mode: 0o600 })
    const ask = (...args: readonly string[]): Promise<ToolResult> =>
      tool(folder, ...args, '--network', 'network.json', '--connect', peer.address)

    const to = nameOf(bob)
    const paid = await ask('transfer', '--to', to, '--amount', '70', '--key', 'alice.key', '--data', 'alice')
    assert.equal(paid.code, 0, paid.stderr)
    assert.equal(paid.stdout, `SUCCESS: 70 to ${to}, with a fee of 1; a peer says that it has it\n`)
    const said = JSON.stringify({ to, amount: '70' })
    const again = await ask('submit', said, '--key', 'alice.key', '--data', 'alice')
    assert.equal(again.code, 0, again.stderr)
    const cheap = JSON.stringify({ to, amount: '70', fee: '0' })
    const refused = await ask('submit', cheap, '--key', 'alice.key', '--data', 'alice')
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /fee too low/)

    const [count, account, accounts] = await Promise.all([
      ask('count', '--json'),
      ask('account', '--key', 'alice.key', '--json'),
      ask('accounts', '--json')
    ])
    assert.deepEqual(parseJson(count.stdout), { transfers: 2, digest: peer.digest })
    assert.deepEqual(parseJson(account.stdout), { account: nameOf(alice), balance: '-42' })
    const all = [
      { account: nameOf(alice), balance: '-42' },
      { account: to, balance: '140' }
    ]
    assert.deepEqual(parseJson(accounts.stdout), {
      supply: '98',
      accounts: all.sort((one, other) => (one.account < other.account ? -1 : 1))
    })

    const { digest } = peer
    const [node, chain] = await Promise.all([ask('node'), ask('chain')])
    assert.match(node.stdout, /^node {6}\S+\nrole {6}follower\nlistens [^\n]+\npeers /, 'no mining, no pool')
    assert.equal(chain.code, 2)
    assert.match(chain.stderr, /has no order, and so no blocks.*tallystick export FILE/)
    await peer.stop()
    const verified = await tool(folder, 'verify', peer.folder, '--network', 'network.json')
    assert.equal(verified.code, 0, verified.stderr)
    assert.match(verified.stdout, new RegExp(`^VALID: 2 transfers\\ndigest    ${digest}\\n`))
    const found = await withForged(peer.folder, async database =>
      new SetSource(net.network, { kind: 'folder', database }).verify()
    )
    assert.match(describeFault(present(found.fault)), /^message: .* bad signature: /)
  })

  /** A signature is none, and what is stored with it fits. */
  async function withForged<T>(folder: string, use: (database: Database) => Promise<T>): Promise<T> {
    const database = await openDatabase(folder)
    const [key, value] = present((await database.iterator({ lt: Buffer.from('n'), limit: 1 }).all())[0])
    const envelope = Uint8Array.from(value.subarray(8))
    envelope.set([present(envelope.at(-1)) ^ 1], envelope.length - 1)
    await database.put(key, Buffer.concat([leafHash(envelope).subarray(0, 8), envelope]))
    return use(database).finally(() => database.close())
  }

  it('shows the transfers of an account, gets all of them into a file, and verifies that and a running peer', async () => {
    const net = await makeUnorderedNetwork({ alice: 100n }, { leastFee: 1n })
    const peer = await RunningUnordered.start(cleanup, net, 'peer')
    const [alice, bob, carol] = [
      await Payer.create(net, 'alice'),
      await Payer.create(net, 'bob'),
      await Payer.create(net, 'carol')
    ]
    const customer = await Customer.of(cleanup, peer)
    const payments = [
      alice.pay(bob, 70n, { fee: 1n }),
      bob.pay(alice, 5n, { fee: 2n }),
      alice.pay(alice, 3n, { fee: 1n }),
      carol.pay(bob, 9n, { fee: 1n })
    ]
    await customer.handIn(...payments)
    const folder = await cleanup.folder()
    await writeFile(join(folder, 'network.json'), JSON.stringify(net.network.document))
    const name = (of: Payer): string => peerIdToString(of.peerId)
    const ask = (...args: readonly string[]): Promise<ToolResult> =>
      tool(folder, ...args, '--network', 'network.json', '--connect', peer.address)

    const [history, exported, asked] = await Promise.all([
      ask('account', name(alice), '--history', '--json'),
      ask('export', 'set.tally', '--json'),
      tool(folder, 'verify', peer.address, '--network', 'network.json')
    ])
    assert.equal(history.code, 0, history.stderr)
    const lines = history.stdout.trim().split('\n').map(parseJson)
    const set = { size: 4, digest: peer.digest }
    assert.deepEqual(lines.pop(), { account: name(alice), balance: '33', transfers: 3, ...set })
    const shown = [
      { kind: 'sent', other: name(bob), sequence: 1, amount: '70', fee: '1' },
      { kind: 'received', other: name(bob), sequence: 1, amount: '5', fee: '2' },
      { kind: 'kept', other: name(alice), sequence: 2, amount: '3', fee: '1' }
    ]
    const ids = payments.map(({ message }) => toHex(transferId(encodeMessage(message))))
    const expected = shown.map((movement, index) => ({ id: present(ids[index]), ...movement }))
    assert.deepEqual(
      lines,
      expected.toSorted((one, other) => (one.id < other.id ? -1 : 1))
    )
    const { length } = await readFile(join(folder, 'set.tally'))
    assert.deepEqual(parseJson(exported.stdout), { file: 'set.tally', ...set, bytes: length })
    const valid = `VALID: 4 transfers\ndigest    ${peer.digest}\nnetwork   ${toHex(net.network.id)}\n`
    assert.deepEqual([asked.code, asked.stdout], [0, valid])

    await peer.stop()
    const from = ['--network', 'network.json', '--from']
    const [file, stored, again] = await Promise.all([
      tool(folder, 'verify', 'set.tally'),
      tool(folder, 'export', 'again.tally', ...from, peer.folder),
      tool(folder, 'account', name(carol), '--history', ...from, 'set.tally')
    ])
    assert.deepEqual([file.code, file.stdout], [0, valid])
    assert.equal(stored.code, 0, stored.stderr)
    const files = await Promise.all(['set', 'again'].map(of => readFile(join(folder, `${of}.tally`))))
    assert.deepEqual(files[0], files[1], 'both in the order of the ids')
    assert.match(again.stdout, /^\S+… {2}- +9 {2}to \S+, transfer 1, fee 1\nVALID: \S+ has -10, by 1 of 4 /)
    assert.match(again.stdout, /which have no order/)
  })

  for (const [what, change, fault] of [
    ['a bit that has changed', frames => [flipped(present(frames[0]), -1)], /^message: .*bad signature/],
    ['a transfer that is there twice', frames => [...frames, present(frames[1])], /^duplicate: /],
    ['bytes that are no transfer', () => [new Uint8Array(40)], /^message: .*bad encoding/],
    ['a transfer that is longer than any', () => [new Uint8Array(5_000)], /^message: .*too large/]
  ] as const satisfies readonly (readonly [string, (frames: EnvelopeBytes[]) => Uint8Array[], RegExp])[])
    it(`verify: the first fault of a set in a file is named: ${what}`, async () => {
      const { write, envelopes, verdict } = await setFile()
      await write(change(envelopes))
      assert.match(describeFault(present((await verdict()).fault)), fault)
    })

  it('verify: a set in a file that was cut short is not valid, and one of another network is not read', async () => {
    const { write, envelopes, verdict, file } = await setFile()
    await write(envelopes)
    const whole = await verdict()
    assert.deepEqual([whole.fault, whole.size], [undefined, 2])
    await truncate(file, (await readFile(file)).length - 5)
    const cut = await verdict()
    assert.deepEqual([present(cut.fault).kind, cut.size], ['encoding', 1])
    const other = await makeUnorderedNetwork({}, { name: 'another' })
    const named = join(await cleanup.folder(), 'other.json')
    await writeFile(named, JSON.stringify(other.network.document))
    await assert.rejects(verdict(named), /is of another network than/)
  })

  /** Two transfers, and a file that anything can be written to as if it was a set. */
  async function setFile() {
    const net = await makeUnorderedNetwork({ alice: 100n })
    const alice = await Payer.create(net, 'alice')
    const envelopes = envelopesOf([alice.pay(alice, 1n), alice.pay(alice, 2n)])
    const folder = await cleanup.folder()
    const file = join(folder, 'set.tally')
    const network = join(folder, 'network.json')
    await writeFile(network, JSON.stringify(net.network.document))
    const verdict = (known = network): Promise<Verified> =>
      withSource({ kind: 'file', name: file }, { network: known, data: folder }, source => source.verify())
    async function* each(of: readonly Uint8Array[]): AsyncIterable<EnvelopeBytes> {
      for (const envelope of of) yield envelope as EnvelopeBytes
    }
    const write = (of: readonly Uint8Array[]): Promise<number> =>
      writeExport({ path: file, ifThere: 'replace' }, net.network, each(of))
    return { file, envelopes, write, verdict }
  }

  it('init: a network with no order is a ledger, and nobody has to have anything', async () => {
    const folder = await cleanup.folder()
    const none = ['init', '--ordering', 'none', '--name', 'tabs', '--json']
    const more = ['--application', 'ledger', '--grant', `${ALICE}=5`, '--least-fee', '2']
    const [plain, granted] = await Promise.all([
      tool(folder, ...none, '--network', 'plain.json'),
      tool(folder, ...none, '--network', 'granted.json', ...more)
    ])
    assert.deepEqual([plain.code, granted.code], [0, 0], plain.stderr + granted.stderr)
    const { document } = await readNetwork(join(folder, 'plain.json'))
    assert.deepEqual([document.name, document.ordering], ['tabs', { type: 'none' }])
    assert.deepEqual(document.application, { type: 'ledger', accounts: {} })
    const { application } = (await readNetwork(join(folder, 'granted.json'))).document
    assert.deepEqual(application, { type: 'ledger', accounts: { [ALICE]: '5' }, leastFee: '2' })
  })

  for (const [what, wrong] of Object.entries({
    'messages without an order': ['--application', 'messages'],
    'a size of blocks where there are none': ['--block-size', '5'],
    'a reward for blocks where there are none': ['--reward', '5'],
    'the key of a sequencer where there is none': ['--key', 'x.key']
  }))
    it(`init: ${what} is wrong usage`, async () => {
      const file = join(await cleanup.folder(), 'network.json')
      await assert.rejects(run(initCommand(), '--ordering', 'none', '--network', file, ...wrong), UsageError)
    })

  for (const [what, command, args, says] of [
    ['its head', headCommand(), [], /has no order, and so no blocks.*tallystick count/],
    ['a block', blockCommand(), ['1'], /has no order, and so no blocks.*tallystick count/],
    ['an account at a height', accountCommand(), [ALICE, '--height', '3'], /leave --height out/],
    [
      'to wait for blocks',
      transferCommand(),
      ['--to', ALICE, '--amount', '1', '--wait', '2'],
      /leave --wait out/
    ]
  ] as const)
    it(`${what} is wrong usage, and it is said what to do`, async () => {
      const file = join(await cleanup.folder(), 'network.json')
      await makeNetwork({ network: file, key: 'none.key' }, 'none')
      await assert.rejects(run(command, '--network', file, ...args), error => {
        assert.ok(error instanceof UsageError, String(error))
        assert.match(error.message, says)
        return true
      })
    })

  it('to order or to mine is wrong usage, and it is said what to do', async () => {
    const folder = await cleanup.folder()
    await makeNetwork({ network: join(folder, 'none.json'), key: 'none.key' }, 'none')
    const programs = ['sequencer', 'miner'].map(role =>
      Program.start(cleanup, folder, ['--role', role, '--network', 'none.json'])
    )
    for (const program of programs) {
      assert.deepEqual(await program.exit(), { code: 2, signal: null })
      assert.match(program.stderr.join('\n'), /all its peers are equal: run one with --role follower/)
    }
  })
})
