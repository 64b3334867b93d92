import { connect } from 'node:net'
import type { Cleanup } from './cleanup.js'
import { inFrontOf } from './in-front.js'

/** Only Linux has all of 127.0.0.0/8 without being told. */
export const HAS_OTHER_HOSTS = process.platform === 'linux'

/** An address that leads to the same peer (on 127.0.0.1), which sees those who use it come from another host. */
export async function fromAnotherHost(cleanup: Cleanup, address: string, host: string): Promise<string> {
  return inFrontOf(cleanup, address, (incoming, port) => {
    const outgoing = connect({ host: '127.0.0.1', port, localAddress: host })
    incoming.pipe(outgoing)
    outgoing.pipe(incoming)
    incoming.on('error', () => outgoing.destroy()).on('close', () => outgoing.destroy())
    outgoing.on('error', () => incoming.destroy()).on('close', () => incoming.destroy())
  })
}
