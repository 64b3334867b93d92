// Types what the docs tell a newcomer to type, at a terminal of 80 columns, and compares what is shown there:
//
//   node scripts/type-docs.js README.md docs/WORK.md …      in the folder in which a newcomer would be
//
// A block ```console is typed in a terminal (bash) of its own, which stays open to the end of its section (##):
//   $ command           typed, and waited for until the prompt is back, unless its comment says "until Ctrl-C";
//                       "in another terminal" in the comment opens one, "in the first terminal" goes back to that of
//                       the section; a \ at the end joins the next line
//   > text              typed to what runs
//   other lines         must be shown, in this order. "…" stands for anything, and numbers, ids and hashes may differ
// At the end of a section what still runs gets Ctrl-C, and has to end with exit code 0.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'

const COMMAND_MS = Number(process.env.COMMAND_MS ?? 300_000)
const END_MS = 30_000
/** The prompt: the exit code of the command before. */
const PROMPT = /⟦(\d+)⟧$/

class Terminal {
  #shown = ''
  #from = 0
  #changed = () => undefined

  constructor() {
    // A shell that runs a command drops the prompt that it was given.
    const shell = `stty cols 80 rows 40; exec env PS1='⟦$?⟧' PS2= bash --norc --noprofile --noediting -i`
    const env = { ...process.env, COLUMNS: '80', LANG: 'C.UTF-8', TERM: 'xterm' }
    this.child = spawn('script', ['-qfec', shell, '/dev/null'], { stdio: 'pipe', env })
    this.child.stdout.setEncoding('utf8').on('data', text => {
      this.#shown += text
      this.#changed()
    })
    this.child.stdin.on('error', () => undefined)
    this.ended = new Promise(resolve => this.child.once('close', resolve))
  }

  /** What the last command has shown so far, as a person sees it. */
  get shown() {
    return plain(this.#shown.slice(this.#from))
  }

  /** Undefined while a command runs. */
  get exitCode() {
    const code = PROMPT.exec(this.shown.trimEnd())?.[1]
    return code === undefined ? undefined : Number(code)
  }

  async command(text) {
    await this.until('the prompt', () => this.exitCode !== undefined)
    this.#from = this.#shown.length
    this.child.stdin.write(`${text}\n`)
    // The terminal echoes it, so that the old prompt is not taken for the new one.
    await this.until('the echo of the command', () => this.shown.includes('\n'))
  }

  write(text) {
    this.child.stdin.write(text)
  }

  async until(what, holds, ms = COMMAND_MS) {
    const end = Date.now() + ms
    while (!holds()) {
      const left = end - Date.now()
      if (left <= 0) throw new Error(`${what} did not come within ${ms / 1000} s; shown was:\n${this.shown}`)
      await new Promise(resolve => {
        const timer = setTimeout(resolve, left)
        this.#changed = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  /** Ends what runs, as a person does. */
  async close() {
    if (this.exitCode === undefined) {
      this.write('\x03')
      await this.until('the end of what ran', () => this.exitCode !== undefined, END_MS)
      if (this.exitCode !== 0) throw new Error(`it ended with exit code ${this.exitCode}:\n${this.shown}`)
    }
    this.child.stdin.end('exit\n')
    await this.ended
  }
}

/** Without what a terminal obeys. */
function plain(text) {
  // A prompt that is drawn anew begins by going to the first column.
  return stripVTControlCharacters(text.replaceAll('\u001b[1G', '\r'))
    .replace(/\r+\n/g, '\n')
    .replace(/^.*\r/gm, '')
}

/** Blocks with where they stand, by section. */
function sectionsOf(file) {
  const sections = [{ title: file, blocks: [] }]
  let block
  for (const [index, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    if (block === undefined && /^#{1,2} /.test(line)) sections.push({ title: line, blocks: [] })
    else if (block === undefined && line.startsWith('```'))
      block = { isTyped: line === '```console', place: `${file}:${index + 1}`, lines: [] }
    else if (line === '```') {
      if (block.isTyped) sections.at(-1).blocks.push(block)
      block = undefined
    } else block?.lines.push(line)
  }
  return sections.filter(({ blocks }) => blocks.length > 0)
}

/** Each command with what is typed to it and what it must show. */
function stepsOf(lines) {
  const steps = []
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at]
    if (line.startsWith('$ ')) {
      let text = line.slice(2)
      while (text.endsWith('\\')) {
        at += 1
        text += `\n${lines[at]}`
      }
      const comment = /\s#\s(.*)$/.exec(text)?.[1] ?? ''
      steps.push({
        text,
        isNewTerminal: comment.includes('in another terminal'),
        isFirst: comment.includes('in the first terminal'),
        isLasting: comment.includes('until Ctrl-C'),
        expected: []
      })
    } else if (line.trim() !== '') steps.at(-1).expected.push(line)
  }
  return steps
}

/** Whether all of these stand in the text, one after the other. Gives the first one that does not. */
function missingFrom(text, expected) {
  const lines = text.split('\n').map(general)
  let at = 0
  for (const line of expected) {
    if (line.trim() === '…' || line.startsWith('> ')) continue
    const pattern = new RegExp(`^${general(line).split('…').map(escaped).join('.*')}$`)
    const found = lines.findIndex((shown, index) => index >= at && pattern.test(shown))
    if (found < 0) return line
    at = found + 1
  }
  return undefined
}

/** What differs each time has one name. */
function general(line) {
  return line
    .trim()
    .replace(/\s+/g, ' ')
    .replace(/-{3,}/g, '---')
    .replace(/\b(12D3KooW|16Uiu2|Qm)[1-9A-HJ-NP-Za-km-z]*…?/g, '<peer>')
    .replace(/\b[0-9a-f]{8,}…?/g, '<hex>')
    .replace(/\d+([.,]\d+)*/g, '<n>')
}

function escaped(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

/** `terminals`: those of its section. */
async function type(block, terminals) {
  let terminal
  for (const step of stepsOf(block.lines)) {
    if (step.isFirst) terminal = terminals[0]
    else if (terminal === undefined || step.isNewTerminal) {
      terminal = new Terminal()
      terminals.push(terminal)
    }
    process.stdout.write(`${block.place}  $ ${step.text}\n`)
    await terminal.command(step.text)
    for (const line of step.expected) if (line.startsWith('> ')) terminal.write(`${line.slice(2)}\n`)
    const isComplete = () => missingFrom(terminal.shown, step.expected) === undefined
    const isOver = () => terminal.exitCode !== undefined
    await terminal.until('what it should show', () => (step.isLasting ? isComplete() : false) || isOver())
    const missing = missingFrom(terminal.shown, step.expected)
    if (missing !== undefined) throw new Error(`"${missing}" was not shown, but:\n${terminal.shown}`)
    if (step.isLasting && isOver()) throw new Error(`it did not go on:\n${terminal.shown}`)
    if (!step.isLasting && terminal.exitCode !== 0)
      throw new Error(`it ended with exit code ${terminal.exitCode}:\n${terminal.shown}`)
  }
}

let failed = 0
for (const file of process.argv.slice(2))
  for (const { title, blocks } of sectionsOf(file)) {
    const terminals = []
    try {
      for (const block of blocks) await type(block, terminals)
    } catch (error) {
      failed += 1
      process.stdout.write(`FAILED in "${title}": ${error.message}\n`)
    }
    for (const terminal of terminals.reverse())
      await terminal.close().catch(error => {
        failed += 1
        terminal.child.kill('SIGKILL')
        process.stdout.write(`FAILED at the end of "${title}": ${error.message}\n`)
      })
  }
process.stdout.write(failed === 0 ? 'all of it can be typed as it stands\n' : `${failed} places failed\n`)
process.exitCode = failed === 0 ? 0 : 1
