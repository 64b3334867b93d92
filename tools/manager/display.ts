import { onContinued } from '#src/cli/terminal/continued.js'
import { type Line, wrapped } from '#src/cli/terminal/styled.js'
import { type Output, printJson, writeLines } from '#src/cli/terminal/terminal.js'
import type { NetworkEvent, NetworkEventOf } from './events.js'
import { networkTable, sentence } from './view.js'

/** Shows what becomes of a network. */
export interface Display {
  hear(event: NetworkEvent): void
  /** Nothing more is shown. */
  close(): void
}

/** A table that is drawn anew in its place on a terminal; elsewhere a line for each thing that happens. */
export function displayOn(stream: Output, json: boolean): Display {
  if (json) return { hear: printJson, close: () => undefined }
  return stream.isTTY ? new Screen(stream) : new Lines(stream)
}

/** The last that is known of a network. */
class Known {
  #network: NetworkEventOf<'network'> | undefined
  readonly #nodes = new Map<number, NetworkEventOf<'node'>>()

  /** What was known before of what the event tells anew. */
  take(event: NetworkEvent): NetworkEventOf<'node'> | undefined {
    if (event.event === 'network') this.#network = event
    if (event.event !== 'node') return undefined
    const before = this.#nodes.get(event.node)
    this.#nodes.set(event.node, event)
    return before
  }

  table(room: { readonly width: number; readonly height: number }): Line[] {
    return networkTable(this.#network, [...this.#nodes.values()], room)
  }
}

class Lines implements Display {
  readonly #known = new Known()

  constructor(private readonly stream: Output) {}

  hear(event: NetworkEvent): void {
    const said = sentence(event, this.#known.take(event))
    if (said !== undefined) writeLines(this.stream, [said])
  }

  close(): void {
    // Lines end by themselves.
  }
}

/** What comes at once is drawn at once, ms. */
const DRAW_MS = 50
const HELP =
  'Ctrl-C stops it; in another terminal: tallystick network status | mine | stop | start | kill | partition | heal'

/** Below what was said, the table, which is drawn anew in its place. */
class Screen implements Display {
  readonly #known = new Known()
  readonly #resized = (): void => this.#draw(HELP, '\x1b[2J\x1b[H')
  #said: Line[] = []
  #drawn = 0
  #due: NodeJS.Timeout | undefined

  // Below what the shell has written since.
  readonly #release = onContinued(() => {
    this.#drawn = 0
    this.#draw(HELP)
  })

  constructor(private readonly stream: Output) {
    stream.on('resize', this.#resized)
  }

  hear(event: NetworkEvent): void {
    const before = this.#known.take(event)
    const said = sentence(event, before)
    const isInTable = event.event === 'network' || (event.event === 'node' && event.state === before?.state)
    if (said !== undefined && !isInTable) this.#said.push(said)
    this.#due ??= setTimeout(() => this.#draw(HELP), DRAW_MS)
  }

  close(): void {
    this.#draw('')
    this.stream.off('resize', this.#resized)
    this.#release()
  }

  /** One write: no half of a table is ever seen. */
  #draw(help: string, erase = this.#drawn > 0 ? `\x1b[${this.#drawn}A\x1b[J` : ''): void {
    clearTimeout(this.#due)
    this.#due = undefined
    // What does not fit could not be drawn over.
    const [width, height] = [(this.stream.columns || 80) - 1, (this.stream.rows || 24) - 1]
    const below = help === '' ? [] : wrapped(help, width)
    const whole = this.#known.table({ width, height: Number.POSITIVE_INFINITY })
    const fits = whole.length + below.length <= height
    const table = fits ? [...whole, ...below] : this.#known.table({ width, height })
    writeLines(this.stream, [...this.#said, ...table], erase)
    this.#said = []
    this.#drawn = table.length
  }
}
