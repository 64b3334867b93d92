import { Chain } from '#src/chain/chain.js'
import type { Database } from '#src/chain/store.js'
import type { SignedHeader } from '#src/core/block.js'
import { Host } from '#src/network/host.js'
import { topicsOf } from '#src/network/names.js'
import { Producer } from '#src/node/producer.js'
import { EPOCH } from './blocks.js'
import { PATIENCE, present } from './changes.js'
import { TestLog } from './logs.js'
import type { TestNetwork } from './networks.js'

/** A sequencer's chain, journal and producer on a real database, with a real host that nobody has dialled. */
export class ProducingLog extends TestLog {
  /** Blocks that were announced since the log was opened. */
  readonly announced: SignedHeader[] = []
  #producer: Producer | undefined
  #host: Host | undefined

  /** Opens a log as the sequencer does at its start. Close it whatever happens. */
  static async start(net: TestNetwork, database: Database): Promise<ProducingLog> {
    const log = new ProducingLog(net, database, await Chain.open(database, net.rules))
    await log.open()
    const topics = topicsOf(net.network.id)
    const host = await Host.create({ key: net.key, listen: [], topics: Object.values(topics) })
    await host.start()
    log.#host = host
    let time = 0
    log.#producer = new Producer({
      chain: log.chain,
      journal: log.journal,
      queue: log.queue,
      signer: net.signer,
      host,
      topic: topics.blocks,
      // Time passes: the same block made twice would be two blocks.
      now: () => EPOCH + time++,
      clock: () => 0,
      report: event => {
        if (event.event === 'block') log.announced.push(event.signed)
        log.changed()
      },
      failed: error => {
        log.failures.push(error)
        log.changed()
      }
    })
    await log.#producer.start()
    return log
  }

  /** Resolves when there are as many receipts and blocks since the start, or when the disk has failed. */
  async reaches(receipts: number, blocks: number): Promise<void> {
    await this.until(
      `${receipts} receipts and ${blocks} blocks`,
      () => this.failures.length > 0 || (this.receipts.size >= receipts && this.announced.length >= blocks),
      2 * PATIENCE
    )
  }

  /** As the sequencer stops: what was taken is written, then no block is cut any more. */
  async close(): Promise<void> {
    await this.queue.close()
    await present(this.#producer).stop()
    await present(this.#host).stop()
  }

  protected override changed(): void {
    super.changed()
    this.#producer?.wake()
  }
}
