import type { ChildProcess } from 'node:child_process'
import { isNumberedReply, type Order, type Reply } from '#src/cli/peer/orders.js'
import { inTime } from './deadline.js'

/** Orders for a peer, over the channel to its process, each with its reply. */
export class OrderChannel {
  #last = 0
  readonly #waiting = new Map<number, (reply: Reply) => void>()
  readonly #end = Promise.withResolvers<never>()

  /** `failure` makes the error of an order that comes to nothing. */
  constructor(
    private readonly child: ChildProcess,
    private readonly failure: (problem: string) => Error
  ) {
    // Whoever waits hears of it; nobody has to.
    this.#end.promise.catch(() => undefined)
    child.on('message', (message: unknown) => {
      if (isNumberedReply(message)) this.#waiting.get(message.number)?.(message.reply)
    })
  }

  /** The process has gone. */
  end(how: string): void {
    this.#end.reject(this.failure(how))
  }

  /** Throws where no reply comes within `ms`. */
  async give(order: Order, ms: number): Promise<Reply> {
    this.#last += 1
    const number = this.#last
    const { promise, resolve, reject } = Promise.withResolvers<Reply>()
    this.#waiting.set(number, resolve)
    try {
      this.child.send({ number, order }, error => {
        if (error !== null) reject(this.failure(`takes no orders (${error.message})`))
      })
      const late = (): Error => this.failure(`has not answered for ${ms} ms`)
      return await inTime(Promise.race([promise, this.#end.promise]), ms, late)
    } finally {
      this.#waiting.delete(number)
    }
  }
}
