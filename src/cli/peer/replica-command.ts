import type { Report } from '../../core/events.js'
import type { SetNetwork } from '../../core/network.js'
import { createReplica } from '../../node/replica.js'
import { asFailure, type PeerFiles, running, untilAborted, withPeer } from './run-peer.js'

export interface ReplicaFiles extends PeerFiles {
  readonly connect: readonly string[]
}

/** Runs a peer of a network with no order until it is stopped. */
export async function runReplica(
  files: ReplicaFiles,
  network: SetNetwork,
  report: Report,
  stopping: AbortController
): Promise<void> {
  await withPeer(files, 'replica', network, report, stopping, async peer => {
    const unordered = await createReplica({ ...peer, connect: files.connect }).catch(asFailure)
    await running(unordered, stopping.signal, () => untilAborted(stopping.signal))
  })
}
