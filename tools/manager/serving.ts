import { Failure } from '#src/cli/failure.js'
import type { NetworkEvent } from './events.js'
import type { Fleet } from './fleet.js'
import type { Request } from './requests.js'

/** Does with a network what was asked for, and says what there is to say of it. `stop` ends the manager, where all is to stop. */
export async function serve(
  fleet: Fleet,
  request: Request,
  say: (event: NetworkEvent) => void,
  stop: () => Promise<void>
): Promise<void> {
  switch (request.request) {
    case 'status':
      await fleet.look()
      say(fleet.network())
      for (const node of fleet.nodes) say(node.event())
      return
    case 'mine': {
      const mined = await fleet.mine(request.node, request.count)
      for (const event of mined) say(event)
      if (mined.length === request.count) return
      throw new Failure(
        'ERR_NOT_SETTLED',
        `${mined.length} of ${request.count} blocks were made before the time was up, or the node was stopped`
      )
    }
    case 'stop':
      if (request.node === null) return stop()
      await fleet.stopNode(request.node)
      return say(fleet.nodeAt(request.node))
    case 'start':
      await fleet.startNode(request.node)
      return say(fleet.nodeAt(request.node))
    case 'kill':
      await fleet.killNode(request.node)
      return say(fleet.nodeAt(request.node))
    case 'partition':
      await fleet.divide(request.groups)
      return say(fleet.network())
    case 'heal':
      await fleet.heal()
      return say(fleet.network())
  }
}
