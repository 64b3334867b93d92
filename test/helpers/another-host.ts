import { connect, createServer } from 'node:net'
import { deadline } from './changes.js'
import type { Cleanup } from './cleanup.js'

/** Only Linux has all of 127.0.0.0/8 without being told. */
export const HAS_OTHER_HOSTS = process.platform === 'linux'

/** An address that leads to the same peer (on 127.0.0.1), which sees those who use it come from another host. */
export async function fromAnotherHost(cleanup: Cleanup, address: string, host: string): Promise<string> {
  const [, port = ''] = /\/tcp\/(\d+)/.exec(address) ?? []
  const server = createServer(incoming => {
    const outgoing = connect({ host: '127.0.0.1', port: Number(port), localAddress: host })
    incoming.pipe(outgoing)
    outgoing.pipe(incoming)
    incoming.on('error', () => outgoing.destroy()).on('close', () => outgoing.destroy())
    outgoing.on('error', () => incoming.destroy()).on('close', () => incoming.destroy())
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  deadline().addEventListener('abort', () => reject(new Error('it does not listen')))
  await promise
  cleanup.add(async () => {
    server.close()
  })
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('it has no port')
  return address.replace(`/tcp/${port}`, `/tcp/${bound.port}`)
}
