import type { Command } from 'commander'
import { peerIdToString } from '../../core/keys.js'
import type { Network } from '../../core/network.js'
import type { PeerOptions } from '../../node/peer-options.js'
import { UsageError } from '../failure.js'
import { readSwarmKey } from '../files/key-files.js'
import { peerIds } from '../options.js'

/** What keeps strangers out: a connection gater for members, and a pre-shared key. */

export interface SwarmKeyOption {
  readonly swarmKey?: string
}

export interface ClosedNetworkOptions extends SwarmKeyOption {
  readonly membersOnly?: true
  readonly allow?: readonly string[]
}

export function withSwarmKeyOption(command: Command): Command {
  return command.option('--swarm-key <file>', "the network's pre-shared key, where it has one")
}

export function withClosedNetworkOptions(command: Command): Command {
  return withSwarmKeyOption(command)
    .option('--members-only', 'connect with nobody but members and the sequencer of the network document')
    .option('--allow <peerid>', 'with --members-only: one more; repeatable', peerIds)
}

/** Throws UsageError where there are no members, Failure where the swarm key cannot be read. */
export async function closedNetwork(
  { membersOnly, allow, swarmKey }: ClosedNetworkOptions,
  network: Network
): Promise<Pick<PeerOptions, 'admitted' | 'swarmKey'>> {
  const { members } = network.document
  if (membersOnly === undefined && allow !== undefined)
    throw new UsageError('--allow goes with --members-only alone')
  if (membersOnly === true && members === undefined)
    throw new UsageError(
      'the network document names no members, so that --members-only would keep everybody out; leave it away, or make a network with: tallystick init --member PEERID'
    )
  const orderers =
    network.kind === 'chain' && network.sequencer !== undefined ? [peerIdToString(network.sequencer)] : []
  return {
    ...(membersOnly && members && { admitted: [...members, ...orderers, ...(allow ?? [])] }),
    ...(swarmKey !== undefined && { swarmKey: await readSwarmKey(swarmKey) })
  }
}
