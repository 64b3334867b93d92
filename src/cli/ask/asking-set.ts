import type { SetNetwork } from '../../core/network.js'
import { SetQueries } from '../../replication/set/set-queries.js'
import { printLine } from '../terminal/terminal.js'
import { type AskingOptions, oneOf, withConnection } from './asking.js'

/** Asks a peer of a network with no order. What it answers is its word: there is no header that proves it. */
export async function askingSet(
  options: AskingOptions,
  network: SetNetwork,
  use: (asker: SetQueries) => Promise<void>
): Promise<void> {
  await withConnection(oneOf(options), network, ({ host, peer }) => {
    if (!options.json) printLine('as this peer has it: nothing proves it, and others may know more')
    return use(new SetQueries(host, peer, network))
  })
}
