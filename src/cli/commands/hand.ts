import { Command } from 'commander'
import { ChainHandler, type ServedChain } from '../../api/chain-handler.js'
import { Chain } from '../../chain/chain.js'
import { toHex } from '../../core/bytes.js'
import { LIMITS } from '../../core/limits.js'
import { NodeQueries, type OfferAnswer } from '../../query/node-queries.js'
import type { Rules } from '../../rules/rules.js'
import { QueryServer } from '../../serve/query-server.js'
import { type ConnectingOptions, withConnection } from '../ask/asking.js'
import type { Log } from '../ask/chain-audit.js'
import { withLog } from '../ask/chain-source.js'
import { ServedLog } from '../ask/served-log.js'
import { type Target, targetOf } from '../ask/target.js'
import { Failure, UsageError } from '../failure.js'
import { address, DEFAULTS } from '../options.js'
import { withSwarmKeyOption } from '../peer/closed-network.js'
import { printJson, printLine, printResult } from '../terminal/terminal.js'

interface HandOptions extends ConnectingOptions {
  readonly network?: string
  readonly json?: true
}

export function handCommand(): Command {
  return withSwarmKeyOption(new Command('hand'))
    .description(
      'Hands a chain to a node of a network of equals, which takes it if it is valid and heavier than its own.'
    )
    .argument('<log>', "a file that `export` wrote, or a stopped peer's folder")
    .option('--connect <address>', 'the node', address, DEFAULTS.sequencer)
    .option('--network <file>', `the network document (default: ${DEFAULTS.network})`)
    .option(
      '--key <file>',
      'the private key to come with, where a peer takes members only (default: a new one)'
    )
    .option('--json', 'one JSON object on stdout')
    .action(hand)
}

async function hand(name: string, options: HandOptions): Promise<void> {
  const target = await targetOf(name)
  if (target.kind === 'peer')
    throw new UsageError(
      `${name} is a peer; name a file or a folder, or get a file with: tallystick export FILE --connect ${name}`
    )
  const { network } = options
  await withLog(target, { data: '', ...(network && { network }) }, source =>
    withServed(target, source, async chain => {
      const { height } = chain.head().header
      if (height === 0) throw new Failure('ERR_WRONG_CONTENT', `${name} holds no block but the genesis`)
      if (!options.json) printLine(`${name} has ${height} blocks of weight ${chain.weight()}`)
      tell(await offer(chain, source.rules, options), options)
    })
  )
}

/** A folder is verified as at each start; what is in a file, the node finds out. */
async function withServed(
  { kind, name }: Exclude<Target, { readonly kind: 'peer' }>,
  { rules, database }: Log,
  use: (chain: ServedChain) => Promise<void>
): Promise<void> {
  if (kind === 'folder' && database !== undefined) return use(await Chain.open(database, rules))
  const log = await ServedLog.open(name, rules)
  try {
    await use(log)
  } finally {
    await log.close()
  }
}

/** Serves the chain on the connection over which it is offered, until the node has made up its mind. */
function offer(chain: ServedChain, { network }: Rules, options: HandOptions): Promise<OfferAnswer> {
  return withConnection(options, network, async ({ host, peer }) => {
    const server = new QueryServer(host, {
      network: network.id,
      handlers: [new ChainHandler(chain, () => 0)],
      clock: () => performance.now(),
      // It is asked for as much as the node likes.
      rate: { perSecond: LIMITS.queryRate.burst, burst: LIMITS.queryRate.burst }
    })
    await server.start()
    try {
      const { header, id } = chain.head()
      const claim = { height: header.height, id, weight: chain.weight() }
      return await new NodeQueries(host, peer, network.id).offer(claim)
    } finally {
      await server.stop()
    }
  })
}

function tell(answer: OfferAnswer, { json }: HandOptions): void {
  if (answer.kind === 'taken') {
    const { height, id } = answer
    if (json) printJson({ taken: true, height, id: toHex(id) })
    else
      printResult(`SUCCESS: the node says that it has taken it; its head is block ${height}, id ${toHex(id)}`)
    return
  }
  const { reason, detail } = answer
  process.exitCode = 1
  if (json) printJson({ taken: false, reason, detail })
  else printResult(`NOT TAKEN: ${reason}: ${detail}`)
}
