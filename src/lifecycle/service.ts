/** A part of a peer with a life of its own. `stop` may be called after a failed `start`, and awaits its own tasks. */
export interface Service {
  start(): Promise<void>
  stop(): Promise<void>
}

/** Starts services in their order and stops them in the reverse one. If one fails to start, those before it are stopped. */
export class ServiceList implements Service {
  readonly #running: Service[] = []

  constructor(private readonly services: readonly Service[]) {}

  async start(): Promise<void> {
    for (const service of this.services) {
      this.#running.push(service)
      try {
        await service.start()
      } catch (error) {
        await this.stop()
        throw error
      }
    }
  }

  /** One that does not stop keeps no other from stopping. Throws what the first of them threw. */
  async stop(): Promise<void> {
    const problems: unknown[] = []
    for (let service = this.#running.pop(); service !== undefined; service = this.#running.pop())
      await service.stop().catch((error: unknown) => problems.push(error))
    if (problems.length > 0) throw problems[0]
  }
}
