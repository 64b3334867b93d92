import { armor, Decrypter, Encrypter } from 'age-encryption'

/** Runs in a worker thread: what makes a passphrase slow to guess takes a second, and a peer must not stand still. */

export type AgeJob =
  | { readonly do: 'encrypt'; readonly content: Uint8Array; readonly passphrase: string }
  | {
      readonly do: 'decrypt'
      readonly file: Uint8Array
      readonly isArmored: boolean
      readonly passphrase: string
    }

/** The armored file, the content, or undefined where the passphrase is another one. Throws where it is no age file. */
export default async function age(job: AgeJob): Promise<string | Uint8Array | undefined> {
  if (job.do === 'encrypt') {
    const encrypter = new Encrypter()
    encrypter.setPassphrase(job.passphrase)
    return armor.encode(await encrypter.encrypt(job.content))
  }
  const decrypter = new Decrypter()
  decrypter.addPassphrase(job.passphrase)
  let isAnother = false
  // It is asked only where the passphrase has opened nothing.
  decrypter.addIdentity({
    unwrapFileKey: () => {
      isAnother = true
      return null
    }
  })
  const file = job.isArmored ? armor.decode(Buffer.from(job.file).toString('latin1')) : job.file
  return decrypter.decrypt(file).catch((error: unknown) => {
    if (isAnother) return undefined
    throw error
  })
}
