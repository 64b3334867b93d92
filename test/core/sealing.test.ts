import assert from 'node:assert/strict'
import { createCipheriv } from 'node:crypto'
import fc from 'fast-check'
import * as hpke from 'hpke'
import { asHash, concat, type PeerIdBytes, toHex, utf8 } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import { encodeMessage, PADDING_STEP, type Sealed, TAG_LENGTH } from '#src/core/message.js'
import {
  type Claim,
  keyIdOf,
  newSealingContext,
  Opener,
  openingKeyFromSecret,
  openingKeyFromSeed,
  openSealed,
  type SealingContext,
  seal
} from '#src/core/sealing.js'
import {
  arbitrary,
  assertSame,
  claimOf,
  flipped,
  fromHex,
  runs,
  seedOf,
  stageOf,
  vectors
} from '../helpers/core.js'

interface HpkeVector {
  readonly suite: string
  readonly mode: number
  readonly kdf_id: number
  readonly aead_id: number
  readonly info: string
  readonly ikmR: string
  readonly pkRm: string
  readonly skRm: string
  readonly enc: string
  readonly exports: readonly {
    readonly exporter_context: string
    readonly L: number
    readonly exported_value: string
  }[]
}

const published = vectors<HpkeVector[]>('rfc9180/x25519.json')
const AEADS: Readonly<Record<number, hpke.AEADFactory>> = {
  1: hpke.AEAD_AES_128_GCM,
  3: hpke.AEAD_ChaCha20Poly1305,
  65535: hpke.AEAD_EXPORT_ONLY
}

function suiteWith(aead: hpke.AEADFactory | undefined): hpke.CipherSuite {
  assert.ok(aead)
  return new hpke.CipherSuite(hpke.KEM_DHKEM_X25519_HKDF_SHA256, hpke.KDF_HKDF_SHA256, aead)
}

async function keyPair(suite: hpke.CipherSuite, secretKey: Uint8Array, publicKey: Uint8Array) {
  return {
    privateKey: await suite.DeserializePrivateKey(secretKey, false),
    publicKey: await suite.DeserializePublicKey(publicKey)
  }
}

const stage = await stageOf()
const { network, author, key, session } = stage
const claim = claimOf(stage, { sequence: 7n })
const PLAINTEXT = utf8('{"text":"for the sequencer alone"}')

/** What `openSealed` and a fresh `Opener` say; both must agree. */
async function open(claim: Claim, sealed: Sealed, secret = session.secret) {
  const alone = openSealed(secret, claim, sealed)
  const outcome = await openedBy(new Opener([key]), claim, sealed)
  return { alone, outcome }
}

/** The plaintext, or why there is none; the key of refusals is looked at elsewhere. */
async function openedBy(opener: Opener, claim: Claim, sealed: Sealed) {
  const opened = await opener.open(claim, sealed)
  return opened.ok ? { ok: true, plaintext: opened.plaintext } : opened
}

async function assertDoesNotOpen(claim: Claim, sealed: Sealed, what: string): Promise<void> {
  const { alone, outcome } = await open(claim, sealed)
  assert.equal(alone, undefined, what)
  assert.deepEqual(outcome, { ok: false, reason: 'does not open' }, what)
}

/** The format by hand: AES-256-GCM under the exported secret, over a plaintext that is padded already. */
function sealPadded({ keyId, enc, secret }: SealingContext, claim: Claim, padded: Uint8Array): Sealed {
  const nonce = fromHex(claim.sequence.toString(16).padStart(24, '0'))
  const cipher = createCipheriv('aes-256-gcm', secret, nonce)
  const without = { keyId, enc, ciphertext: new Uint8Array(0) }
  cipher.setAAD(encodeMessage({ ...claim, body: { kind: 'sealed', sealed: without } }))
  return { keyId, enc, ciphertext: concat(cipher.update(padded), cipher.final(), cipher.getAuthTag()) }
}

describe('Sealing: RFC 9180 with DHKEM(X25519, HKDF-SHA256) and HKDF-SHA256', () => {
  const ours = published.filter(({ mode, kdf_id }) => mode === 0 && kdf_id === 1)

  it('there are vectors for each AEAD, that of export only among them', () => {
    assert.deepEqual(ours.map(({ aead_id }) => aead_id).sort(), [1, 3, 65535])
  })

  for (const { suite: name, aead_id, info, enc, skRm, pkRm, exports } of ours)
    it(`the recipient exports the published values: ${name}`, async () => {
      const suite = suiteWith(AEADS[aead_id])
      const pair = await keyPair(suite, fromHex(skRm), fromHex(pkRm))
      const context = await suite.SetupRecipient(pair, fromHex(enc), { info: fromHex(info) })
      for (const { exporter_context, L, exported_value } of exports)
        assert.equal(toHex(await context.Export(fromHex(exporter_context), L)), exported_value)
    })

  it('a key pair is derived from a seed as published', async () => {
    for (const { ikmR, pkRm, skRm } of published) {
      const key = await openingKeyFromSeed(fromHex(ikmR))
      assert.equal(toHex(key.publicKey), pkRm)
      assert.equal(toHex(key.secretKey), skRm)
    }
  })

  it('a key read back from its secret is the same key', async () => {
    for (const { pkRm, skRm } of published) {
      const key = openingKeyFromSecret(fromHex(skRm))
      assert.equal(toHex(key.publicKey), pkRm)
      assert.equal(toHex(key.secretKey), skRm)
      assertSame(key.keyId, keyIdOf(fromHex(pkRm)))
    }
    for (const length of [0, 31, 33]) assert.throws(() => openingKeyFromSecret(new Uint8Array(length)))
  })

  it('the session key is what any HPKE recipient exports from enc, info and purpose', async () => {
    const suite = suiteWith(hpke.AEAD_EXPORT_ONLY)
    const pair = await keyPair(suite, key.secretKey, key.publicKey)
    const info = concat(
      utf8('tallystick-sealed-message'),
      network.id,
      Uint8Array.of(author.peerId.length),
      author.peerId,
      key.keyId
    )
    const context = await suite.SetupRecipient(pair, session.enc, { info })
    assertSame(await context.Export(utf8('tallystick-message-key'), 32), session.secret)
  })

  it('every session has a key share and a secret of its own', async () => {
    const other = await newSealingContext(key, network.id, author.peerId)
    assert.notEqual(toHex(other.enc), toHex(session.enc))
    assert.notEqual(toHex(other.secret), toHex(session.secret))
  })
})

describe('Sealing: round trip', () => {
  it('whatever is sealed opens again, from the session secret and from the secret key', async () => {
    const opener = new Opener([key])
    const claims = fc.record({ sequence: arbitrary.u64(1n), time: arbitrary.count() })
    await fc.assert(
      fc.asyncProperty(arbitrary.bytes(0, 400), claims, async (plaintext, changes) => {
        const claim = claimOf(stage, changes)
        const sealed = seal(session, claim, plaintext)
        assertSame(openSealed(session.secret, claim, sealed), plaintext)
        assertSame(await openedBy(opener, claim, sealed), { ok: true, plaintext })
      }),
      runs(200)
    )
  })

  it('plaintexts that end like padding come back whole', async () => {
    for (const plaintext of [
      new Uint8Array(0),
      Uint8Array.of(0x80),
      Uint8Array.of(0x80, 0, 0),
      Uint8Array.of(1, 0, 0),
      new Uint8Array(63),
      new Uint8Array(64),
      new Uint8Array(64).fill(0x80)
    ]) {
      const { alone, outcome } = await open(claim, seal(session, claim, plaintext))
      assertSame(alone, plaintext)
      assertSame(outcome, { ok: true, plaintext })
    }
  })

  it('messages of a session open alone and in any order', async () => {
    const texts = [3n, 1n, 2n].map(sequence => ({ sequence, plaintext: utf8(`message ${sequence}`) }))
    const sealed = texts.map(({ sequence, plaintext }) => {
      const claim = claimOf(stage, { sequence })
      return { claim, plaintext, body: seal(session, claim, plaintext) }
    })
    const opener = new Opener([key])
    for (const { claim, plaintext, body } of sealed.toReversed()) {
      assertSame(await openedBy(opener, claim, body), { ok: true, plaintext })
      assertSame(await openedBy(new Opener([key]), claim, body), { ok: true, plaintext })
    }
  })

  it('the format is AES-256-GCM: sequence as nonce, the rest of the message as associated data', () => {
    const padded = new Uint8Array(64)
    padded.set(PLAINTEXT)
    padded[PLAINTEXT.length] = 0x80
    for (const sequence of [1n, 255n, 256n, 2n ** 32n, 2n ** 40n + 5n, 2n ** 64n - 1n]) {
      const claim = claimOf(stage, { sequence })
      assertSame(sealPadded(session, claim, padded), seal(session, claim, PLAINTEXT))
    }
  })
})

describe('Sealing: padding', () => {
  it('ciphertexts take whole steps and a tag, with room for at least one byte of padding', () => {
    for (let length = 0; length <= 3 * PADDING_STEP; length++) {
      const { ciphertext } = seal(session, claim, new Uint8Array(length))
      const steps = Math.floor(length / PADDING_STEP) + 1
      assert.equal(ciphertext.length, steps * PADDING_STEP + TAG_LENGTH)
    }
  })

  it('plaintexts within one step cannot be told apart by length', () => {
    const lengths = [0, 1, 30, 63].map(
      length => seal(session, claim, new Uint8Array(length)).ciphertext.length
    )
    assert.deepEqual(new Set(lengths), new Set([80]))
  })

  it('sealed with wrong padding does not open', async () => {
    const zeros = new Uint8Array(128)
    for (const [what, padded] of Object.entries({
      'no mark': zeros.subarray(0, 64),
      'no mark in the last step': zeros.with(63, 0x80),
      'not zero behind the mark': zeros.with(64, 0x80).with(127, 1),
      'no padding at all': new Uint8Array(64).fill(7),
      nothing: new Uint8Array(0)
    }))
      await assertDoesNotOpen(claim, sealPadded(session, claim, padded), what)
    const latest = zeros.with(127, 0x80)
    assertSame((await open(claim, sealPadded(session, claim, latest))).alone, zeros.subarray(0, 127))
    const earliest = zeros.with(64, 0x80)
    assertSame((await open(claim, sealPadded(session, claim, earliest))).alone, zeros.subarray(0, 64))
  })
})

describe('Sealing: what does not open', () => {
  const sealed = seal(session, claim, PLAINTEXT)

  it('a message whose author, network, sequence or time is another', async () => {
    const stranger = flipped(author.peerId, 20) as PeerIdBytes
    const changes: Record<string, Partial<Claim>> = {
      author: { author: stranger },
      'longer author': { author: concat(author.peerId, Uint8Array.of(0)) as PeerIdBytes },
      network: { network: asHash(flipped(network.id, 0)) },
      sequence: { sequence: claim.sequence + 1n },
      'sequence past 32 bits': { sequence: claim.sequence + 2n ** 32n },
      time: { time: claim.time + 1 },
      'no time': { time: 0 }
    }
    for (const [what, change] of Object.entries(changes))
      await assertDoesNotOpen({ ...claim, ...change }, sealed, what)
  })

  it('a body whose key share is another', async () => {
    for (const index of [0, 15, 31])
      await assertDoesNotOpen(claim, { ...sealed, enc: flipped(sealed.enc, index) }, `byte ${index}`)
    const other = await newSealingContext(key, network.id, author.peerId)
    await assertDoesNotOpen(claim, { ...sealed, enc: other.enc }, 'of another session')
  })

  it('a body whose key id is another', async () => {
    const changed = { ...sealed, keyId: flipped(sealed.keyId, 0) }
    assert.equal(openSealed(session.secret, claim, changed), undefined)
    assert.deepEqual(await new Opener([key]).open(claim, changed), { ok: false, reason: 'unknown key' })
    const other = await openingKeyFromSeed(seedOf('another key'))
    const relabelled = { ...sealed, keyId: other.keyId }
    assert.deepEqual(await new Opener([key, other]).open(claim, relabelled), {
      ok: false,
      reason: 'does not open'
    })
  })

  it('a ciphertext with any bit turned, cut short or drawn out', async () => {
    const { ciphertext } = sealed
    for (let index = 0; index < ciphertext.length; index++) {
      const turned = { ...sealed, ciphertext: flipped(ciphertext, index, 1 << (index % 8)) }
      assert.equal(openSealed(session.secret, claim, turned), undefined, `byte ${index}`)
    }
    await assertDoesNotOpen(claim, { ...sealed, ciphertext: ciphertext.subarray(1) }, 'cut at the start')
    await assertDoesNotOpen(claim, { ...sealed, ciphertext: ciphertext.subarray(0, -1) }, 'cut at the end')
    await assertDoesNotOpen(claim, { ...sealed, ciphertext: concat(ciphertext, ciphertext) }, 'twice')
    await assertDoesNotOpen(claim, { ...sealed, ciphertext: ciphertext.subarray(-16) }, 'tag alone')
  })

  it('a ciphertext moved to another message, of the same session or of another', async () => {
    const next = claimOf(stage, { sequence: 8n })
    await assertDoesNotOpen(next, sealed, 'next message')
    const other = await newSealingContext(key, network.id, author.peerId)
    const { ciphertext } = seal(other, claim, PLAINTEXT)
    await assertDoesNotOpen(claim, { ...sealed, ciphertext }, 'ciphertext of another session')
  })

  it('a body that someone took over to say it as their own', async () => {
    const thief = flipped(author.peerId, 20) as PeerIdBytes
    await assertDoesNotOpen({ ...claim, author: thief }, sealed, 'as it is')
    // Even who knows the session's secret cannot say it as another: the agreement names its author.
    const resealed = seal(session, { ...claim, author: thief }, PLAINTEXT)
    assert.deepEqual(await new Opener([key]).open({ ...claim, author: thief }, resealed), {
      ok: false,
      reason: 'does not open'
    })
    const elsewhere = { ...claim, network: asHash(flipped(network.id, 0)) }
    assert.deepEqual(await new Opener([key]).open(elsewhere, seal(session, elsewhere, PLAINTEXT)), {
      ok: false,
      reason: 'does not open'
    })
  })

  it('with another secret key, or none', async () => {
    const other = await openingKeyFromSeed(seedOf('another key'))
    assert.deepEqual(await new Opener([other]).open(claim, sealed), { ok: false, reason: 'unknown key' })
    assert.deepEqual(await new Opener([]).open(claim, sealed), { ok: false, reason: 'unknown key' })
    const disguised = { ...other, keyId: key.keyId }
    assert.deepEqual(await new Opener([disguised]).open(claim, sealed), {
      ok: false,
      reason: 'does not open'
    })
    assert.equal(openSealed(seedOf('another secret'), claim, sealed), undefined)
  })

  it('a key share of small order, which would give a secret that everyone knows', async () => {
    const secret = new Uint8Array(32)
    for (const enc of [new Uint8Array(32), new Uint8Array(32).with(0, 1)]) {
      const weak = seal({ keyId: key.keyId, enc, secret, refusalSecret: secret }, claim, PLAINTEXT)
      assert.deepEqual(await new Opener([key]).open(claim, weak), { ok: false, reason: 'does not open' })
    }
  })

  it('nobody seals to a public key of small order', async () => {
    const publicKey = new Uint8Array(32)
    await assert.rejects(
      newSealingContext({ keyId: keyIdOf(publicKey), publicKey }, network.id, author.peerId)
    )
  })

  it('arbitrary bodies', async () => {
    const bodies = fc.record({
      enc: arbitrary.bytes(32, 32),
      ciphertext: fc
        .integer({ min: 1, max: 3 })
        .chain(steps => arbitrary.bytes(64 * steps + 16, 64 * steps + 16))
    })
    const opener = new Opener([key])
    await fc.assert(
      fc.asyncProperty(bodies, async body => {
        const outcome = await openedBy(opener, claim, { keyId: key.keyId, ...body })
        assert.deepEqual(outcome, { ok: false, reason: 'does not open' })
      }),
      runs(50)
    )
  })
})

describe('Sealing: who holds several keys', () => {
  it('opens what was sealed to any of them', async () => {
    const older = await openingKeyFromSeed(seedOf('older key'))
    const opener = new Opener([key, older])
    for (const one of [older, key]) {
      const context = await newSealingContext(one, network.id, author.peerId)
      assertSame(await openedBy(opener, claim, seal(context, claim, PLAINTEXT)), {
        ok: true,
        plaintext: PLAINTEXT
      })
    }
  })

  it('still opens what belongs to a session it has forgotten', async () => {
    const opener = new Opener([key], { authors: 1 })
    const contexts = await Promise.all(
      Array.from({ length: 2 * LIMITS.sessionsOfAuthor }, () =>
        newSealingContext(key, network.id, author.peerId)
      )
    )
    for (const context of [...contexts, ...contexts])
      assertSame(await openedBy(opener, claim, seal(context, claim, PLAINTEXT)), {
        ok: true,
        plaintext: PLAINTEXT
      })
  })

  it('opens messages that arrive at once', async () => {
    const opener = new Opener([key])
    const outcomes = await Promise.all(
      [1n, 2n, 3n].map(sequence => {
        const claim = claimOf(stage, { sequence })
        return openedBy(opener, claim, seal(session, claim, utf8(`${sequence}`)))
      })
    )
    assertSame(
      outcomes,
      ['1', '2', '3'].map(text => ({ ok: true, plaintext: utf8(text) }))
    )
  })

  it('keeps what others try with a key share apart from the session of its author', async () => {
    const opener = new Opener([key])
    const sealed = seal(session, claim, PLAINTEXT)
    const thief = { ...claim, author: flipped(author.peerId, 20) as PeerIdBytes }
    assert.ok(!(await opener.open(thief, sealed)).ok)
    assert.ok(!(await opener.open(claim, { ...sealed, ciphertext: flipped(sealed.ciphertext, 0) })).ok)
    assertSame(await openedBy(opener, claim, sealed), { ok: true, plaintext: PLAINTEXT })
    assert.ok(!(await opener.open(thief, seal(session, thief, PLAINTEXT))).ok)
  })
})
