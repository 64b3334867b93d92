import { type Database, StoreError } from '../../chain/store.js'
import { hasCode, systemCode, TallystickError } from '../../core/errors.js'
import { describeError } from '../../core/events.js'
import { causeOf, Failure } from '../failure.js'
import { openDatabase } from './files.js'
import { type FolderKind, isPrivate } from './folder-contents.js'
import { claimFolder, type FolderOwner } from './folder-owner.js'
import { expectPrivate } from './private-folder.js'

/** Opens the folder of a peer for as long as `use` takes. Where it is damaged, the error says what its owner can do. */
export async function withOwnedFolder<T>(
  folder: string,
  owner: FolderOwner,
  use: (database: Database) => Promise<T>
): Promise<T> {
  try {
    await claimFolder(folder, owner)
    // Not before it is known to be ours. Nothing of a client's is in a new one yet.
    if (isPrivate(owner.kind)) await expectPrivate(folder)
    const database = await openDatabase(folder)
    try {
      return await use(database)
    } finally {
      await database.close()
    }
  } catch (error) {
    throw withRemedy(error, folder, owner.kind)
  }
}

/** What to do about a damaged folder depends on whose it is: what helps a follower convicts a sequencer. */
const REMEDIES: Record<FolderKind, (folder: string) => string> = {
  sequencer: folder =>
    `do not delete ${folder}, and put no older copy in its place: a sequencer that signs a position a second time convicts itself. Move it away, and fetch the log back from a follower with: tallystick restore --connect ADDRESS --data ${folder}`,
  client: folder =>
    `restore the newest copy of ${folder}, or move it away to begin anew: messages in it that have no receipt are then not sent again`,
  'client copy': folder =>
    `the copy of the chain in ${folder} is no good: delete that folder alone, and its blocks are fetched again`,
  follower: folder => `delete ${folder}, and its blocks are fetched again`,
  'full node': folder =>
    `delete ${folder}, and its blocks are fetched again; messages that only this peer has are lost with it`,
  replica: folder =>
    `restore ${folder} from a copy, or delete it, and what other peers have is fetched again; transfers that only this peer has are lost with it`
}

/** The error that says what the owner of a damaged folder can do; any other error as it is. */
export function withRemedy(error: unknown, folder: string, kind: FolderKind): unknown {
  const remedy = REMEDIES[kind](folder)
  if (hasCode(error, 'ERR_FILES_DAMAGED'))
    return new Failure('ERR_DAMAGED', `${error.message}; ${remedy}`, { cause: error })
  if (error instanceof StoreError)
    return new Failure(error.code, `${folder}: ${error.message}; ${error.remedy ?? remedy}`, { cause: error })
  if (error instanceof TallystickError) return error
  if (systemCode(error) === 'LEVEL_CORRUPTION')
    return new Failure(
      'ERR_DAMAGED',
      `the database in ${folder} is damaged (${describeError(error)}); ${remedy}`,
      { cause: error }
    )
  if (systemCode(error) === 'LEVEL_IO_ERROR')
    return new Failure(
      'ERR_CANNOT_WRITE',
      `the database in ${folder} cannot be written or read (${causeOf(error)}); make it writable, with room on its disk, and start again: what was accepted is there`,
      { cause: error }
    )
  return error
}
