import { equal, type PeerIdBytes } from '../../core/bytes.js'
import { peerIdToString } from '../../core/keys.js'
import { membersOf, type Network, sequencerOf } from '../../core/network.js'
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

/** Before anything is signed: every peer would refuse it, and one that takes members only says nothing at all. */
export function expectMember(network: Network, peerId: PeerIdBytes, path: string): void {
  const { members, name } = network.document
  if (members !== undefined && !membersOf(network).some(member => equal(member, peerId)))
    throw new UsageError(
      `the key in ${path} is ${peerIdToString(peerId)}, which is no member of "${name}", so that its messages would all be refused; name the file of a member's key with --key FILE`
    )
}
