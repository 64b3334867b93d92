import type { Completable, Offer } from './completable.js'
import { casesOfValues, casesOfWords, quoted } from './posix.js'

/** For bash 3.2 and later. */
export function bashScript(name: string, all: readonly Completable[]): string {
  return `# Completion of ${name} for bash, made by: ${name} completion bash
_${name}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} at=${name} word options= IFS=$'\\n'
  # --option=value comes in three words.
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at $word" in
${casesOfWords(all)}
    esac
  done
  COMPREPLY=()
  case "$at $prev" in
${casesOfValues(all, value => `${offered(value)}; return`)}
  esac
  case "$at" in
${all.map(caseOf).join('\n')}
  esac
  if [[ $cur == -* || ( $cur == '' && \${#COMPREPLY[@]} -eq 0 ) ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$cur"))
  fi
}
complete -F _${name} ${name}
`
}

function caseOf({ words, commands, options, argument }: Completable): string {
  const flags = options.flatMap(option => option.flags)
  const names = commands.map(({ name }) => name)
  const first: Offer | undefined = names.length > 0 ? { kind: 'words', words: names } : argument
  const offer = first === undefined ? '' : `${offered(first)}; `
  return `    ${quoted(words)}) ${offer}options=$'${flags.join('\\n')}' ;;`
}

function offered(value: Offer): string {
  switch (value.kind) {
    case 'words':
      return `COMPREPLY=($(compgen -W $'${value.words.join('\\n')}' -- "$cur"))`
    case 'files':
      return 'compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur"))'
    case 'folders':
      return 'compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$cur"))'
    case 'other':
      return ':'
  }
}
