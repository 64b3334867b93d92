import type { Report } from '../../core/events.js'
import type { UnorderedNetwork } from '../../core/network-document.js'
import { createUnordered } from '../../node/unordered.js'
import { asFailure, type PeerFiles, running, untilAborted, withPeer } from './run-peer.js'

export interface UnorderedFiles extends PeerFiles {
  readonly connect: readonly string[]
}

/** Runs a peer of a network with no order until it is stopped. */
export async function runUnordered(
  files: UnorderedFiles,
  network: UnorderedNetwork,
  report: Report,
  stopping: AbortController
): Promise<void> {
  await withPeer(files, 'replica', network, report, stopping, async peer => {
    const unordered = await createUnordered({ ...peer, connect: files.connect }).catch(asFailure)
    await running(unordered, stopping.signal, () => untilAborted(stopping.signal))
  })
}
