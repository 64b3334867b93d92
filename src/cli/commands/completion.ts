import { Argument, Command } from 'commander'
import { bashScript } from '../completion/bash.js'
import { completablesOf } from '../completion/completable.js'
import { fishScript } from '../completion/fish.js'
import { zshScript } from '../completion/zsh.js'
import { printResult } from '../terminal/terminal.js'

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript }
const SHELLS = ['bash', 'zsh', 'fish'] as const

/** Its script is made of the commands that there are when it is run. */
export function completionCommand(): Command {
  return new Command('completion')
    .description('Prints a script that has a shell complete the commands and options of this tool.')
    .addArgument(new Argument('<shell>', 'for which shell').choices(SHELLS))
    .action((shell: (typeof SHELLS)[number], _, { parent }: Command) => {
      if (parent === null) throw new TypeError('the command is a part of the tool')
      const script = SCRIPTS[shell](parent.name(), completablesOf(parent))
      printResult(...script.trimEnd().split('\n'))
    })
}
