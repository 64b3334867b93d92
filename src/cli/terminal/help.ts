import { type Command, Help } from 'commander'

/** Columns that an option takes beside its description; one that is longer has a line of its own. */
const LONGEST_TERM = 30

/** Has the help of a command fit a terminal of 80 columns. */
export function fitHelp(command: Command): void {
  command.configureHelp({
    padWidth: (of, helper) => Math.min(LONGEST_TERM, usual.padWidth.call(helper, of, helper)),
    formatItem(term, width, description, helper) {
      const item = (name: string): string => usual.formatItem.call(helper, name, width, description, helper)
      return term.length <= width ? item(term) : `  ${term}\n${item('')}`
    }
  })
}

const usual = Help.prototype

/** Command lines that a person can type, each with what it does, below the help. */
export function withExamples(command: Command, examples: readonly Example[]): Command {
  if (examples.length === 0) return command
  const lines = examples.map(([line, what]) => `  ${line}${what === undefined ? '' : `\n      ${what}`}`)
  return command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`)
}

export type Example = readonly [line: string, what?: string]
