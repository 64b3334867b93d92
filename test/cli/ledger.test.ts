import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { Command } from 'commander'
import { accountCommand } from '#src/cli/commands/account.js'
import { initCommand } from '#src/cli/commands/init.js'
import { transferCommand } from '#src/cli/commands/transfer.js'
import { UsageError } from '#src/cli/failure.js'
import { readNetwork } from '#src/cli/files/files.js'
import { toHex } from '#src/core/bytes.js'
import { signerOf } from '#src/core/keys.js'
import { expectChain } from '#src/core/network.js'
import { rulesOf } from '#src/rules/rules.js'
import { present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity, makeNetwork, nameOf, rsaIdentity, sequencerSectionOf } from '../helpers/networks.js'
import { Payer } from '../helpers/payers.js'
import { RunningSequencer } from '../helpers/peers.js'
import { type ToolResult, tool } from '../helpers/program.js'
import { RawPeer } from '../helpers/raw-peer.js'

const ALICE = '12D3KooWQaGpobsHYPtfSJhZSijnsBCHNWLDS9jEGPRM34HaAT91'
const BOB = '12D3KooWEW9kDySTYTWGc7u8S5fHccW2tHH9y9jwrucEKM5JGvTL'

interface Line {
  readonly event?: string
  readonly supply?: string
  readonly messages?: unknown
}

/** Each line of standard output. */
function lines({ stdout }: ToolResult): Line[] {
  return stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
}

describe('the tool on a ledger', () => {
  const cleanup = new Cleanup(afterEach)

  it('an account of an RSA key pays, and is shown with all that happened to it', async () => {
    const [rsa, bob] = [await rsaIdentity(), await identity('bob')]
    const net = await makeNetwork({
      blockSize: 1,
      ledger: { type: 'ledger', accounts: { [nameOf(rsa)]: '1000' }, leastFee: '2' }
    })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const folder = await cleanup.folder()
    await writeFile(join(folder, 'network.json'), JSON.stringify(net.network.document))
    await writeFile(join(folder, 'rsa.key'), privateKeyToProtobuf(rsa), { mode: 0o600 })
    const ask = (...args: readonly string[]): Promise<ToolResult> =>
      tool(folder, ...args, '--network', 'network.json', '--connect', sequencer.address)
    const transfer = (amount: string, ...args: readonly string[]): Promise<ToolResult> =>
      ask('transfer', '--to', nameOf(bob), '--amount', amount, '--key', 'rsa.key', '--data', 'rsa', ...args)

    const paid = await transfer('100')
    assert.equal(paid.code, 0, paid.stderr)
    assert.equal(paid.stdout, `SUCCESS: 100 to ${nameOf(bob)}, with a fee of 2; at position 0\n`)
    await sequencer.events.times('block', 1)
    const payer = await Payer.create(net, bob)
    const peer = await RawPeer.connect(cleanup, net, sequencer.address, bob)
    await peer.publish(payer.pay({ peerId: signerOf(rsa).peerId }, 40n, { fee: 3n }).envelope)
    await sequencer.events.times('block', 2)

    const [over, account, accounts, history, block] = await Promise.all([
      transfer('937', '--json'),
      ask('account', '--key', 'rsa.key', '--json', '--data', 'tool1'),
      ask('accounts', '--json', '--data', 'tool2'),
      ask('account', nameOf(bob), '--history', '--json', '--data', 'tool3'),
      ask('block', '2', '--json', '--data', 'tool4')
    ])
    assert.equal(over.code, 1)
    assert.deepEqual(
      lines(over).find(({ event }) => event === 'refused'),
      {
        event: 'refused',
        sequence: null,
        reason: 'overdraft',
        detail: '939 with the fee; the account has 938 as of block 2'
      }
    )
    const { header, id } = present(sequencer.blocks[1])
    const place = { height: 2, id: toHex(id), state: toHex(header.state) }
    assert.deepEqual(lines(account), [{ account: nameOf(rsa), balance: '938', sequence: 1, ...place }])
    assert.equal(lines(accounts)[0]?.supply, '1000')
    const entries = [
      { kind: 'received', position: 0, other: nameOf(rsa), sequence: 1, amount: '100', fee: '2' },
      { kind: 'sent', position: 1, other: nameOf(rsa), sequence: 1, amount: '40', fee: '3' }
    ]
    assert.deepEqual(lines(history), [
      ...entries.map((entry, index) => {
        const { height, time } = present(sequencer.blocks[index]).header
        return { height, time, ...entry }
      }),
      { account: nameOf(bob), height: 2, balance: '57', sequence: 1 }
    ])
    const { messages } = present(lines(block)[0])
    assert.ok(Array.isArray(messages))
    const [{ to, amount, fee }] = messages
    assert.deepEqual([to, amount, fee], [nameOf(rsa), '40', '3'])
  })

  it('init: who has what at first, what a block makes and the least fee are in the document', async () => {
    const folder = await cleanup.folder()
    const made = await tool(
      folder,
      ...['init', '--ordering', 'work', '--application', 'ledger', '--reward', '50', '--least-fee', '1'],
      ...['--grant', `${ALICE}=1000`, '--grant', `${BOB}=18446744073709550615`]
    )
    assert.equal(made.code, 0, made.stderr)
    const network = await readNetwork(join(folder, 'config/network.json'))
    assert.deepEqual(network.document.application, {
      type: 'ledger',
      accounts: { [ALICE]: '1000', [BOB]: '18446744073709550615' },
      reward: '50',
      leastFee: '1'
    })
    assert.equal(rulesOf(expectChain(network)).application.isStateless, false)
  })

  for (const [what, timeout, more] of [
    ['a second', 1_000, []],
    ['as long as it is told', 70, ['--block-timeout', '70']]
  ] as const)
    it(`init: where there is a sequencer a transfer waits for others ${what}, and then is in a block`, async () => {
      const folder = await cleanup.folder()
      const made = await tool(folder, 'init', '--application', 'ledger', '--grant', `${ALICE}=1`, ...more)
      assert.equal(made.code, 0, made.stderr)
      const section = sequencerSectionOf(await readNetwork(join(folder, 'config/network.json')))
      assert.equal(section.blockTimeout, timeout)
    })

  function run(command: Command, ...args: readonly string[]): Promise<unknown> {
    return command
      .exitOverride()
      .configureOutput({ writeErr: () => undefined })
      .parseAsync(args, { from: 'user' })
  }

  it('says where there is no ledger, and does not send to another peer', async () => {
    const folder = await cleanup.folder()
    const { network } = await makeNetwork({ name: 'words' })
    await writeFile(join(folder, 'network.json'), JSON.stringify(network.document))
    for (const command of [['account', ALICE], ['accounts']]) {
      const { code, stderr } = await tool(folder, ...command, '--network', 'network.json')
      assert.equal(code, 1)
      assert.equal(stderr, 'error: "words" keeps no ledger, so that there are no accounts\n')
    }
  })

  const grant = ['--application', 'ledger', '--grant', `${ALICE}=5`] as const
  for (const [what, wrong] of Object.entries({
    'a ledger in which nobody has anything': ['--application', 'ledger'],
    'a grant without a ledger': ['--grant', `${ALICE}=5`],
    'a schema with a ledger': [...grant, '--schema', 'x.json'],
    'a reward from a sequencer': [...grant, '--reward', '5'],
    'an account that is granted twice': [...grant, '--grant', `${ALICE}=6`]
  }))
    it(`init: ${what} is wrong usage`, async () => {
      const file = join(await cleanup.folder(), 'network.json')
      await assert.rejects(run(initCommand(), '--network', file, ...wrong), UsageError)
    })

  for (const [what, command, args] of [
    ['an amount that is no number', transferCommand(), ['--to', ALICE, '--amount', '1.5']],
    ['an amount below nothing', transferCommand(), ['--to', ALICE, '--amount', '-5']],
    ['an amount past a u64', transferCommand(), ['--to', ALICE, '--amount', '18446744073709551616']],
    ['a receiver that is no PeerId', transferCommand(), ['--to', 'alice', '--amount', '1']],
    ['a transfer to nobody', transferCommand(), ['--amount', '1']],
    ['an account that is no PeerId', accountCommand(), ['alice']],
    ['a folder without a history', accountCommand(), [ALICE, '--from', 'data']],
    ['a history at one height', accountCommand(), [ALICE, '--history', '--height', '3']]
  ] as const)
    it(`${what} is wrong usage`, () => assert.rejects(run(command, ...args)))
})
