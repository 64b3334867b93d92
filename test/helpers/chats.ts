import type { PrivateKey } from '@libp2p/interface'
import type { Hash, PeerIdBytes } from '#src/core/bytes.js'
import { roomOf } from '#src/core/chat.js'
import type { PeerEvent } from '#src/core/events.js'
import { signerOf } from '#src/core/keys.js'
import { type Chat, type ChatOptions, createChat } from '#src/node/chat.js'
import { Changes, deadline, present } from './changes.js'
import type { Cleanup } from './cleanup.js'
import { identity } from './networks.js'

export const ROOM = present(roomOf('test')).id

export type ChatWishes = Partial<Pick<ChatOptions, 'network' | 'listen' | 'neighbours' | 'rates'>>

/** A real chat in this process. It looks for no neighbours but those it is given, unless it is to. */
export class RunningChat extends Changes {
  /** What it has heard, in the order in which it came. */
  readonly lines: string[] = []
  readonly warnings: string[] = []
  /** Of its room, as far as it has said. */
  neighbours = 0
  #chat: Chat | undefined
  #address: string | undefined

  private constructor(
    readonly key: PrivateKey,
    readonly network: Hash
  ) {
    super()
  }

  /** Has found its neighbours, where there are any. */
  static async start(
    cleanup: Cleanup,
    who: string,
    connect: readonly RunningChat[] | readonly string[] = [],
    { network = ROOM, listen = ['/ip4/127.0.0.1/tcp/0'], neighbours = 1, rates }: ChatWishes = {}
  ): Promise<RunningChat> {
    const key = await identity(who)
    const running = new RunningChat(key, network)
    running.#chat = await createChat({
      key,
      network,
      listen,
      neighbours,
      ...(rates && { rates }),
      connect: connect.map(peer => (typeof peer === 'string' ? peer : peer.address)),
      report: event => running.#hear(event),
      stopping: deadline()
    })
    cleanup.add(() => running.stop())
    await running.#chat.start()
    return running
  }

  get address(): string {
    return present(this.#address, 'the address')
  }

  get peerId(): PeerIdBytes {
    return signerOf(this.key).peerId
  }

  async say(...lines: readonly string[]): Promise<void> {
    await this.sayUntil(deadline(), ...lines)
  }

  /** What has not been said when `signal` fires is not said any more. */
  async sayUntil(signal: AbortSignal, ...lines: readonly string[]): Promise<void> {
    for (const line of lines) await present(this.#chat).say(line, signal)
  }

  /** Resolves when its neighbours have what it said. */
  async settled(): Promise<void> {
    await present(this.#chat).settled(deadline())
  }

  async stop(): Promise<void> {
    const chat = this.#chat
    this.#chat = undefined
    await chat?.stop()
  }

  /** Resolves when it has heard so many lines in all. */
  async hears(count: number): Promise<void> {
    await this.until(`${count} lines`, () => this.lines.length >= count)
  }

  async meets(count: number): Promise<void> {
    await this.until(`${count} neighbours`, () => this.neighbours === count)
  }

  #hear(event: PeerEvent): void {
    if (event.event === 'line') this.lines.push(event.text)
    if (event.event === 'warning') this.warnings.push(event.message)
    if (event.event === 'neighbours') this.neighbours = event.count
    if (event.event === 'started') this.#address = event.addresses[0]
    this.changed()
  }

  protected override describe(): string {
    return [`${this.neighbours} neighbours`, ...this.warnings, ...this.lines.slice(-20)].join('\n')
  }
}
