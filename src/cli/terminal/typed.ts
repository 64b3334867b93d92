import { shortened } from '../../core/text.js'

/** What a person types at a terminal: a line for the room, or a command for this program. */
export type Typed =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'note'; readonly lines: readonly string[] }
  | { readonly kind: 'leave' }

/** An unknown command is not sent: a typing error must not become a line. */
export function typedLine(line: string): Typed {
  if (line.startsWith('//')) return { kind: 'line', text: line.slice(1) }
  if (!line.startsWith('/')) return { kind: 'line', text: line }
  return (
    command(line) ?? {
      kind: 'note',
      lines: [`not sent, as there is no command ${shortened(line.trim(), 30)}`, HINT]
    }
  )
}

/** An answer may be an address, and those begin with a slash, too. */
export function typedAnswer(line: string): Typed {
  return command(line) ?? { kind: 'line', text: line }
}

function command(line: string): Typed | undefined {
  if (line.trim() === '/quit') return { kind: 'leave' }
  return line.trim() === '/help' ? { kind: 'note', lines: HELP } : undefined
}

const HINT = '/help shows the commands; // begins a line with a slash'

const HELP = [
  'type a line and press Enter: all in the room will read it',
  '//text says /text, with one slash',
  '/help shows this',
  '/quit leaves, as Ctrl-D and Ctrl-C do',
  '< begins what others say, -- a note of this program,',
  '> the line that you are typing'
]
