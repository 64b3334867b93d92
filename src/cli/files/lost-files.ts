import { CERTIFICATE_KEY } from '../../chain/store.js'
import { hasCode } from '../../core/errors.js'
import { Failure } from '../failure.js'
import { exists, usedByAnother } from './files.js'
import { hasDatabase, userOf } from './folder-owner.js'
import { withRemedy } from './owned-folder.js'
import { withReadOnly } from './reading-folder.js'

/**
 * Before anything is made that is not there yet: beside a folder that a peer has used, a network document or a key that is
 * missing was lost, and a new one in its place is of no use for what is in the folder. Each throws Failure.
 */

export async function expectNetworkNotLost(document: string, data: string): Promise<void> {
  const user = await userOf(data)
  if (user === undefined) return
  throw new Failure(
    'ERR_NETWORK_DOCUMENT',
    `there is no network document at ${document}, but ${data} is ${user.named}; nothing was made: put the document back (all peers of the network have the same one), or name it with --network FILE`
  )
}

export async function expectEncryptionKeyNotLost(path: string, data: string): Promise<void> {
  if ((await exists(path)) || !(await hasDatabase(data))) return
  // It has certified one. A folder that was restored from a follower has not.
  const certificate = await withReadOnly(data, database => database.get(CERTIFICATE_KEY)).catch(
    (error: unknown) => {
      throw hasCode(error, 'ERR_FOLDER_IN_USE') ? usedByAnother(data) : withRemedy(error, data, 'sequencer')
    }
  )
  if (certificate === undefined) return
  throw new Failure(
    'ERR_KEY_MISSING',
    `the encryption key is not at ${path}, and without it no sealed message in ${data} can be read, nor a start made over those in no block; nothing was made: restore it from a copy. Where it is lost for good, make a new one with: tallystick keygen ${path} --type X25519`
  )
}

export async function expectClientKeyNotLost(path: string, data: string): Promise<void> {
  if (await exists(path)) return
  const user = await userOf(data)
  if (user?.kind !== 'client') return
  throw new Failure(
    'ERR_KEY_MISSING',
    `there is no key at ${path}, but ${data} is ${user.named}; nothing was made: restore that client's key from a copy, or name its file with --key FILE. A new client needs a folder of its own: --data DIR`
  )
}
