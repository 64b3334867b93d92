import { Command } from 'commander'
import { accountCommand, accountsCommand } from '#src/cli/commands/account.js'
import {
  blockCommand,
  checkpointCommand,
  countCommand,
  headCommand,
  previousCommand,
  proofCommand
} from '#src/cli/commands/ask.js'
import { chainCommand } from '#src/cli/commands/chain.js'
import { chatCommand } from '#src/cli/commands/chat.js'
import { completionCommand } from '#src/cli/commands/completion.js'
import { exportCommand } from '#src/cli/commands/export.js'
import { handCommand } from '#src/cli/commands/hand.js'
import { initCommand } from '#src/cli/commands/init.js'
import { keygenCommand } from '#src/cli/commands/keygen.js'
import { mineCommand, nodeCommand, shutdownCommand } from '#src/cli/commands/node.js'
import { readCommand } from '#src/cli/commands/read.js'
import { receiptCommand } from '#src/cli/commands/receipt.js'
import { restoreCommand } from '#src/cli/commands/restore.js'
import { submitCommand } from '#src/cli/commands/submit.js'
import { transferCommand } from '#src/cli/commands/transfer.js'
import { verifyCommand } from '#src/cli/commands/verify.js'
import { peerCommand } from '#src/cli/peer/peer-command.js'
import { withExamples } from '#src/cli/terminal/help.js'
import { benchCommand } from './bench/command.js'
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
