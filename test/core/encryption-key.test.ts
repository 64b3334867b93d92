import assert from 'node:assert/strict'
import { asHash, type PeerIdBytes, toHex } from '#src/core/bytes.js'
import { type CertifiedKey, certifyKey, isUndated, readCertificate } from '#src/core/encryption-key.js'
import { decodeEnvelope, signEnvelope } from '#src/core/envelope.js'
import { VerifierCache } from '#src/core/keys.js'
import { keyIdOf, openingKeyFromSeed } from '#src/core/sealing.js'
import { EncryptionKey } from '#src/core/wire/tallystick.js'
import {
  assertSame,
  flipped,
  fromHex,
  repositoryFile,
  seedOf,
  signerNamed,
  stageOf
} from '../helpers/core.js'

const { network, author, sequencer, key } = await stageOf()
const { keyId, publicKey } = key
const certified = { ...key, serial: 7, until: 1_900_000_000_000 }
const verifiers = new VerifierCache()

function read(bytes: Uint8Array, from: PeerIdBytes = sequencer.peerId): CertifiedKey {
  return readCertificate(bytes, network.id, from, verifiers)
}

function refused(bytes: Uint8Array, message: RegExp): void {
  assert.throws(() => read(bytes), { name: 'DecodeError', message })
}

/** Signed by the sequencer, whatever it says. */
function certificate(changes: Partial<EncryptionKey>): Uint8Array {
  const payload = EncryptionKey.encode({ network: network.id, keyId, publicKey, ...changes })
  return signEnvelope('encryptionKey', payload, sequencer)
}

describe('Certificates of the encryption key', () => {
  it('give the public key and its id, and never the secret', () => {
    const bytes = certifyKey(certified, network.id, sequencer)
    assertSame(read(bytes), { keyId, publicKey, serial: 7, until: 1_900_000_000_000 })
    assert.ok(!toHex(bytes).includes(toHex(key.secretKey)))
  })

  it('name the key by the first 8 bytes of its SHA-256', () => {
    assertSame(keyId, keyIdOf(publicKey))
    assert.equal(keyId.length, 8)
  })

  it('of a foreign signer are refused', async () => {
    for (const signer of [author, await signerNamed('somebody else')])
      refused(certifyKey(certified, network.id, signer), /another key/)
  })

  it('of a foreign network are refused', () => {
    refused(certifyKey(certified, asHash(flipped(network.id, 0)), sequencer), /another network/)
    refused(certificate({ network: new Uint8Array(0) }), /another network/)
  })

  it('with an id that is not the key’s own are refused', async () => {
    const other = await openingKeyFromSeed(seedOf('another key'))
    refused(certificate({ keyId: other.keyId }), /the id is not its own/)
    refused(certificate({ publicKey: other.publicKey }), /the id is not its own/)
    refused(certificate({ keyId: flipped(keyId, 7) }), /the id is not its own/)
  })

  it('with a key or an id of another length are refused', () => {
    for (const length of [0, 31, 33]) {
      const publicKey = new Uint8Array(length).fill(9)
      refused(certificate({ publicKey, keyId: keyIdOf(publicKey) }), /encryption key: expected 32 bytes/)
    }
    for (const wrong of [new Uint8Array(0), keyId.subarray(1), new Uint8Array(9)])
      refused(certificate({ keyId: wrong }), /encryption key id: expected 8 bytes/)
  })

  it('of before there were serials are read, and known as old ones', () => {
    const old = read(certificate({}))
    assertSame(old, { keyId, publicKey, serial: 0, until: 0 })
    assert.ok(isUndated(old))
    assert.ok(!isUndated(read(certifyKey(certified, network.id, sequencer))))
  })

  it('with a serial and no end, or an end and no serial, are refused', () => {
    refused(certificate({ serial: 1 }), /of serial and end it has only one/)
    refused(certificate({ until: 1_900_000_000_000 }), /of serial and end it has only one/)
  })

  it('signed in another domain are refused', () => {
    const { payload } = decodeEnvelope(certifyKey(certified, network.id, sequencer))
    for (const domain of ['message', 'block', 'receipt'] as const)
      refused(signEnvelope(domain, payload, sequencer), /signature does not fit/)
  })

  it('that are none are refused', () => {
    refused(new Uint8Array(0), /^encryption key: /)
    refused(signEnvelope('encryptionKey', Uint8Array.of(0xff), sequencer), /^encryption key: /)
  })

  describe('of the published vectors', () => {
    interface Vector {
      readonly serial: number
      readonly until: number
      readonly envelope: string
    }
    interface Vectors extends Readonly<Record<'dated' | 'next' | 'old', Vector>> {
      readonly refused: Readonly<Record<string, string>>
    }
    interface Example {
      readonly keys: { readonly sequencerPeerId: string; readonly keyId: string }
      readonly network: { readonly id: string }
      readonly certificate: { readonly envelope: string }
    }
    const vectors: Vectors = JSON.parse(repositoryFile('docs/vectors/certificates.json'))
    const example: Example = JSON.parse(repositoryFile('docs/vectors/example.json'))
    const readVector = (envelope: string): CertifiedKey =>
      readCertificate(
        fromHex(envelope),
        asHash(fromHex(example.network.id)),
        fromHex(example.keys.sequencerPeerId) as PeerIdBytes,
        verifiers
      )

    for (const name of ['dated', 'next', 'old'] as const)
      it(`are read: ${name}`, () => {
        const { serial, until, envelope } = vectors[name]
        const certificate = readVector(envelope)
        assert.deepEqual([certificate.serial, certificate.until], [serial, until])
        assert.equal(toHex(certificate.keyId), example.keys.keyId)
      })

    it('have the one of the worked example as an old one', () => {
      assert.equal(vectors.old.envelope, example.certificate.envelope)
    })

    for (const [what, envelope] of Object.entries(vectors.refused))
      it(`are refused: ${what}`, () => {
        assert.throws(() => readVector(envelope), { name: 'DecodeError' })
      })
  })
})
