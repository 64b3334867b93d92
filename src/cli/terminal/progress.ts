import { MultiBar, type SingleBar } from 'cli-progress'
import { harmless } from '../../core/text.js'
import { onStopped } from './continued.js'
import { standardError, writeLines } from './terminal.js'

/** One step of long work, as far as it has come. */
interface Phase {
  advance(by?: number): void
}

/** How long work shows people what it is doing. */
export interface Progress {
  phase(name: string, total: number, unit: string): Phase
  note(text: string): void
  stop(): void
}

/** Bars on a terminal; elsewhere plain lines. */
export function progressOn(stream: NodeJS.WriteStream): Progress {
  return stream.isTTY ? new Bars(stream) : new Lines(stream)
}

/** Bars on a terminal; elsewhere nothing, where the outcome says all there is to say. */
export function barsOn(stream: NodeJS.WriteStream): Pick<Progress, 'phase' | 'stop'> {
  return stream.isTTY ? new Bars(stream) : quiet
}

/** How much has been read, of how much. */
export interface Reading {
  readonly total: number
  readonly unit: string
  readonly done: () => number
}

/** What is verified, as it comes. A bar shows people how far it is, unless `isSilent`: its place is taken then. */
export async function* watched<T>(
  verified: AsyncIterable<T>,
  { total, unit, done }: Reading,
  isSilent: boolean
): AsyncIterable<T> {
  const shown = isSilent ? quiet : barsOn(standardError)
  const phase = shown.phase('verified', total, unit)
  let before = 0
  try {
    for await (const each of verified) {
      const now = done()
      phase.advance(now - before)
      before = now
      yield each
    }
  } finally {
    shown.stop()
  }
}

/** Where nobody watches. */
export const quiet: Progress = {
  phase: () => ({ advance: () => undefined }),
  note: () => undefined,
  stop: () => undefined
}

/** Bars hide the cursor, and have long lines cut; the shell does neither. */
const SHELL_LOOKS = '\x1b[?25h\x1b[?7h'
/** The next time they are drawn, bars go up as many lines as there are of them. */
const BARS_LOOK = '\x1b[?25l\x1b[?7l'

class Bars implements Progress {
  readonly #bars: MultiBar
  readonly #phases: SingleBar[] = []
  #release: (() => void) | undefined

  constructor(private readonly stream: NodeJS.WriteStream) {
    this.#bars = new MultiBar({
      stream,
      format: '{name} [{bar}] {value}/{total} {unit}',
      barsize: 30,
      hideCursor: true,
      emptyOnZero: true,
      // What is noted above moves all bars; one that does not change would be left as it stood there.
      forceRedraw: true,
      // Whoever runs the demo stops it in order, and the bars with it.
      gracefulExit: false
    })
  }

  phase(name: string, total: number, unit: string): Phase {
    const bar = this.#bars.create(total, 0, { name: name.padEnd(9), unit })
    this.#phases.push(bar)
    this.#release ??= onStopped(
      () => this.stream.write(SHELL_LOOKS),
      () => this.stream.write(BARS_LOOK + '\n'.repeat(this.#phases.length - 1))
    )
    return { advance: (by = 1) => bar.increment(by) }
  }

  note(text: string): void {
    this.#bars.log(`${harmless(text)}\n`)
  }

  stop(): void {
    this.#release?.()
    if (this.#phases.length > 0) this.#bars.stop()
  }
}

class Lines implements Progress {
  constructor(private readonly stream: NodeJS.WritableStream) {}

  /** Told once it is complete. */
  phase(name: string, total: number, unit: string): Phase {
    let value = 0
    return {
      advance: (by = 1) => {
        value += by
        if (value === total) this.note(`${name}: ${total} ${unit}`)
      }
    }
  }

  note(text: string): void {
    writeLines(this.stream, [text])
  }

  stop(): void {
    // Lines end by themselves.
  }
}
