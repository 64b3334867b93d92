import { connect, createServer, type Server, type Socket } from 'node:net'
import { Changes } from './changes.js'
import type { Cleanup } from './cleanup.js'

/** The two ends of a line: who dials it, and who listens behind it. */
export type End = 'dialler' | 'listener'

/** Bytes that wait within a line each way, as in the buffers of its hops, before it takes no more. */
const BUFFERED = 256 * 1024

/** How much later than it came something goes out. */
interface Pace {
  delayMs: number
}

/** Of what comes in at one end of a connection, how it goes out at the other: in order, and nothing of it is lost. */
class Way {
  readonly #waiting: { readonly bytes: Buffer; readonly due: number }[] = []
  #isHeld = false
  #timer: NodeJS.Timeout | undefined
  /** How many bytes wait. */
  #bytes = 0

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
    pace: Pace
  ) {
    from.on('data', bytes => {
      this.#waiting.push({ bytes, due: performance.now() + pace.delayMs })
      this.#bytes += bytes.length
      if (this.#bytes > BUFFERED) from.pause()
      this.#send()
    })
  }

  get isHeld(): boolean {
    return this.#isHeld
  }

  hold(): void {
    this.#isHeld = true
    // What is not read fills the buffers of the sender, as on a line on which nothing gets through.
    this.from.pause()
  }

  goOn(): void {
    this.#isHeld = false
    this.#send()
  }

  end(): void {
    clearTimeout(this.#timer)
  }

  #send(): void {
    clearTimeout(this.#timer)
    if (this.#isHeld) return
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const wait = next.due - performance.now()
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#send(), wait)
        break
      }
      this.#waiting.shift()
      this.#bytes -= next.bytes.length
      this.to.write(next.bytes)
    }
    if (this.#bytes <= BUFFERED) this.from.resume()
  }
}

/** A connection through the line: two, of which each may live on without the other. */
class Passage {
  readonly #ways: Record<End, Way>
  readonly #sockets: Record<End, Socket>
  /** Neither end learns what becomes of the other one. */
  #isTorn = false

  constructor(dialler: Socket, listener: Socket, pace: Pace, ended: () => void) {
    this.#sockets = { dialler, listener }
    // By the end that it comes from.
    this.#ways = {
      dialler: new Way(dialler, listener, pace),
      listener: new Way(listener, dialler, pace)
    }
    for (const end of ['dialler', 'listener'] as const) {
      const other = this.#sockets[end === 'dialler' ? 'listener' : 'dialler']
      this.#sockets[end].on('error', () => undefined)
      this.#sockets[end].on('close', () => {
        this.#ways[end].end()
        if (!this.#isTorn && !this.#ways[end].isHeld) other.destroy()
        if (dialler.destroyed && listener.destroyed) ended()
      })
    }
  }

  reset(end: End): void {
    this.#isTorn = true
    for (const way of Object.values(this.#ways)) way.hold()
    this.#sockets[end].resetAndDestroy()
  }

  hold(...from: readonly End[]): void {
    for (const end of from) this.#ways[end].hold()
  }

  goOn(): void {
    for (const way of Object.values(this.#ways)) way.goOn()
  }

  destroy(): void {
    for (const socket of Object.values(this.#sockets)) socket.destroy()
  }
}

/**
 * A TCP relay in front of a peer. It may break in the ways in which lines do: towards one end only, without a word, for a
 * while. What gets through gets through in order.
 */
export class BreakableLine extends Changes {
  readonly #passages = new Set<Passage>()
  /** Connections that were taken, and lead nowhere. */
  readonly #swallowed = new Set<Socket>()
  #takes: 'all' | 'none' = 'all'
  readonly #pace: Pace = { delayMs: 0 }
  #opened = 0

  private constructor(
    private readonly server: Server,
    private readonly target: string,
    readonly address: string
  ) {
    super()
    server.on('connection', socket => this.#take(socket))
  }

  /** In front of the peer that has this address. */
  static async to(cleanup: Cleanup, address: string): Promise<BreakableLine> {
    const [, target = ''] = /\/tcp\/(\d+)/.exec(address) ?? []
    const server = createServer()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.on('error', reject).listen(0, '127.0.0.1', resolve)
    await promise
    const bound = server.address()
    if (bound === null || typeof bound === 'string') throw new Error('it has no port')
    const line = new BreakableLine(server, target, address.replace(`/tcp/${target}`, `/tcp/${bound.port}`))
    cleanup.add(async () => line.#end())
    return line
  }

  /** How many connections have come to this line. */
  get opened(): number {
    return this.#opened
  }

  /** Resolves when so many have come in all. */
  async dialled(times: number): Promise<void> {
    await this.until(`${times} connections`, () => this.#opened >= times)
  }

  /** Resets what is open towards one end. Towards the other it stays open, and silent for good. */
  reset(end: End): void {
    for (const passage of this.#passages) passage.reset(end)
  }

  /** Nothing that comes from these ends gets through any more, on what is open; not even that it has ended. */
  stall(...from: readonly End[]): void {
    const ends = from.length === 0 ? (['dialler', 'listener'] as const) : from
    for (const passage of this.#passages) passage.hold(...ends)
  }

  /** New connections are taken, and lead nowhere. */
  dropNew(): void {
    this.#takes = 'none'
  }

  /** New connections get through. Those that lead nowhere do so for good. */
  takeNew(): void {
    this.#takes = 'all'
  }

  /** What was held goes on. */
  goOn(): void {
    for (const passage of this.#passages) passage.goOn()
  }

  /** So much later comes all that is sent from now on. */
  delay(ms: number): void {
    this.#pace.delayMs = ms
  }

  #take(socket: Socket): void {
    this.#opened += 1
    if (this.#takes === 'none') {
      this.#swallowed.add(socket)
      socket.on('error', () => undefined).on('close', () => this.#swallowed.delete(socket))
      socket.pause()
    } else {
      const passage = new Passage(
        socket,
        connect({ host: '127.0.0.1', port: Number(this.target) }),
        this.#pace,
        () => this.#passages.delete(passage)
      )
      this.#passages.add(passage)
    }
    this.changed()
  }

  #end(): void {
    this.server.close()
    for (const socket of this.#swallowed) socket.destroy()
    for (const passage of this.#passages) passage.destroy()
  }

  protected override describe(): string {
    return `${this.#opened} connections came, ${this.#passages.size} are open`
  }
}
