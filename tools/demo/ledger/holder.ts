import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdToString, type Signer, signerOf } from '#src/core/keys.js'

/** Somebody with a key, and so with an account. */
export interface Holder {
  readonly key: PrivateKey
  readonly signer: Signer
  /** The PeerId of the key in its usual text. */
  readonly account: string
}

export async function makeHolder(type: 'Ed25519' | 'secp256k1' = 'Ed25519'): Promise<Holder> {
  const key = await generateKeyPair(type)
  const signer = signerOf(key)
  return { key, signer, account: peerIdToString(signer.peerId) }
}

/** Every other one has a key of the other type. */
export function makeHolders(count: number): Promise<Holder[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) => makeHolder(index % 2 === 0 ? 'Ed25519' : 'secp256k1'))
  )
}
