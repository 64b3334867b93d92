import { peerIdToString, signerOf } from '../../core/keys.js'
import type { Network } from '../../core/network.js'
import { exists } from '../files/files.js'
import { makeEncryptionKey, readOrMakeIdentity } from '../files/key-files.js'
import { type NetworkWishes, writeNetwork } from './network-setup.js'

export interface SequencerNetworkFiles {
  readonly network: string
  readonly key: string
  readonly encryptionKey: string
}

export interface SequencerNetworkWishes extends NetworkWishes {
  readonly blockTimeout?: number
}

/** Where a sequencer keeps the encryption key that goes with an identity key. */
export function encryptionKeyBeside(key: string): string {
  return `${key.replace(/\.key$/, '')}.encryption.key`
}

/** Makes a network document for the sequencer with this key, and the keys that are not there yet. */
export async function makeSequencerNetwork(
  files: SequencerNetworkFiles,
  wishes: SequencerNetworkWishes = {}
): Promise<Network> {
  const { blockTimeout } = wishes
  return writeNetwork(files.network, 'sequencer', wishes, async template => {
    const key = await readOrMakeIdentity(files.key)
    if (!(await exists(files.encryptionKey))) await makeEncryptionKey(files.encryptionKey)
    return {
      ...template,
      sequencer: peerIdToString(signerOf(key).peerId),
      ...(blockTimeout !== undefined && { blockTimeout })
    }
  })
}
