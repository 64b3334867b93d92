import type { Waiting } from '../../node/producer.js'
import { showStatus } from './terminal.js'

/** How often it is drawn at most, ms. */
const DRAW_MS = 100

/** Shows people at a terminal how many messages wait for the next block. */
export class WaitingLine {
  #text = ''
  #due: NodeJS.Timeout | undefined

  /** `blockSize`: messages in a whole block. */
  constructor(private readonly blockSize: number) {}

  show({ count, height }: Waiting): void {
    this.#text = `${count} of ${this.blockSize} for block ${height}`
    this.#due ??= setTimeout(() => {
      this.#due = undefined
      showStatus(this.#text)
    }, DRAW_MS).unref()
  }

  close(): void {
    clearTimeout(this.#due)
    showStatus('')
  }
}
