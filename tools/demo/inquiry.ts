import type { Block } from '#src/core/block.js'
import type { Network } from '#src/core/network.js'
import { NotFound } from '#src/query/query-errors.js'
import { SequencerQueries } from '#src/query/sequencer-queries.js'
import type { Peer } from '../localnet/index.js'
import { once } from '../scenario/checks.js'
import { Observer } from '../scenario/observer.js'

/** Asks the running sequencer. What several checks need is asked once. */
export class Inquiry extends Observer {
  readonly asker = once(() => this.queries(this.sequencer))

  readonly sequencerAsker = once(
    async () => new SequencerQueries(await this.host(), await this.connect(this.sequencer), this.network)
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
    network: Network,
    private readonly sequencer: Peer
  ) {
    super(network)
  }

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
}
