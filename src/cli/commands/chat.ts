import { Command } from 'commander'
import { LOBBY } from '../../core/chat.js'
import { addresses, DEFAULTS } from '../options.js'
import { type ChatCommandOptions, runChat } from '../peer/chat-command.js'
import { withClosedNetworkOptions } from '../peer/closed-network.js'
import { stopController } from '../peer/run-peer.js'

export function chatCommand(): Command {
  const command = new Command('chat')
    .description('Talks with all who are in a room, without showing who says what.')
    .option(
      '--connect <address>',
      'who is there already, host:port or a multiaddr; repeatable (default: asks)',
      addresses
    )
    .option('--no-connect', 'begin a network of its own, and ask nothing')
    .option(
      '--listen <address>',
      `where others may join; repeatable (default: ${DEFAULTS.anyPort})`,
      addresses
    )
    .option('--room <name>', `the room (default: ${LOBBY})`)
    .option('--network <file>', 'the room of the network with this document instead')
    .option('--key <file>', 'the libp2p private key (default: a new one, for this time alone)')
  return withClosedNetworkOptions(command)
    .option('--json', 'one JSON object a line on stdout')
    .action((options: ChatCommandOptions) => runChat(options, stopController()))
}
