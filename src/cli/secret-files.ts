import { describeError } from '../node/events.js'
import { decryptWithPassphrase, encryptWithPassphrase, isAgeFile } from './age-file.js'
import { Failure } from './failure.js'
import { createFile, readPrivate, replaceFile } from './files.js'
import { passphrasesFor } from './passphrase.js'

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
    throw new Failure(`${path} is damaged: ${describeError(error)}; restore it from a copy`)
  }
  throw new Failure(`wrong passphrase: ${path} does not open with it`)
}

/** Throws Failure if the file exists. */
export async function createSecret(path: string, { content, passphrase }: Secret): Promise<void> {
  await createFile(path, await locked(content, passphrase), MODE)
}

export async function replaceSecret(path: string, { content, passphrase }: Secret): Promise<void> {
  await replaceFile(path, await locked(content, passphrase), MODE)
}

function locked(content: Uint8Array, passphrase: string | undefined): Uint8Array | Promise<string> {
  return passphrase === undefined ? content : encryptWithPassphrase(content, passphrase)
}
