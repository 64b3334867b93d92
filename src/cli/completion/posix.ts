import type { Completable, Offer } from './completable.js'

/** What the scripts for bash and zsh have in common. */

/** As a shell takes it for one word that means nothing but itself. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** The lines of a `case` on "$at $word" that follow the words of commands. */
export function casesOfWords(all: readonly Completable[]): string {
  const words = all.flatMap(({ words, commands }) => commands.map(({ name }) => quoted(`${words} ${name}`)))
  return `      ${words.join(' | \\\n      ')}) at="$at $word" ;;`
}

/** The lines of a `case` on "$at $prev" for options that want a value, with what a shell does to offer it. */
export function casesOfValues(all: readonly Completable[], offer: (value: Offer) => string): string {
  const cases = new Map<string, string[]>()
  for (const { words, options } of all)
    for (const { flags, value } of options)
      if (value !== undefined) {
        const action = offer(value)
        const patterns = flags.map(flag => quoted(`${words} ${flag}`))
        cases.set(action, [...(cases.get(action) ?? []), ...patterns])
      }
  return [...cases]
    .map(([action, patterns]) => `    ${patterns.join(' | \\\n    ')}) ${action} ;;`)
    .join('\n')
}
