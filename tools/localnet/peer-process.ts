import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { Failure } from '#src/cli/failure.js'
import { systemCode } from '#src/core/errors.js'
import { LIMITS } from '#src/core/limits.js'
import { linesOf } from '#src/core/lines.js'
import { inTime } from './deadline.js'
import { EventLog } from './event-log.js'
import { OrderChannel } from './order-channel.js'
import { onParentExit } from './parent-exit.js'
import { type LocalEvent, parseEvent } from './peer-events.js'

export interface Exit {
  /** null where a signal ended the process. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const PEER = fileURLToPath(import.meta.resolve('#src/peer.js'))
/** Lines of standard error that are kept to explain a failure. */
const TAIL_LINES = 40
/** How long a peer may leave its standard input unread, ms. */
const INPUT_MS = 30_000

/** One run of a peer as a child process of this one. */
export class PeerProcess {
  readonly log: EventLog
  readonly orders: OrderChannel
  /** Resolves once the process is reaped and all it said has been heard. */
  readonly exited: Promise<Exit>
  readonly #child: ChildProcess
  #exit: Exit | undefined
  #tail: string[] = []

  /** `hear` is told every event, as it comes. */
  constructor(
    private readonly name: string,
    args: readonly string[],
    options: { readonly stdin: boolean; readonly hear: (event: LocalEvent) => void }
  ) {
    this.log = new EventLog(problem => this.failure(problem))
    // A group of its own: a Ctrl-C in the terminal reaches this process alone, which then stops its peers in
    // order. The channel ends with this process, however it ends, and tells the peer to stop.
    const child = spawn(process.execPath, [PEER, ...args], {
      detached: true,
      stdio: [options.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe', 'ipc']
    })
    this.#child = child
    this.orders = new OrderChannel(child, problem => this.failure(problem))
    const { stdin, stdout, stderr } = child
    if (stdout === null || stderr === null) throw new Error('a peer is started with pipes')
    // A peer that has gone reads no more; its exit says so.
    stdin?.on('error', () => undefined)
    const read = [
      eachLine(stdout, line => {
        const event = parseEvent(line)
        if (event === undefined) return this.#remember(line)
        this.log.add(event)
        options.hear(event)
      }),
      eachLine(stderr, line => this.#remember(line))
    ]

    const release = onParentExit(() => child.kill('SIGKILL'))
    const { promise, resolve } = Promise.withResolvers<Exit>()
    this.exited = promise
    const ended = (exit: Exit): void => {
      release()
      this.#exit = exit
      const how = `ended ${describeExit(exit)}`
      this.log.end(how)
      this.orders.end(how)
      resolve(exit)
    }
    // The end comes after what was said before it.
    child.once('close', (code, signal) => Promise.all(read).then(() => ended({ code, signal })))
    child.once('error', error => {
      this.#remember(String(error))
      // Without a pid it never ran, and nothing else will be heard of it.
      if (child.pid === undefined) ended({ code: null, signal: null })
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Undefined while it runs. */
  get exit(): Exit | undefined {
    return this.#exit
  }

  /** The last lines of its standard error. */
  get stderr(): string {
    return this.#tail.join('\n')
  }

  /** Does nothing to a process that has gone. */
  signal(signal: NodeJS.Signals): void {
    if (this.#exit === undefined) this.#child.kill(signal)
  }

  async write(line: string): Promise<void> {
    const { stdin } = this.#child
    if (stdin === null)
      throw new Failure('ERR_PEER_STATE', `${this.name} reads no input; start it with stdin: true`)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    stdin.write(`${line}\n`, error => {
      if (error) reject(this.failure(`takes no more input (${systemCode(error) ?? error.message})`))
      else resolve()
    })
    await inTime(promise, INPUT_MS, () => this.failure(`has not read its input for ${INPUT_MS} ms`))
  }

  endInput(): void {
    this.#child.stdin?.end()
  }

  /** Names the peer and shows what it said last. */
  failure(problem: string): Failure {
    return new Failure(
      'ERR_PEER_FAILED',
      `${this.name}: ${problem}${this.#tail.length > 0 ? `; it said:\n${this.stderr}` : ''}`
    )
  }

  #remember(line: string): void {
    this.#tail.push(line)
    if (this.#tail.length > TAIL_LINES) this.#tail = this.#tail.slice(-TAIL_LINES)
  }
}

function describeExit({ code, signal }: Exit): string {
  return signal === null ? `with exit code ${code}` : `by ${signal}`
}

async function eachLine(stream: Readable, hear: (line: string) => void): Promise<void> {
  try {
    for await (const line of linesOf(stream, { most: LIMITS.messageLineBytes }))
      hear(line.ok ? line.text : `line ${line.number} is ${line.fault}`)
  } catch (error) {
    // It was never started.
    if (systemCode(error) !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
  }
}
