import { connect, createServer, type Server, type Socket } from 'node:net'

/** Stands between a peer and the one it dials, and counts the bytes that pass, both ways. */
export class MeteredProxy {
  #bytes = 0
  readonly #sockets = new Set<Socket>()

  private constructor(
    private readonly server: Server,
    readonly address: string
  ) {}

  /** In front of a TCP multiaddr of this machine. */
  static async before(address: string): Promise<MeteredProxy> {
    const target = Number(/\/tcp\/(\d+)/.exec(address)?.[1])
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const port = server.address()
    if (port === null || typeof port === 'string') throw new Error('a TCP server has a port')
    const proxy = new MeteredProxy(server, address.replace(/\/tcp\/\d+/, `/tcp/${port.port}`))
    server.on('connection', near => proxy.#join(near, connect(target, '127.0.0.1')))
    return proxy
  }

  get bytes(): number {
    return this.#bytes
  }

  #join(near: Socket, far: Socket): void {
    for (const [from, to] of [
      [near, far],
      [far, near]
    ] as const) {
      this.#sockets.add(from)
      from.on('data', chunk => {
        this.#bytes += chunk.length
      })
      from.on('error', () => to.destroy())
      from.pipe(to)
    }
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise(resolve => this.server.close(resolve))
  }
}
