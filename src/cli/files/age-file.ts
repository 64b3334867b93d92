import { Piscina } from 'piscina'
import { equal, utf8 } from '../../core/bytes.js'
import type { AgeJob } from './age-worker.js'

/** Files of age (https://age-encryption.org/v1) with a passphrase: `age --decrypt` reads them, too. */

export function isAgeFile(bytes: Uint8Array): boolean {
  return isArmored(bytes) || startsWith(bytes, 'age-encryption.org/v1\n')
}

/** As text, which is how ours are written. */
function isArmored(bytes: Uint8Array): boolean {
  return startsWith(bytes, '-----BEGIN AGE ENCRYPTED FILE-----')
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  return equal(bytes.subarray(0, text.length), utf8(text))
}

export async function encryptWithPassphrase(content: Uint8Array, passphrase: string): Promise<string> {
  const file = await run({ do: 'encrypt', content, passphrase })
  if (typeof file !== 'string') throw new TypeError('an armored file is text')
  return file
}

/** Undefined where the passphrase is another one. Throws where the file is damaged. */
export async function decryptWithPassphrase(
  file: Uint8Array,
  passphrase: string
): Promise<Uint8Array | undefined> {
  const content = await run({ do: 'decrypt', file, isArmored: isArmored(file), passphrase })
  if (typeof content === 'string') throw new TypeError('a content is bytes')
  return content
}

async function run(job: AgeJob): Promise<string | Uint8Array | undefined> {
  const filename = import.meta.resolve('#src/cli/files/age-worker.js')
  const worker = new Piscina<AgeJob, string | Uint8Array | undefined>({ filename, maxThreads: 1 })
  try {
    return await worker.run(job)
  } finally {
    await worker.destroy()
  }
}
