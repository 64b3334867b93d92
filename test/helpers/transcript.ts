const SEPARATOR = '----'

/**
 * A text of commands with what each prints below it: a line with the command, a line `----`, what it prints, an
 * empty line. Lines that begin with `#` are for people. Gives the same text with what the commands do print.
 */
export async function replay(text: string, run: (command: string) => Promise<string>): Promise<string> {
  const lines = text.trimEnd().split('\n')
  const replayed: string[] = []
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    replayed.push(line)
    if (line === '' || line.startsWith('#')) continue
    if (lines.shift() !== SEPARATOR) throw new Error(`no line ${SEPARATOR} under the command: ${line}`)
    const end = lines.indexOf('')
    lines.splice(0, end === -1 ? lines.length : end)
    replayed.push(SEPARATOR, await run(line))
  }
  return `${replayed.join('\n')}\n`
}
