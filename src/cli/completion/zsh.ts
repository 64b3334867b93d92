import type { Completable, Offer } from './completable.js'
import { casesOfValues, casesOfWords, quoted } from './posix.js'

/** For a file _tallystick in $fpath, or to be sourced after compinit. */
export function zshScript(name: string, all: readonly Completable[]): string {
  return `#compdef ${name}
# Completion of ${name} for zsh, made by: ${name} completion zsh
_${name}() {
  local at=${name} word cur=\${words[CURRENT]} prev=\${words[CURRENT-1]}
  local -a parts options
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in
${casesOfWords(all)}
    esac
  done
  case "$at $prev" in
${casesOfValues(all, value => `${offered(value)}; return`)}
  esac
  case "$at" in
${all.map(caseOf).join('\n')}
  esac
  if (( $#parts )) && [[ $cur != -* ]]; then
    _describe command parts
  else
    _describe -o option options
  fi
}
if [[ $funcstack[1] == _${name} ]]; then
  _${name} "$@"
else
  compdef _${name} ${name}
fi
`
}

function caseOf({ words, commands, options, argument }: Completable): string {
  const parts = commands.map(({ name, description }) => quoted(`${name}:${description}`))
  const described = options.flatMap(({ flags, description }) =>
    flags.map(flag => quoted(`${flag}:${description}`))
  )
  const isKnown = argument !== undefined && argument.kind !== 'other'
  const first = isKnown ? `\n      if [[ $cur != -* ]]; then ${offered(argument)}; return; fi` : ''
  return `    ${quoted(words)})
      parts=(${parts.join('\n        ')})
      options=(${described.join('\n        ')})${first} ;;`
}

function offered(value: Offer): string {
  switch (value.kind) {
    case 'words':
      return `compadd -- ${value.words.map(quoted).join(' ')}`
    case 'files':
      return '_files'
    case 'folders':
      return '_files -/'
    case 'other':
      return ':'
  }
}
