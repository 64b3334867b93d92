import { type PeerIdBytes, toHex } from '../core/bytes.js'
import { type ChatLine, decodeChatLine, encodeChatLine, LINE_ID_LENGTH } from '../core/chat.js'
import type { Report } from '../core/events.js'
import { sha256 } from '../core/hash.js'
import { LIMITS } from '../core/limits.js'
import { type Rate, RateLimiter } from '../core/rate-limiter.js'
import { Recent } from '../core/recent.js'
import { harmless, shortened } from '../core/text.js'
import { FairQueue } from '../lifecycle/fair-queue.js'
import type { Service } from '../lifecycle/service.js'
import { elapsed, unlessAborted, within } from '../lifecycle/waiting.js'
import type { GossipVerdict, Host } from '../network/host.js'

export interface ChatRoomOptions {
  /** An anonymous one. */
  readonly host: Host
  readonly topic: string
  readonly random: (bytes: number) => Uint8Array
  /** A monotonic clock, ms. */
  readonly clock: () => number
  /** Of new lines: those that one neighbour hands over, and one's own, which the rate does not tell apart. */
  readonly rate: Rate
  /** Of all lines that leave here: less than a neighbour takes from one of its own. */
  readonly passedRate: Rate
  /** Hears the lines of others, each once. */
  readonly report: Report
}

/**
 * Hears, passes on and says lines. A neighbour takes only so many from this peer, whatever their origin: where there are more, each
 * host that hands over some has its turns, and we ourselves as one of them. Who has said a line is not in it, and nobody
 * here is told.
 */
export class ChatRoom implements Service {
  readonly #rates: RateLimiter
  readonly #ownRate: RateLimiter
  readonly #passedRate: RateLimiter
  readonly #turns = new FairQueue({ own: 0, others: LIMITS.waitingLines })
  readonly #stopping = new AbortController()
  readonly #warnings = new RateLimiter({ perSecond: 0.1, burst: 1 }, 1)
  /** Hashes of whole lines: nobody can pass another text off under the id of a line, and so suppress it. */
  readonly #seen = new Recent(LIMITS.rememberedLines)
  /** Nobody came in time to hear the last line. */
  #isAlone = false
  #neighbours = 0
  #unwatch: () => void = () => undefined

  constructor(private readonly options: ChatRoomOptions) {
    this.#rates = new RateLimiter(options.rate, LIMITS.rememberedRates)
    this.#ownRate = new RateLimiter(options.rate, 1)
    this.#passedRate = new RateLimiter(options.passedRate, 1)
  }

  async start(): Promise<void> {
    const { host, topic } = this.options
    this.#unwatch = host.onSubscribersChange(() => this.#count())
    host.subscribe(topic, (from, data) => this.#judge(from, data), { sideBySide: true })
  }

  async stop(): Promise<void> {
    const { host, topic } = this.options
    this.#unwatch()
    host.unsubscribe(topic)
    this.#stopping.abort(new Error('the chat is over'))
    await this.#turns.stop()
  }

  /** Sends a line to all, as soon as there is somebody; says so where it was cut, or nobody came to hear it. */
  async say(text: string, signal: AbortSignal): Promise<void> {
    const { host, topic, random } = this.options
    const whole = harmless(text).trim()
    if (whole === '') return
    const kept = shortened(whole, LIMITS.lineCharacters)
    if (kept !== whole) this.#warn(`that line was cut to its first ${LIMITS.lineCharacters} characters`)
    await this.#ownTurn(signal)
    if (!this.#isAlone) await host.whenMeshed(topic, within(LIMITS.holdLineMs, signal)).catch(() => undefined)
    if (signal.aborted) return
    if (!host.hasSubscribers(topic)) {
      if (!this.#isAlone) this.#warn('nobody is connected: lines are lost until somebody joins')
      this.#isAlone = true
      return
    }
    const data = encodeChatLine({ id: random(LINE_ID_LENGTH), text: kept })
    while (!(await this.#isSaid(data, signal)))
      // So many hosts have lines that wait that none of them has two.
      await elapsed(1000 / this.options.passedRate.perSecond, signal)
  }

  /** True, too, where it is not to be said any more. */
  async #isSaid(data: Uint8Array, signal: AbortSignal): Promise<boolean> {
    const { host, topic } = this.options
    const over = AbortSignal.any([signal, this.#stopping.signal])
    const said = this.#turns.of(OURSELVES, async () => {
      if (!(await this.#mayPass(over))) return true
      this.#seen.add(toHex(sha256(data)))
      await host.publish(topic, data)
      return true
    })
    try {
      return (await unlessAborted(said, over)) !== undefined
    } catch (error) {
      if (over.aborted) return true
      throw error
    }
  }

  /**
   * A line beyond the rate of this neighbour is taken from any other one: nobody can suppress a line by handing it over
   * first.
   */
  async #judge(from: PeerIdBytes, data: Uint8Array): Promise<GossipVerdict> {
    const line = lineIn(data)
    if (line === undefined) return 'reject'
    const name = toHex(sha256(data))
    // A line that is known costs nothing: each neighbour hands over each line.
    if (this.#seen.has(name)) return 'ignore'
    const { host, clock } = this.options
    if (!this.#rates.take(toHex(from), clock())) return this.#leaveOut('from a neighbour than can be read')
    const verdict = await this.#turns.of(host.bringerOf(from), () => this.#hear(name, line))
    return verdict ?? this.#leaveOut('than can be passed on')
  }

  async #hear(name: string, { text }: ChatLine): Promise<GossipVerdict> {
    // Another neighbour had its turn with it.
    if (this.#seen.has(name)) return 'ignore'
    if (!(await this.#mayPass(this.#stopping.signal))) return 'later'
    this.#seen.add(name)
    const shown = harmless(text).trim()
    if (shown !== '') this.options.report({ event: 'line', text: shown })
    return 'accept'
  }

  #leaveOut(why: string): GossipVerdict {
    const { clock } = this.options
    if (!this.#stopping.signal.aborted && this.#warnings.take('flood', clock()))
      this.#warn(`more lines come ${why}; some of them are left out`)
    return 'later'
  }

  /** True when one more line may leave, false where that is not to be any more. */
  async #mayPass(signal: AbortSignal): Promise<boolean> {
    const { clock, passedRate } = this.options
    while (!signal.aborted && !this.#passedRate.take('', clock()))
      await elapsed(1000 / passedRate.perSecond, signal)
    return !signal.aborted
  }

  async #ownTurn(signal: AbortSignal): Promise<void> {
    const { clock, rate } = this.options
    while (!signal.aborted && !this.#ownRate.take('own', clock()))
      await elapsed(1000 / rate.perSecond, signal)
  }

  #count(): void {
    const { host, topic, report } = this.options
    const count = host.subscribers(topic).length
    if (count === this.#neighbours) return
    this.#neighbours = count
    this.#isAlone = false
    report({ event: 'neighbours', count })
  }

  #warn(message: string): void {
    this.options.report({ event: 'warning', message })
  }
}

const OURSELVES = { peer: 'we', host: 'we', site: 'we' }

function lineIn(data: Uint8Array): ChatLine | undefined {
  try {
    return decodeChatLine(data)
  } catch {
    return undefined
  }
}
