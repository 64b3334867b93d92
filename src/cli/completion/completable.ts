import type { Argument, Command, Option } from 'commander'

/** What a shell may offer for a value. Nothing of `other` is known. */
export type Offer =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'files' | 'folders' | 'other' }

export interface CompletableOption {
  /** As they are typed: `-V`, `--version`. */
  readonly flags: readonly string[]
  readonly description: string
  /** Undefined where no value follows, or none needs to. */
  readonly value: Offer | undefined
}

/** What may follow a command, which is reached by these words: `tallystick network up`. */
export interface Completable {
  readonly words: string
  readonly commands: readonly { readonly name: string; readonly description: string }[]
  readonly options: readonly CompletableOption[]
  /** The first argument that is no option. */
  readonly argument: Offer | undefined
}

/** The command and all that are in it, as its help shows them: so nothing is offered that is not there. */
export function completablesOf(command: Command, words = command.name()): Completable[] {
  const help = command.createHelp()
  const parts = help.visibleCommands(command)
  return [
    {
      words,
      commands: parts.map(part => ({ name: part.name(), description: sentenceOf(part.description()) })),
      options: help.visibleOptions(command).map(optionOf),
      argument: command.registeredArguments.map(argumentOf)[0]
    },
    ...parts.flatMap(part => completablesOf(part, `${words} ${part.name()}`))
  ]
}

function optionOf({ short, long, description, required, flags, argChoices }: Option): CompletableOption {
  return {
    flags: [short, long].filter(flag => flag !== undefined),
    description: sentenceOf(description),
    value: required ? offerOf(/<(.*)>/.exec(flags)?.[1] ?? '', argChoices) : undefined
  }
}

function argumentOf(argument: Argument): Offer {
  return offerOf(argument.name(), argument.argChoices)
}

function offerOf(name: string, words: readonly string[] | undefined): Offer {
  if (words !== undefined) return { kind: 'words', words }
  if (['file', 'log', 'target'].includes(name)) return { kind: 'files' }
  return { kind: name === 'dir' ? 'folders' : 'other' }
}

/** The first one, without the mark at its end. */
function sentenceOf(description: string): string {
  return (/^.*?(?=[.:;]\s| \(|\.?$)/su.exec(description)?.[0] ?? '').replaceAll(/\s+/g, ' ').trim()
}
