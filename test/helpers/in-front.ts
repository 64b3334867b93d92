import { createServer, type Socket } from 'node:net'
import { deadline } from './changes.js'
import type { Cleanup } from './cleanup.js'

/**
 * A port of this machine in front of a peer on 127.0.0.1: `pass` gets each connection that comes to it, and the port of
 * the peer. Gives the peer's address with that port in place of its own.
 */
export async function inFrontOf(
  cleanup: Cleanup,
  address: string,
  pass: (incoming: Socket, port: number) => void
): Promise<string> {
  const [, port = ''] = /\/tcp\/(\d+)/.exec(address) ?? []
  const server = createServer(incoming => pass(incoming, Number(port)))
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.on('error', reject).listen(0, '127.0.0.1', resolve)
  deadline().addEventListener('abort', () => reject(new Error('it does not listen')))
  await promise
  cleanup.add(async () => {
    server.close()
  })
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('it has no port')
  return address.replace(`/tcp/${port}`, `/tcp/${bound.port}`)
}
