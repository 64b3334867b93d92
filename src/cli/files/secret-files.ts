import { lstat } from 'node:fs/promises'
import { describeError } from '../../core/events.js'
import { Failure } from '../failure.js'
import { passphrasesFor } from '../terminal/passphrase.js'
import { decryptWithPassphrase, encryptWithPassphrase, isAgeFile } from './age-file.js'
import { readPrivate } from './files.js'
import { createFile, replaceFile } from './written-files.js'

/** Files that only their owner can read, behind a passphrase where there is one. */

const MODE = 0o600

export interface Secret {
  readonly content: Uint8Array
  /** Undefined where the file is not encrypted. */
  readonly passphrase: string | undefined
}

/** What has been opened, by the text of its file. A peer reads its files more than once, and each time takes a second. */
const opened = new Map<string, Secret>()

/** Throws Failure where others can read it, or no passphrase is at hand that opens it. */
export async function readSecret(path: string): Promise<Secret> {
  const file = await readPrivate(path)
  if (!isAgeFile(file)) return { content: file, passphrase: undefined }
  const name = Buffer.from(file).toString('latin1')
  const secret = opened.get(name) ?? (await open(path, file))
  opened.set(name, secret)
  return secret
}

async function open(path: string, file: Uint8Array): Promise<Secret> {
  const known = new Set([...opened.values()].flatMap(({ passphrase }) => passphrase ?? []))
  try {
    for await (const passphrase of passphrasesFor(path, known)) {
      const content = await decryptWithPassphrase(file, passphrase)
      if (content !== undefined) return { content, passphrase }
    }
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure('ERR_DAMAGED', `${path} is damaged: ${describeError(error)}; restore it from a copy`, {
      cause: error
    })
  }
  throw new Failure('ERR_PASSPHRASE', `wrong passphrase: ${path} does not open with it`)
}

/** Throws Failure if the file exists. */
export async function createSecret(path: string, { content, passphrase }: Secret): Promise<void> {
  await createFile(path, await locked(content, passphrase), MODE)
}

/** Throws Failure where the file has another name: what is in it now would stay there. */
export async function replaceSecret(path: string, { content, passphrase }: Secret): Promise<void> {
  await expectOnlyName(path)
  await replaceFile(path, await locked(content, passphrase), MODE)
}

/** A file is replaced under its name alone, and never written through a link. */
async function expectOnlyName(path: string): Promise<void> {
  const file = await lstat(path)
  if (file.isSymbolicLink())
    throw new Failure(
      'ERR_CANNOT_WRITE',
      `${path} is a link to a file, which would stay as it is; nothing was written: name the file itself`
    )
  if (file.nlink > 1)
    throw new Failure(
      'ERR_CANNOT_WRITE',
      `${path} has ${file.nlink} names (hard links), and under the others it would stay as it is; nothing was written: leave it one name (find DIR -samefile ${path} names them all)`
    )
}

function locked(content: Uint8Array, passphrase: string | undefined): Uint8Array | Promise<string> {
  return passphrase === undefined ? content : encryptWithPassphrase(content, passphrase)
}
