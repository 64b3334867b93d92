// Node 20 lacks what js-libp2p 3 needs; this comes before anything of libp2p's.
import 'core-js/actual/promise/with-resolvers.js'
import { withVersion } from '#src/cli/package-version.js'
import { run } from '#src/cli/run.js'
import { toolCommand } from '../tool-command.js'

await run(withVersion(toolCommand()))
