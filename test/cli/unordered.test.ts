import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { Command } from 'commander'
import type { Database } from '#src/chain/store.js'
import { accountCommand } from '#src/cli/commands/account.js'
import { blockCommand, headCommand } from '#src/cli/commands/ask.js'
import { initCommand } from '#src/cli/commands/init.js'
import { transferCommand } from '#src/cli/commands/transfer.js'
import { UsageError } from '#src/cli/failure.js'
import { readNetwork } from '#src/cli/files.js'
import { parseJson } from '#src/cli/shapes.js'
import { makeUnorderedNetwork as writeUnordered } from '#src/cli/unordered-network.js'
import { verifySet } from '#src/cli/verify-set.js'
import { describeFault } from '#src/core/fault.js'
import { leafHash } from '#src/core/merkle.js'
import { present } from '../helpers/changes.js'
import { openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity, nameOf } from '../helpers/networks.js'
import { Program, type ToolResult, tool } from '../helpers/program.js'
import { makeUnorderedNetwork, RunningUnordered } from '../helpers/unordered.js'

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
    assert.equal(paid.stdout, `SUCCESS: 70 to ${to}, with a fee of 1; a peer has it, and tells the others\n`)
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
    await peer.stop()
    const verified = await tool(folder, 'verify', peer.folder, '--network', 'network.json')
    assert.equal(verified.code, 0, verified.stderr)
    assert.match(verified.stdout, new RegExp(`^VALID: 2 transfers\\ndigest    ${digest}\\n`))
    const found = await withForged(peer.folder, database => verifySet(database, net.network))
    assert.ok(found.kind === 'faulty')
    assert.match(describeFault(found.fault), /^message: .* bad signature: /)
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
    [
      'an account at a height',
      accountCommand(),
      [ALICE, '--height', '3'],
      /leave --height and --history out/
    ],
    ['the history of an account', accountCommand(), [ALICE, '--history'], /leave --height and --history out/],
    [
      'to wait for blocks',
      transferCommand(),
      ['--to', ALICE, '--amount', '1', '--wait', '2'],
      /leave --wait out/
    ]
  ] as const)
    it(`${what} is wrong usage, and it is said what to do`, async () => {
      const file = join(await cleanup.folder(), 'network.json')
      await writeUnordered(file, {})
      await assert.rejects(run(command, '--network', file, ...args), error => {
        assert.ok(error instanceof UsageError, String(error))
        assert.match(error.message, says)
        return true
      })
    })

  it('to order or to mine is wrong usage, and it is said what to do', async () => {
    const folder = await cleanup.folder()
    await writeUnordered(join(folder, 'none.json'), {})
    const programs = ['sequencer', 'miner'].map(role =>
      Program.start(cleanup, folder, ['--role', role, '--network', 'none.json'])
    )
    for (const program of programs) {
      assert.deepEqual(await program.exit(), { code: 2, signal: null })
      assert.match(program.stderr.join('\n'), /all its peers are equal: run one with --role follower/)
    }
  })
})
