import assert from 'node:assert/strict'
import { privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { concat, toHex, utf8 } from '#src/core/bytes.js'
import { signerOf } from '#src/core/keys.js'
import { provenKey, provenSigner } from '#src/core/proven-signer.js'
import { flipped, KEY_TYPES, type KeyName, privateKeyOf, signerNamed } from '../helpers/core.js'

/** Undefined where it is a key that proves itself; otherwise why it is none. */
async function problemOf(file: Uint8Array): Promise<string | undefined> {
  try {
    await provenKey(file)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

async function fileOf(type: KeyName): Promise<Uint8Array> {
  return privateKeyToProtobuf(await privateKeyOf('somebody', type))
}

describe('A private key is held against itself', () => {
  for (const type of KEY_TYPES)
    it(`${type}: a whole one proves itself`, async () => {
      assert.equal(await problemOf(await fileOf(type)), undefined)
    })

  it('Ed25519: also one whose public half stands there twice, as older programs write it, unless the two differ', async () => {
    const { raw } = await privateKeyOf('somebody')
    const older = concat(Uint8Array.of(0x08, 0x01, 0x12, 0x60), raw, raw.slice(32))
    assert.equal(await problemOf(older), undefined)
    for (const index of [10, 40, 80]) assert.ok(await problemOf(flipped(older, index)), `byte ${index}`)
  })

  it('Ed25519: with any one bit turned over, in the seed, the public half or the type, it is refused', async () => {
    const file = await fileOf('Ed25519')
    assert.equal(file.length, 68)
    for (let bit = 0; bit < 8 * file.length; bit++) {
      const problem = await problemOf(flipped(file, bit >> 3, 1 << (bit & 7)))
      assert.ok(problem, `bit ${bit}`)
      // Behind the type and the lengths: it parses, and would have started under the right PeerId.
      if (bit >> 3 >= 4 && bit >> 3 < 36) assert.match(problem, /does not verify/)
    }
  })

  it('RSA: with a bit turned over in any byte it is refused', async () => {
    const file = await fileOf('RSA')
    for (let index = 0; index < file.length; index++)
      assert.ok(await problemOf(flipped(file, index, 1 << (index % 8))), `byte ${index}`)
  }).timeout(60_000)

  it('secp256k1: its file has no public half, and another bit is another key with another PeerId', async () => {
    const file = await fileOf('secp256k1')
    const { peerId } = await signerNamed('somebody', 'secp256k1')
    for (let bit = 8 * 4; bit < 8 * file.length; bit++) {
      const changed = flipped(file, bit >> 3, 1 << (bit & 7))
      assert.notEqual(toHex(signerOf(privateKeyFromProtobuf(changed)).peerId), toHex(peerId))
    }
    for (let bit = 0; bit < 8 * 4; bit++)
      assert.ok(await problemOf(flipped(file, bit >> 3, 1 << (bit & 7))), `bit ${bit}`)
  })

  it('a signature that was just made and does not verify is shown to nobody', async () => {
    const signer = await signerNamed('somebody')
    const data = utf8('something')
    assert.deepEqual(provenSigner(signer).sign(data), signer.sign(data))
    const wrong = { ...signer, sign: () => flipped(signer.sign(data), 40) }
    assert.throws(() => provenSigner(wrong).sign(data), /does not verify.*key file/)
    const { peerId } = await signerNamed('somebody else')
    assert.throws(() => provenSigner({ ...signer, peerId }), /PeerId/)
  })
})
