import assert from 'node:assert/strict'
import { present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { Program, type ToolResult, tool } from '../helpers/program.js'

const KEYS = {
  'rsa-2048': ['--type', 'RSA', '--bits', '2048'],
  'rsa-4096': ['--type', 'RSA', '--bits', '4096'],
  secp256k1: ['--type', 'secp256k1']
} as const

interface Answer {
  readonly peerId?: string
  readonly account?: string
  readonly balance?: string
  readonly sequence?: number
}

/** The last line of standard output. */
function answerOf({ stdout }: ToolResult): Answer {
  return JSON.parse(present(stdout.trim().split('\n').at(-1)))
}

describe('accounts of other keys than Ed25519', () => {
  const cleanup = new Cleanup(afterEach)

  it('from keygen on, by the tool alone: all pay and are paid, and the log verifies', async () => {
    const folder = await cleanup.folder()
    const done = async (...args: readonly string[]): Promise<ToolResult> => {
      const result = await tool(folder, ...args, '--json')
      assert.equal(result.code, 0, result.stderr)
      return result
    }
    const holders = await Promise.all(
      Object.entries(KEYS).map(async ([name, options]) => {
        const { peerId } = answerOf(await done('keygen', `${name}.key`, ...options))
        return { key: `${name}.key`, data: name, account: present(peerId) }
      })
    )
    const grants = holders.flatMap(({ account }) => ['--grant', `${account}=100`])
    await done('init', '--application', 'ledger', '--block-size', '1', '--least-fee', '1', ...grants)
    const sequencer = Program.start(cleanup, folder, [
      ...['--role', 'sequencer', '--json'],
      ...['--listen', '/ip4/127.0.0.1/tcp/0']
    ])
    await sequencer.times('started', 1)
    const connect = ['--connect', present(sequencer.of('started')[0]?.addresses?.[0])]

    await Promise.all(
      holders.map(({ key, data }, index) => {
        const to = present(holders[(index + 1) % holders.length]).account
        const amount = String(10 * (index + 1))
        return done('transfer', '--to', to, '--amount', amount, '--key', key, '--data', data, ...connect)
      })
    )
    await sequencer.times('block', holders.length)
    const shown = await Promise.all(
      holders.map(({ key, data }) => done('account', '--key', key, '--data', `${data}-asks`, ...connect))
    )
    assert.deepEqual(
      shown.map(answerOf).map(({ account, balance, sequence }) => ({ account, balance, sequence })),
      holders.map(({ account }, index) => {
        const [paid, received] = [10 * (index + 1), index === 0 ? 10 * holders.length : 10 * index]
        return { account, balance: String(100 - paid - 1 + received), sequence: 1 }
      })
    )
    sequencer.signal('SIGTERM')
    assert.deepEqual(await sequencer.exit(), { code: 0, signal: null })
    const verified = await done('verify', 'data/sequencer')
    assert.match(verified.stdout, /"valid":true,"height":3,"size":3/)
  })
})
