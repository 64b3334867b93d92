import type { Network } from '../../core/network.js'
import { type NetworkWishes, writeNetwork } from './network-setup.js'

/** Nothing is said of blocks or messages. */
export type UnorderedNetworkWishes = Omit<NetworkWishes, 'blockSize' | 'schema'>

/** Makes the document of a network with no order. There are no keys to make. */
export async function makeUnorderedNetwork(file: string, wishes: UnorderedNetworkWishes): Promise<Network> {
  return writeNetwork(file, 'none', wishes, async template => template)
}
