import { join, resolve } from 'node:path'
import { Failure, UsageError } from '#src/cli/failure.js'
import { exists, readNetwork } from '#src/cli/files/files.js'
import { makeFolder } from '#src/cli/files/make-folder.js'
import { untilAborted } from '#src/cli/peer/run-peer.js'
import { Localnet } from '../localnet/index.js'
import { type OrderingName, orderingNameOf } from '../localnet/orderings.js'
import { ControlServer } from './control-server.js'
import type { NetworkEvent } from './events.js'
import { Fleet } from './fleet.js'
import { type Plan, type PlanWishes, planOf } from './plan.js'
import { serve } from './serving.js'

export interface NetworkOptions extends PlanWishes {
  readonly folder: string
  /** That of the network in the folder, or a sequencer, where it is left out. */
  readonly ordering?: OrderingName
}

/**
 * Runs a network until `stopping` fires or somebody asks for its end over the control socket. Whatever happens, no
 * process is left and the socket is removed.
 */
export async function runNetwork(
  options: NetworkOptions,
  hear: (event: NetworkEvent) => void,
  stopping: AbortController
): Promise<void> {
  const folder = resolve(options.folder)
  await makeFolder(folder)
  const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<void>()
  // Whoever asked for the end hears of it; nobody has to.
  ended.catch(() => undefined)
  let fleet: Fleet | undefined
  const stop = (): Promise<void> => {
    stopping.abort(new Error('it was asked to stop'))
    return ended
  }
  const control = await ControlServer.listen(folder, async (request, say) => {
    if (fleet !== undefined) return serve(fleet, request, say, stop)
    throw new Failure(
      'ERR_PEER_STATE',
      `the network manager, process ${process.pid}, is only just starting; ask again`
    )
  })
  try {
    const { plan, net } = await prepare(folder, options)
    fleet = new Fleet(net, plan, hear)
    try {
      const running = fleet.start().then(() => untilAborted(stopping.signal))
      await Promise.race([running, untilAborted(stopping.signal)])
    } finally {
      await fleet.stop()
    }
    hear({ event: 'stopped' })
    end()
  } catch (error) {
    fail(error)
    throw error
  } finally {
    await control.close()
  }
}

/** The network of the folder, or a new one. */
async function prepare(
  folder: string,
  options: NetworkOptions
): Promise<{ readonly plan: Plan; readonly net: Localnet }> {
  const file = join(folder, 'network.json')
  const held = (await exists(file)) ? orderingNameOf(await readNetwork(file)) : undefined
  const { ordering = held ?? 'sequencer' } = options
  if (held !== undefined && held !== ordering)
    throw new UsageError(
      `${folder} holds a network with ordering ${held}; leave out --ordering, or name another --folder DIR`
    )
  const plan = planOf(ordering, options)
  return { plan, net: await Localnet.create({ folder, ...(held === undefined && { ordering }) }) }
}
