import { equal, type PeerIdBytes } from '../../core/bytes.js'
import { type Network, sequencerOf } from '../../core/network-document.js'
import { UsageError } from '../failure.js'

/** Before anything is made: with the sequencer's key a peer would look for itself, and share its mark. */
export function expectOwnKey(
  network: Network,
  peerId: PeerIdBytes,
  { path, role }: { readonly path: string; readonly role: 'client' | 'follower' }
): void {
  if (equal(peerId, sequencerOf(network)))
    throw new UsageError(
      `the key in ${path} is the sequencer's, and a ${role} needs a key of its own: name another file with --key FILE, which is made where it is not there`
    )
}
