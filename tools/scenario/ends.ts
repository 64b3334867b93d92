import { LIMITS } from '#src/core/limits.js'
import type { Exit, Localnet, Peer } from '../localnet/index.js'
import { type Check, demand } from './checks.js'
import { processesWith } from './processes.js'

/** A client that has nothing more to say: to connect, and to get the last receipts, ms. */
const LAST_RECEIPTS_MS = LIMITS.firstConnectionMs + LIMITS.lastReceiptsMs

/** Clients have nothing more to send. How each of them ended; undefined where it did not in time. */
export function endInputs(clients: readonly Peer[]): Promise<(Exit | undefined)[]> {
  return Promise.all(
    clients.map(client => {
      client.endInput()
      return endOf(client, LAST_RECEIPTS_MS)
    })
  )
}

/** Undefined where it still ran after so many ms. */
export function endOf(peer: Peer, ms: number): Promise<Exit | undefined> {
  return peer.exit({ within: ms }).catch(() => undefined)
}

/** Throws unless it ended by itself, and well. */
export function demandEnded(name: string, exit: Exit | undefined, stderr = ''): void {
  demand(exit !== undefined, `${name} was still running`)
  const { code, signal } = exit
  demand(code === 0, `${name} ended with ${signal ?? `exit code ${code}`}${stderr && `: ${stderr}`}`)
}

/** The last receipts may come before the block that they fill. That it came to all is checked later. */
export async function whenBlockCame(peers: readonly Peer[], height: number, ms: number): Promise<void> {
  if (height === 0) return
  await Promise.all(
    peers.map(peer =>
      peer.event('block', block => block.height >= height, { within: ms }).catch(() => undefined)
    )
  )
}

/** Stops all peers, as a check. `needed`: those that must still run. */
export function stopCheck(net: Localnet, needed: () => readonly Peer[], within?: number): Check {
  const limit = within === undefined ? '' : ` within ${within / 1000} s`
  return {
    name: 'stop',
    what: `SIGTERM ends each process${limit} with exit code 0, and none is left`,
    run: async () => {
      for (const { name, isRunning, stderr } of needed())
        demand(isRunning, `${name} ended before it was stopped: ${stderr}`)
      const running = net.peers.filter(({ isRunning }) => isRunning)
      const start = performance.now()
      const exits = await net.stopPeers()
      const seconds = (performance.now() - start) / 1000
      for (const peer of running) demandEnded(peer.name, exits.get(peer), peer.stderr)
      demand(within === undefined || seconds * 1000 < within, `it took ${seconds.toFixed(2)} s`)
      // Somebody else may read the network while it runs, with a folder of their own.
      const left = await processesWith(`--data\0${net.folder}`)
      demand(left.length === 0, `still there: ${left.join(', ')}`)
      return `${running.length} processes of ${net.peers.length} in ${seconds.toFixed(2)} s`
    }
  }
}
