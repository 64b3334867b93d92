import { createPrivateKey } from 'node:crypto'
import { privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { concat, equal, utf8 } from './bytes.js'
import { readPrivateKey } from './key-encoding.js'
import { type Signer, signerOf, verifierOf } from './keys.js'

/**
 * A private key held against itself. A file with one wrong bit may still parse: its peer starts under the right PeerId,
 * and nothing that it signs verifies.
 */

/** Stands in no domain, and is no envelope, note or handshake: the signature is of no use elsewhere. */
const PROBE = utf8('tallystick: does this key sign what its public key verifies?')

/** The private key in libp2p's encoding. Throws an Error unless it has one key in it, which `expectProven` finds whole. */
export async function provenKey(file: Uint8Array): Promise<PrivateKey> {
  const key = readPrivateKey(file)
  if (![privateKeyToProtobuf(key), olderForm(key)].some(form => form !== undefined && equal(form, file)))
    throw new Error('it is not as libp2p encodes its key')
  await expectProven(key)
  return key
}

/** Older programs write the public half of an Ed25519 key twice. */
function olderForm(key: PrivateKey): Uint8Array | undefined {
  if (key.type !== 'Ed25519') return undefined
  return concat(Uint8Array.of(0x08, 0x01, 0x12, 0x60), key.raw, key.raw.subarray(32))
}

/** Throws an Error unless what the key signs, here and in libp2p, verifies with the key that its PeerId stands for. */
async function expectProven(key: PrivateKey): Promise<void> {
  const { publicKey, sign } = signerOf(key)
  if (key.type === 'RSA') expectRsaNumbers(key.raw)
  const isProven =
    verifierOf(publicKey).verify(PROBE, sign(PROBE)) &&
    (await key.publicKey.verify(PROBE, await key.sign(PROBE)))
  if (!isProven) throw new Error('what it signs does not verify with its own public key')
}

/** Signs as `signer` does. `sign` throws an Error where a signature does not verify: nothing wrong is ever shown. */
export function provenSigner(signer: Signer): Signer {
  const { publicKey, peerId } = signer
  const verifier = verifierOf(publicKey)
  if (!equal(verifier.peerId, peerId)) throw new TypeError('a signer whose PeerId is that of another key')
  return {
    ...signer,
    sign: data => {
      const signature = signer.sign(data)
      if (!verifier.verify(data, signature))
        throw new Error(
          'a signature that was just made does not verify, so that nothing of it was written or sent; start again, and where that does not help, restore the key file from a copy, and test the memory of this machine'
        )
      return signature
    }
  }
}

/** Signatures come out right with some of these wrong, so that a damaged file would go unnoticed. */
function expectRsaNumbers(pkcs1: Uint8Array): void {
  const key = createPrivateKey({ format: 'der', type: 'pkcs1', key: Buffer.from(pkcs1) })
  const jwk = key.export({ format: 'jwk' })
  const [n, e, d, p, q, dp, dq, qi] = [jwk.n, jwk.e, jwk.d, jwk.p, jwk.q, jwk.dp, jwk.dq, jwk.qi].map(
    numberOf
  )
  const fits =
    n !== undefined &&
    e !== undefined &&
    d !== undefined &&
    p !== undefined &&
    q !== undefined &&
    p > 1n &&
    q > 1n &&
    p * q === n &&
    (e * d) % (p - 1n) === 1n &&
    (e * d) % (q - 1n) === 1n &&
    dp === d % (p - 1n) &&
    dq === d % (q - 1n) &&
    qi !== undefined &&
    (qi * q) % p === 1n
  if (!fits) throw new Error('its numbers do not fit one another')
}

function numberOf(base64url = ''): bigint {
  return BigInt(`0x0${Buffer.from(base64url, 'base64url').toString('hex')}`)
}
