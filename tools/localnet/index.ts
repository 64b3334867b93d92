// Node 20 lacks what js-libp2p 3 needs; this comes before anything of libp2p's.
import 'core-js/actual/promise/with-resolvers.js'

export type { WaitOptions } from './event-log.js'
export { Localnet, type LocalnetOptions } from './localnet.js'
export type { Peer, Role, Work } from './peer.js'
export type { EventName, EventOf, LocalEvent } from './peer-events.js'
export type { Exit } from './peer-process.js'
