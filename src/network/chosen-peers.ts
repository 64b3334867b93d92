import type { PeerIdBytes } from '../core/bytes.js'
import type { Host } from './host.js'
import { shuffled } from './shuffled.js'

/**
 * Some of these peers, others each time; of each host in turn, so that many names on one host do not crowd out the peers
 * of another one, nor come before all of them.
 */
export function chosenPeers(
  peers: readonly PeerIdBytes[],
  host: Pick<Host, 'bringerOf'>,
  most: number
): PeerIdBytes[] {
  const byHost = new Map<string, PeerIdBytes[]>()
  for (const peer of shuffled(peers)) {
    const { host: name } = host.bringerOf(peer)
    const ofHost = byHost.get(name) ?? []
    ofHost.push(peer)
    byHost.set(name, ofHost)
  }
  const hosts = shuffled([...byHost.values()])
  const chosen: PeerIdBytes[] = []
  for (let turn = 0; chosen.length < Math.min(most, peers.length); turn += 1)
    chosen.push(...hosts.flatMap(ofHost => ofHost[turn] ?? []).slice(0, most - chosen.length))
  return chosen
}
