import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import { isAgeFile } from './age-file.js'

/** Texts that a file of secret keys holds: PEM and OpenSSH, age, libp2p's pre-shared keys. */
const MARKS = ['PRIVATE KEY-----', 'AGE-SECRET-KEY-', '/key/swarm/psk/'] as const

/** Whether the beginning of a file, or all of it, is that of a secret key, ours or another program's, encrypted or not. */
export function isSecret(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes).toString('latin1')
  return isAgeFile(bytes) || MARKS.some(mark => text.includes(mark)) || isIdentity(bytes)
}

function isIdentity(bytes: Uint8Array): boolean {
  try {
    privateKeyFromProtobuf(bytes)
    return true
  } catch {
    return false
  }
}
