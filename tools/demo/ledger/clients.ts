import { join } from 'node:path'
import { privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { createSecret } from '#src/cli/files/secret-files.js'
import type { Localnet, Peer } from '../../localnet/index.js'
import { ClientPart } from './client-part.js'
import type { Holder } from './holder.js'

/** A process for each of them, with its key; they are given to the entries in turn. */
export async function startClients(
  net: Localnet,
  holders: readonly Holder[],
  entries: readonly Peer[],
  started: () => void
): Promise<ClientPart[]> {
  const parts = await Promise.all(
    holders.map(async ({ key, account }, index) => {
      const name = `client-${index + 1}`
      // The network document names the key, so that it was made before the client is.
      const file = join(net.folder, 'keys', `${name}.key`)
      await createSecret(file, { content: privateKeyToProtobuf(key), passphrase: undefined })
      const connect = entries[index % entries.length]?.addresses ?? []
      const client = await net.startClient({ name, stdin: true, connect })
      started()
      return new ClientPart(client, account)
    })
  )
  net.onEvent((peer, event) => parts.find(({ client }) => client === peer)?.hear(event))
  return parts
}
