import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { asHash, concat, type EnvelopeBytes, toHex, utf8 } from '#src/core/bytes.js'
import { decodeEnvelope, signEnvelope } from '#src/core/envelope.js'
import { type Signer, VerifierCache } from '#src/core/keys.js'
import { leafHash } from '#src/core/merkle.js'
import { encodeMessage, type Message } from '#src/core/message.js'
import { isMalicious, REASONS, refusal } from '#src/core/refusal.js'
import { newSealingContext, Opener, openingKeyFromSeed } from '#src/core/sealing.js'
import { type MessageRules, type Verdict, validateEnvelope } from '#src/core/validation.js'
import { Envelope, Message as WireMessage } from '#src/core/wire/tallystick.js'
import {
  assertSame,
  claimOf,
  flipped,
  KEY_TYPES,
  sealedMessage,
  seedOf,
  signedMessage,
  signerNamed,
  stageOf
} from '../helpers/core.js'

/** From build/test/core. */
const sources = fileURLToPath(new URL('../../../src', import.meta.url))

const stage = await stageOf()
const { network, author, key } = stage
const stranger = await signerNamed('stranger')
const verifiers = new VerifierCache()
const PLAINTEXT = utf8('{"text":"hello"}')
const BAD_BODY = utf8('{"text":"bad"}')
const badSchema = refusal('bad schema', 'this body is a bad one')

/** Takes sealed bodies of anyone, and any body but BAD_BODY. */
const rules: MessageRules = {
  network: network.id,
  messageBytes: 4096,
  members: undefined,
  bodies: 'sealed',
  checkBody: body => (Buffer.compare(body, BAD_BODY) === 0 ? badSchema : undefined),
  opener: new Opener([key])
}

function judge(bytes: Uint8Array, changes: Partial<MessageRules> = {}): Promise<Verdict> {
  return validateEnvelope(bytes as EnvelopeBytes, { ...rules, ...changes }, verifiers)
}

/** Asserts the reason, and that the author is named exactly where it was proved. */
async function refused(
  bytes: Uint8Array,
  reason: string,
  named?: Signer,
  changes: Partial<MessageRules> = {}
): Promise<void> {
  const verdict = await judge(bytes, changes)
  assert.ok(!verdict.ok, `expected: ${reason}`)
  assert.equal(verdict.refusal.reason, reason)
  assert.notEqual(verdict.refusal.detail, '')
  assertSame(verdict.leaf, leafHash(bytes))
  assertSame(verdict.author, named?.peerId)
  assert.equal('author' in verdict, named !== undefined)
}

function open(bytes: Uint8Array): Message {
  return { ...claimOf(stage), body: { kind: 'open', bytes } }
}

/** The author's signature over a payload that need not be a message. */
function signedPayload(payload: Uint8Array, signer = author): Uint8Array {
  return signEnvelope('message', payload, signer)
}

function reassembled(bytes: Uint8Array, changes: Partial<Envelope>): Uint8Array {
  return Envelope.encode({ ...decodeEnvelope(bytes), ...changes })
}

describe('Validation: what is taken', () => {
  for (const type of KEY_TYPES)
    it(`a sealed message signed with ${type}`, async () => {
      const stage = await stageOf(type)
      const bytes = signedMessage(sealedMessage(stage, PLAINTEXT, { sequence: 42n }), stage.author)
      assertSame(await judge(bytes), {
        ok: true,
        leaf: leafHash(bytes),
        author: stage.author.peerId,
        sequence: 42n
      })
    })

  it('an open message, where bodies are open', async () => {
    const bytes = signedMessage(open(PLAINTEXT), author)
    assertSame(await judge(bytes, { bodies: 'open' }), {
      ok: true,
      leaf: leafHash(bytes),
      author: author.peerId,
      sequence: 1n
    })
  })

  it('a message of a member, where there are members', async () => {
    const bytes = signedMessage(sealedMessage(stage), author)
    assert.ok((await judge(bytes, { members: new Set([toHex(author.peerId)]) })).ok)
  })

  it('any sequence and any time: what came before is not looked at', async () => {
    for (const sequence of [1n, 2n ** 53n, 2n ** 64n - 1n])
      for (const time of [0, Number.MAX_SAFE_INTEGER]) {
        const bytes = signedMessage(sealedMessage(stage, PLAINTEXT, { sequence, time }), author)
        const verdict = await judge(bytes)
        assert.ok(verdict.ok)
        assert.equal(verdict.sequence, sequence)
      }
  })

  it('the body that is checked is the plaintext, sealed or open', async () => {
    const seen: Uint8Array[] = []
    const checkBody = (body: Uint8Array) => {
      seen.push(body)
      return undefined
    }
    await judge(signedMessage(sealedMessage(stage, utf8('sealed')), author), { checkBody })
    await judge(signedMessage(open(utf8('open')), author), { checkBody, bodies: 'open' })
    assertSame(seen, [utf8('sealed'), utf8('open')])
  })

  it('what anything throws while it is judged is no verdict, and is thrown on', async () => {
    const defect = new RangeError('Maximum call stack size exceeded')
    const fail = (): never => {
      throw defect
    }
    class FailingOpener extends Opener {
      override open = async (): Promise<never> => fail()
    }
    class FailingVerifiers extends VerifierCache {
      override get = fail
    }
    const bytes = signedMessage(sealedMessage(stage), author)
    await assert.rejects(judge(bytes, { checkBody: fail }), defect)
    await assert.rejects(judge(bytes, { opener: new FailingOpener([key]) }), defect)
    await assert.rejects(validateEnvelope(bytes as EnvelopeBytes, rules, new FailingVerifiers()), defect)
  })

  it('no verdict comes of a caught RangeError: nothing in the program asks for one', () => {
    const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter(file =>
      file.endsWith('.ts')
    )
    assert.ok(files.length > 100)
    for (const file of files)
      assert.doesNotMatch(readFileSync(join(sources, file), 'utf8'), /instanceof RangeError/, file)
  })

  it('who cannot open takes a sealed message for all but its inside', async () => {
    const { opener: _, ...blind } = rules
    const unread = () => assert.fail('a body was checked')
    for (const message of [sealedMessage(stage), sealedMessage(stage, BAD_BODY)]) {
      const bytes = signedMessage(message, author)
      assert.ok((await validateEnvelope(bytes, { ...blind, checkBody: unread }, verifiers)).ok)
    }
    const forged = flipped(signedMessage(sealedMessage(stage), author), 200) as EnvelopeBytes
    assert.ok(!(await validateEnvelope(forged, blind, verifiers)).ok)
  })
})

describe('Validation: what is refused, and whom it names', () => {
  it('too large: one byte over what the network takes', async () => {
    const bytes = signedMessage(sealedMessage(stage), author)
    assert.ok((await judge(bytes, { messageBytes: bytes.length })).ok)
    await refused(bytes, 'too large', undefined, { messageBytes: bytes.length - 1 })
    await refused(new Uint8Array(5000), 'too large')
  })

  it('bad encoding: no envelope, or not its one encoding', async () => {
    const bytes = signedMessage(sealedMessage(stage), author)
    await refused(new Uint8Array(0), 'bad encoding')
    await refused(utf8('nonsense'), 'bad encoding')
    await refused(concat(bytes, Uint8Array.of(0x32, 0)), 'bad encoding')
    await refused(bytes.slice(0, -1), 'bad encoding')
  })

  it('bad encoding: a signed payload that is no message, or not its one encoding', async () => {
    const payload = encodeMessage(sealedMessage(stage))
    await refused(signedPayload(new Uint8Array(0)), 'bad encoding')
    await refused(signedPayload(utf8('nonsense')), 'bad encoding')
    await refused(signedPayload(concat(payload, Uint8Array.of(0x38, 0))), 'bad encoding')
    await refused(signedPayload(encodeMessage({ ...sealedMessage(stage), sequence: 0n })), 'bad encoding')
    const { network, author, sequence, time } = sealedMessage(stage)
    await refused(signedPayload(WireMessage.encode({ network, author, sequence, time })), 'bad encoding')
  })

  it('bad encoding: a sealed body without whole steps of padding', async () => {
    const message = sealedMessage(stage)
    assert.ok(message.body.kind === 'sealed')
    const { sealed } = message.body
    for (const ciphertext of [new Uint8Array(0), new Uint8Array(16), sealed.ciphertext.subarray(1)])
      await refused(
        signedMessage({ ...message, body: { kind: 'sealed', sealed: { ...sealed, ciphertext } } }, author),
        'bad encoding'
      )
  })

  it('bad encoding: a key that may not name anyone', async () => {
    const bytes = signedMessage(sealedMessage(stage), author)
    const smallOrder = concat(author.publicKey.slice(0, 4), Uint8Array.of(1), new Uint8Array(31))
    const padded = concat(author.publicKey, Uint8Array.of(0x18, 0))
    for (const publicKey of [smallOrder, padded, new Uint8Array(0), author.publicKey.slice(0, -1)])
      await refused(reassembled(bytes, { publicKey }), 'bad encoding')
  })

  it('wrong network: signed by its author for another one', async () => {
    const elsewhere = asHash(flipped(network.id, 31))
    await refused(signedMessage({ ...sealedMessage(stage), network: elsewhere }, author), 'wrong network')
  })

  it('bad signature: broken, missing, or over something else', async () => {
    const bytes = signedMessage(sealedMessage(stage), author)
    const { signature } = decodeEnvelope(bytes)
    const other = signedMessage(sealedMessage(stage, PLAINTEXT, { sequence: 2n }), author)
    for (const wrong of [flipped(signature, 0), new Uint8Array(0), decodeEnvelope(other).signature])
      await refused(reassembled(bytes, { signature: wrong }), 'bad signature')
    await refused(reassembled(bytes, { publicKey: stranger.publicKey }), 'bad signature')
  })

  it('bad signature: of another domain, or with the payload type of one', async () => {
    const payload = encodeMessage(sealedMessage(stage))
    for (const domain of ['block', 'receipt', 'encryptionKey'] as const) {
      const foreign = signEnvelope(domain, payload, author)
      await refused(foreign, 'bad signature')
      const { payloadType } = decodeEnvelope(signedMessage(sealedMessage(stage), author))
      await refused(reassembled(foreign, { payloadType }), 'bad signature')
      const relabelled = { payloadType: decodeEnvelope(foreign).payloadType }
      await refused(reassembled(signedMessage(sealedMessage(stage), author), relabelled), 'bad signature')
    }
  })

  it('wrong author: said in the name of someone else', async () => {
    await refused(signedMessage(sealedMessage(stage), stranger), 'wrong author')
    const padded = concat(author.peerId, Uint8Array.of(0)) as typeof author.peerId
    await refused(signedMessage({ ...sealedMessage(stage), author: padded }, author), 'wrong author')
  })

  it('wrong author: an envelope stripped and signed by another', async () => {
    const { payload } = decodeEnvelope(signedMessage(sealedMessage(stage), author))
    await refused(signedPayload(payload, stranger), 'wrong author')
  })

  it('not a member: signed well by someone who may not write', async () => {
    const bytes = signedMessage(sealedMessage(stage), author)
    await refused(bytes, 'not a member', author, { members: new Set() })
    await refused(bytes, 'not a member', author, { members: new Set([toHex(stranger.peerId)]) })
  })

  it('not sealed and not open: the other kind of body', async () => {
    await refused(signedMessage(open(PLAINTEXT), author), 'not sealed', author)
    await refused(signedMessage(sealedMessage(stage), author), 'not open', author, { bodies: 'open' })
  })

  it('unknown key: sealed to a key that is not held', async () => {
    const other = await openingKeyFromSeed(seedOf('a key long gone'))
    const session = await newSealingContext(other, network.id, author.peerId)
    await refused(signedMessage(sealedMessage({ ...stage, session }), author), 'unknown key', author)
  })

  it('does not open: a ciphertext taken from another message, or from another author', async () => {
    const message = sealedMessage(stage)
    const moved = { ...message, sequence: 2n }
    await refused(signedMessage(moved, author), 'does not open', author)
    const taken = { ...message, author: stranger.peerId }
    await refused(signedMessage(taken, stranger), 'does not open', stranger)
  })

  it('whatever the check of the body says, as it says it', async () => {
    for (const [bytes, bodies] of [
      [signedMessage(sealedMessage(stage, BAD_BODY), author), 'sealed'],
      [signedMessage(open(BAD_BODY), author), 'open']
    ] as const) {
      await refused(bytes, 'bad schema', author, { bodies })
      const verdict = await judge(bytes, { bodies })
      assert.ok(!verdict.ok)
      if (bodies === 'open') assert.deepEqual([verdict.refusal, verdict.inside], [badSchema, undefined])
      else {
        // What says something of the plaintext stands apart, so that nobody shows it by accident.
        assert.ok(!verdict.refusal.detail.includes(badSchema.detail))
        assert.equal(verdict.inside?.detail, badSchema.detail)
      }
    }
    const bytes = signedMessage(sealedMessage(stage), author)
    await refused(bytes, 'busy', author, { checkBody: () => refusal('busy', 'come again') })
  })
})

describe('Validation: of several reasons, the first in order is given', () => {
  const elsewhere = asHash(flipped(network.id, 0))
  const ORDER = [
    'too large',
    'bad encoding',
    'wrong network',
    'bad signature',
    'wrong author',
    'not a member',
    'not sealed',
    'bad schema'
  ]

  for (const [first, reason] of ORDER.entries())
    it(`${reason}, whatever else is wrong`, async () => {
      const has = (defect: string) => ORDER.indexOf(defect) >= first
      const message: Message = {
        ...(has('not sealed') ? open(BAD_BODY) : sealedMessage(stage, BAD_BODY)),
        ...(has('wrong network') && { network: elsewhere })
      }
      const payload = concat(encodeMessage(message), Uint8Array.from(has('bad encoding') ? [0x38, 0] : []))
      const signer = has('wrong author') ? stranger : author
      const bytes = signedPayload(payload, signer)
      const { signature } = decodeEnvelope(bytes)
      await refused(
        has('bad signature') ? reassembled(bytes, { signature: flipped(signature, 0) }) : bytes,
        reason,
        ORDER.indexOf('wrong author') < first ? author : undefined,
        {
          messageBytes: has('too large') ? 100 : 4096,
          members: has('not a member') ? new Set() : undefined
        }
      )
    })
})

describe('Validation: an envelope is signed as a whole', () => {
  it('Ed25519: no bit of it can be turned', async () => {
    const bytes = signedMessage(sealedMessage(stage), author)
    for (let index = 0; index < bytes.length; index++)
      for (let bit = 0; bit < 8; bit++) {
        const verdict = await judge(flipped(bytes, index, 1 << bit))
        assert.ok(!verdict.ok && verdict.author === undefined, `byte ${index}, bit ${bit}`)
      }
  })

  for (const type of ['secp256k1', 'RSA'] as const)
    it(`${type}: no byte of it can be changed`, async () => {
      const stage = await stageOf(type)
      const bytes = signedMessage(sealedMessage(stage), stage.author)
      for (let index = 0; index < bytes.length; index++) {
        const verdict = await judge(flipped(bytes, index, 1 << (index % 8)))
        assert.ok(!verdict.ok && verdict.author === undefined, `byte ${index}`)
      }
    })
})

describe('Reasons', () => {
  it('are malice only where no honest peer would send or relay such a message', () => {
    assert.deepEqual(REASONS.filter(isMalicious), [
      'bad encoding',
      'wrong network',
      'bad signature',
      'wrong author',
      'too large'
    ])
  })
})
