import { generateKeyPairSync, sign, verify } from 'node:crypto'

/** Ed25519 verifications a second, on one core, by node:crypto with a key object that is kept: what no validation can beat. */
export function verificationsPerSecond(messageBytes: number, seconds: number): number {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const message = Buffer.alloc(messageBytes, 7)
  const signature = sign(null, message, privateKey)
  const start = performance.now()
  let count = 0
  while (performance.now() - start < seconds * 1000) {
    for (let i = 0; i < 200; i += 1)
      if (!verify(null, message, publicKey, signature)) throw new Error('not valid')
    count += 200
  }
  return (count * 1000) / (performance.now() - start)
}
