import type { Completable, CompletableOption, Offer } from './completable.js'

export function fishScript(name: string, all: readonly Completable[]): string {
  const words = all.flatMap(({ words, commands }) => commands.map(part => quoted(`${words} ${part.name}`)))
  return `# Completion of ${name} for fish, made by: ${name} completion fish
function __${name}_at
    set -l at ${name}
    set -l typed (commandline -opc)
    for word in $typed[2..-1]
        if contains -- "$at $word" ${words.join(' ')}
            set at "$at $word"
        end
    end
    test "$at" = "$argv"
end
complete -c ${name} -f
${all.flatMap(completable => linesOf(name, completable)).join('\n')}
`
}

function linesOf(name: string, { words, commands, options, argument }: Completable): string[] {
  const there = `complete -c ${name} -n ${quoted(`__${name}_at ${words}`)}`
  return [
    ...commands.map(part => `${there} -a ${quoted(part.name)} -d ${quoted(part.description)}`),
    ...options.map(option => `${there} ${flagsOf(option)} -d ${quoted(option.description)}`),
    ...(argument === undefined ? [] : [`${there} ${offered(argument)}`])
  ]
}

function flagsOf({ flags, value }: CompletableOption): string {
  const names = flags.map(flag => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`))
  return [...names, ...(value === undefined ? [] : ['-r', offered(value)])].join(' ')
}

function offered(value: Offer): string {
  switch (value.kind) {
    case 'words':
      return `-f -a ${quoted(value.words.join(' '))}`
    case 'files':
      return '-F'
    case 'folders':
      return "-f -a '(__fish_complete_directories)'"
    case 'other':
      return '-f'
  }
}

/** As fish takes it for one word that means nothing but itself. */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
