import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { ClassicLevel } from 'classic-level'
import { Chain } from '#src/chain/chain.js'
import { genesisCursor } from '#src/chain/cursor.js'
import { HeaderChain } from '#src/chain/header-chain.js'
import { Mempool } from '#src/chain/mempool.js'
import { type Block, readBlockHeader } from '#src/core/block.js'
import { type EnvelopeBytes, utf8 } from '#src/core/bytes.js'
import { signEnvelope } from '#src/core/envelope.js'
import { type Signer, signerOf, VerifierCache } from '#src/core/keys.js'
import { encodeMessage } from '#src/core/message.js'
import { expectChain } from '#src/core/network.js'
import { networkOf } from '#src/rules/network-document.js'
import type { Rules } from '#src/rules/rules.js'
import { rulesOf } from '#src/rules/rules.js'
import { messageRules } from '#src/validation/message-rules.js'
import { minedBranch } from './mined-branch.js'

export interface ForkFigures {
  readonly reorg: {
    readonly blocks: number
    readonly messages: number
    readonly ms: number
    /** The longest time in which nothing else could run, ms. */
    readonly longestBlockMs: number
  }
  /** With their signatures and their work. */
  readonly headersPerSecond: number
}

const BLOCKS = 100
const BLOCK_SIZE = 100
const HEADERS = 5_000
const START = 1_700_000_000_000
const INTERVAL = 1_000
/** Later than all of them. */
const NOW = START + 100 * HEADERS * INTERVAL

/** What it takes to move to another branch, and to look at the headers of one, without a network around it. */
export async function forkFigures(): Promise<ForkFigures> {
  const rules = rulesOf(
    expectChain(
      networkOf({
        tallystick: 1,
        name: 'bench',
        ordering: {
          type: 'work',
          start: START,
          interval: INTERVAL,
          halfLife: 86_400_000,
          target: '207fffff',
          easiest: '207fffff',
          blockSize: BLOCK_SIZE,
          emptyBlocks: true,
          maxReorg: BLOCKS
        },
        application: { type: 'messages', schema: { type: 'object' } },
        limits: { messageBytes: 4096 }
      })
    )
  )
  const miner = signerOf(await generateKeyPair('Ed25519'))
  return { reorg: await reorg(rules, miner), headersPerSecond: headersPerSecond(rules, miner) }
}

/** All blocks of one branch leave the main chain for those of another one, and all messages go to the pool and back. */
async function reorg(rules: Rules, miner: Signer): Promise<ForkFigures['reorg']> {
  const genesis = genesisCursor(rules)
  const ours = minedBranch(genesis, await messagesOf(rules, BLOCKS), miner, rules, INTERVAL)
  const theirs = minedBranch(genesis, await messagesOf(rules, BLOCKS + 1), miner, rules, INTERVAL)
  const folder = await mkdtemp(join(tmpdir(), 'tallystick-bench-'))
  const database = new ClassicLevel<Uint8Array, Uint8Array>(folder, {
    keyEncoding: 'view',
    valueEncoding: 'view'
  })
  try {
    const pool = await Mempool.open(database, messageRules(rules), new VerifierCache(), error => {
      throw error
    })
    const chain = await Chain.open(database, rules, pool)
    for (const block of ours) await chain.import(block, NOW)
    for (const block of theirs) {
      const delay = monitorEventLoopDelay({ resolution: 1 })
      delay.enable()
      const start = performance.now()
      const imported = await chain.import(block, NOW)
      const ms = performance.now() - start
      // The turn that has just ended counts too.
      await setTimeout(5)
      delay.disable()
      if (imported.kind !== 'reorganized') continue
      const { depth: blocks } = imported
      return { blocks, messages: blocks * BLOCK_SIZE, ms, longestBlockMs: delay.max / 1_000_000 }
    }
    throw new Error('the heavier branch was not taken')
  } finally {
    await database.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Of one author, so many blocks of them. */
async function messagesOf(rules: Rules, blocks: number): Promise<EnvelopeBytes[][]> {
  const author = signerOf(await generateKeyPair('Ed25519'))
  const body = utf8(JSON.stringify({ text: 'x'.repeat(300) }))
  let sequence = 0n
  return Array.from({ length: blocks }, () =>
    Array.from({ length: BLOCK_SIZE }, () => {
      sequence += 1n
      const claim = { network: rules.network.id, author: author.peerId, sequence, time: START }
      const message = encodeMessage({ ...claim, body: { kind: 'open', bytes: body } })
      return signEnvelope('message', message, author)
    })
  )
}

function headersPerSecond(rules: Rules, miner: Signer): number {
  const genesis = genesisCursor(rules)
  const empty = Array.from({ length: HEADERS }, () => [])
  const blocks: Block[] = minedBranch(genesis, empty, miner, rules, INTERVAL)
  const verifiers = new VerifierCache()
  const headers = new HeaderChain(rules, genesis)
  const start = performance.now()
  for (const { signed } of blocks) {
    const read = readBlockHeader(signed.envelope, signed.checkpoint, verifiers, rules.ordering)
    if (!read.ok || headers.add(read.signed, NOW) !== undefined) throw new Error('a header is not valid')
  }
  return (blocks.length * 1000) / (performance.now() - start)
}
