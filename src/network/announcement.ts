import type { Hash } from '../core/bytes.js'
import type { Report } from '../core/events.js'
import { peerIdToString } from '../core/keys.js'
import type { Service } from '../lifecycle/service.js'
import type { Host } from './host.js'

/** Says where the peer listens, once all that comes before it in the list of services has started. */
export class Announcement implements Service {
  constructor(
    private readonly role: string,
    private readonly network: Hash,
    private readonly host: Host,
    private readonly report: Report
  ) {}

  async start(): Promise<void> {
    const { role, network, host } = this
    const peerId = peerIdToString(host.peerId)
    this.report({ event: 'started', role, peerId, network, addresses: host.addresses() })
  }

  async stop(): Promise<void> {}
}
