import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Block } from '#src/core/block.js'
import { LIMITS } from '#src/core/limits.js'
import { expectChain, type Network } from '#src/core/network.js'
import { Host } from '#src/network/host.js'
import { BlockQueries } from '#src/query/block-queries.js'
import { NotFound } from '#src/query/query-errors.js'
import { SequencerQueries } from '#src/query/sequencer-queries.js'
import { rulesOf } from '#src/rules/rules.js'
import { once } from '../scenario/checks.js'

/** Asks the running sequencer as a peer of its own, which verifies all it is told. What several checks need is asked once. */
export class Inquiry {
  readonly #host = once(async () => {
    const host = await Host.create({ key: await generateKeyPair('Ed25519'), listen: [], topics: [] })
    await host.start()
    return host
  })
  #isConnected = false

  readonly #peer = once(async () => {
    this.#isConnected = true
    return (await this.#host()).connect(this.address, AbortSignal.timeout(LIMITS.dialMs))
  })

  readonly asker = once(
    async () =>
      new BlockQueries(await this.#host(), await this.#peer(), rulesOf(expectChain(this.network)), () =>
        Date.now()
      )
  )

  readonly sequencerAsker = once(
    async () => new SequencerQueries(await this.#host(), await this.#peer(), this.network)
  )

  readonly status = once(async () => (await this.asker()).status())

  readonly head = once(async () => (await this.asker()).head())

  /** Blocks 1 to the head's height, each asked for by its index. */
  readonly blocks = once(async () => {
    const asker = await this.asker()
    const { height } = await this.status()
    const blocks: Block[] = []
    for (let index = 1; index <= height; index += 1) blocks.push(await asker.blockAt(index))
    return blocks
  })

  constructor(
    private readonly network: Network,
    private readonly address: string
  ) {}

  /** The detail of the refusal to find something. Throws if it is found after all. */
  static async notFound(what: string, asked: Promise<unknown>): Promise<string> {
    try {
      await asked
    } catch (error) {
      if (error instanceof NotFound) return error.message
      throw error
    }
    throw new Error(`${what} was found`)
  }

  async close(): Promise<void> {
    if (this.#isConnected) await (await this.#host()).stop()
  }
}
