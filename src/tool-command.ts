import { Command } from 'commander'
import { benchCommand } from './bench/command.js'
import { accountCommand, accountsCommand } from './cli/commands/account.js'
import {
  blockCommand,
  checkpointCommand,
  countCommand,
  headCommand,
  previousCommand,
  proofCommand
} from './cli/commands/ask.js'
import { chainCommand } from './cli/commands/chain.js'
import { chatCommand } from './cli/commands/chat.js'
import { completionCommand } from './cli/commands/completion.js'
import { exportCommand } from './cli/commands/export.js'
import { handCommand } from './cli/commands/hand.js'
import { initCommand } from './cli/commands/init.js'
import { keygenCommand } from './cli/commands/keygen.js'
import { mineCommand, nodeCommand, shutdownCommand } from './cli/commands/node.js'
import { readCommand } from './cli/commands/read.js'
import { receiptCommand } from './cli/commands/receipt.js'
import { restoreCommand } from './cli/commands/restore.js'
import { submitCommand } from './cli/commands/submit.js'
import { transferCommand } from './cli/commands/transfer.js'
import { verifyCommand } from './cli/commands/verify.js'
import { withExamples } from './cli/help.js'
import { peerCommand } from './cli/peer-command.js'
import { demoCommand } from './demo/command.js'
import { networkCommand } from './manager/command.js'
import { soakCommand } from './soak/command.js'
import { EXAMPLES } from './tool-examples.js'

/** All commands of the tool, in the groups that its help shows. */
const GROUPS: readonly (readonly [heading: string, commands: readonly (() => Command)[]])[] = [
  ['Begin:', [initCommand, keygenCommand]],
  ['Write:', [submitCommand, transferCommand, chatCommand]],
  [
    'Ask a peer, and check what it says:',
    [
      countCommand,
      headCommand,
      blockCommand,
      previousCommand,
      readCommand,
      proofCommand,
      receiptCommand,
      checkpointCommand,
      chainCommand,
      accountCommand,
      accountsCommand
    ]
  ],
  ['Keep, verify, bring back:', [exportCommand, verifyCommand, restoreCommand]],
  [
    'Run and steer peers:',
    [
      () => peerCommand('tallystick peer'),
      networkCommand,
      nodeCommand,
      mineCommand,
      handCommand,
      shutdownCommand
    ]
  ],
  ['Try and measure:', [demoCommand, benchCommand, soakCommand]],
  ['The shell:', [completionCommand]]
]

/** The tool; `tallystick COMMAND --help` tells of one command. */
export function toolCommand(): Command {
  const program = new Command('tallystick').description(
    'An ordered, tamper-evident, confidential message log for peers that do not trust one another.'
  )
  for (const [heading, commands] of GROUPS)
    for (const command of commands) program.addCommand(command().helpGroup(heading))
  program.commandsGroup('The shell:').helpCommand('help [command]', 'Tells of one command.')
  addExamples(program, program.name())
  return program
}

/** To a command that is reached by these words, and to its parts. */
function addExamples(command: Command, words: string): void {
  withExamples(command, EXAMPLES[words] ?? [])
  for (const part of command.commands) addExamples(part, `${words} ${part.name()}`)
}
