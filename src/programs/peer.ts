// Node 20 lacks what js-libp2p 3 needs; this comes before anything of libp2p's.
import 'core-js/actual/promise/with-resolvers.js'
import { withVersion } from '../cli/package-version.js'
import { peerCommand } from '../cli/peer/peer-command.js'
import { run } from '../cli/run.js'

await run(withVersion(peerCommand()))
