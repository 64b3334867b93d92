import { generateKeyPair } from '@libp2p/crypto/keys'
import { Command } from 'commander'
import { applicationOf } from '../applications/index.js'
import { genesisCursor } from '../chain/cursor.js'
import type { Block } from '../core/block.js'
import { LIMITS } from '../core/limits.js'
import { Host } from '../network/host.js'
import { Asker } from '../node/asker.js'
import { describeError } from '../node/events.js'
import { orderingOf } from '../orderings/index.js'
import { Failure } from './failure.js'
import { readNetwork } from './files.js'
import { LastSeenHeads } from './last-seen.js'
import { address, DEFAULTS } from './options.js'

/** What every asking command takes. */
export interface AskingOptions {
  readonly network: string
  readonly connect: string
  readonly data: string
  readonly json?: true
}

export function askingCommand(name: string): Command {
  return new Command(name)
    .option('--connect <multiaddr>', 'the peer to ask', address, DEFAULTS.sequencer)
    .option('--network <file>', 'the network document', DEFAULTS.network)
    .option('--data <dir>', 'where the head last seen is kept', 'data/tool')
    .option('--json', 'one JSON object on stdout')
}

/**
 * Connects as a peer of the moment, compares the head now with the head last seen, then asks. Nothing is
 * printed that has not been checked against the network document.
 */
export async function asking(
  options: AskingOptions,
  use: (asker: Asker, head: Block) => Promise<void>
): Promise<void> {
  const network = await readNetwork(options.network)
  const { document } = network
  const rules = { network, ordering: orderingOf(document), application: applicationOf(document) }
  const host = await Host.create({ key: await generateKeyPair('Ed25519'), listen: [], topics: [] })
  await host.start()
  try {
    const peer = await host.connect(options.connect, AbortSignal.timeout(LIMITS.dialMs)).catch(error => {
      throw new Failure(
        `nobody answers at ${options.connect} (${describeError(error)}); start the sequencer, or name another peer with --connect MULTIADDR`
      )
    })
    const asker = new Asker(host, peer, rules, () => Date.now())
    const head = await asker.head()
    const seen = new LastSeenHeads(options.data, network.id)
    const earlier = (await seen.read()) ?? genesisCursor(rules).signed.header
    await asker.consistency(earlier, head.signed.header)
    asker.tieTo(head.signed)
    await use(asker, head)
    await seen.write(head.signed)
  } finally {
    await host.stop()
  }
}
