// Node 20 lacks what js-libp2p 3 needs; this comes before anything of libp2p's.
import 'core-js/actual/promise/with-resolvers.js'
import { Command } from 'commander'
import { benchCommand } from '../bench/command.js'
import { accountCommand, accountsCommand } from '../cli/commands/account.js'
import {
  blockCommand,
  checkpointCommand,
  countCommand,
  headCommand,
  previousCommand,
  proofCommand
} from '../cli/commands/ask.js'
import { chainCommand } from '../cli/commands/chain.js'
import { chatCommand } from '../cli/commands/chat.js'
import { exportCommand } from '../cli/commands/export.js'
import { handCommand } from '../cli/commands/hand.js'
import { initCommand } from '../cli/commands/init.js'
import { keygenCommand } from '../cli/commands/keygen.js'
import { mineCommand, nodeCommand, shutdownCommand } from '../cli/commands/node.js'
import { restoreCommand } from '../cli/commands/restore.js'
import { submitCommand } from '../cli/commands/submit.js'
import { transferCommand } from '../cli/commands/transfer.js'
import { verifyCommand } from '../cli/commands/verify.js'
import { run } from '../cli/run.js'
import { demoCommand } from '../demo/command.js'
import { networkCommand } from '../manager/command.js'
import { soakCommand } from '../soak/command.js'

const program = new Command('tallystick').description(
  'An ordered, tamper-evident, confidential message log for peers that do not trust one another.'
)
for (const command of [
  initCommand(),
  keygenCommand(),
  submitCommand(),
  transferCommand(),
  accountCommand(),
  accountsCommand(),
  chatCommand(),
  countCommand(),
  headCommand(),
  blockCommand(),
  previousCommand(),
  proofCommand(),
  checkpointCommand(),
  chainCommand(),
  exportCommand(),
  verifyCommand(),
  restoreCommand(),
  networkCommand(),
  handCommand(),
  nodeCommand(),
  mineCommand(),
  shutdownCommand(),
  demoCommand(),
  benchCommand(),
  soakCommand()
])
  program.addCommand(command)

await run(program)
