import assert from 'node:assert/strict'
import {
  decodeBlockParts,
  encodeBlock,
  encodeGenesis,
  encodeStoredHeader,
  genesisOf,
  type Header,
  type HeaderRules,
  readBlockHeader,
  readSignedHeader,
  readStoredHeader,
  signHeader
} from '#src/core/block.js'
import { asHash, concat, type PeerIdBytes, toHex, utf8 } from '#src/core/bytes.js'
import { DecodeError } from '#src/core/codec.js'
import { decodeEnvelope, signEnvelope } from '#src/core/envelope.js'
import { describeFault, type FaultKind } from '#src/core/fault.js'
import { sha256 } from '#src/core/hash.js'
import { VerifierCache } from '#src/core/keys.js'
import { EMPTY_ROOT } from '#src/core/merkle.js'
import { Envelope, Header as WireHeader } from '#src/core/wire/tallystick.js'
import {
  assertSame,
  flipped,
  KEY_TYPES,
  sealedMessage,
  seedOf,
  signedMessage,
  signerNamed,
  stageOf
} from '../helpers/core.js'

const stage = await stageOf()
const { network, sequencer, author } = stage
const verifiers = new VerifierCache()

const header: Header = {
  network: network.id,
  height: 3,
  parent: seedOf('parent'),
  time: 1_700_000_000_000,
  count: 100,
  root: seedOf('root'),
  size: 300,
  log: seedOf('log'),
  state: seedOf('state'),
  producer: sequencer.peerId,
  proof: utf8('proof')
}

/** The kind of fault; undefined where the header is taken. */
function faultOf(bytes: Uint8Array): { kind: FaultKind; height?: number } | undefined {
  const outcome = readSignedHeader(bytes, verifiers)
  if (outcome.ok) return undefined
  const { detail, ...fault } = outcome.fault
  assert.notEqual(detail, '')
  return fault
}

/** Of a log that one peer speaks for, and that leaves the rest to others. */
const ANY_HEADER: HeaderRules = { hasCheckpoints: true, screen: () => undefined }

describe('Headers', () => {
  for (const type of KEY_TYPES)
    it(`${type}: come back as their producer signed them, bytes and id included`, async () => {
      const producer = await signerNamed('producer', type)
      const signed = signHeader({ ...header, producer: producer.peerId }, producer)
      assertSame(readBlockHeader(signed.envelope, signed.checkpoint, verifiers, ANY_HEADER), {
        ok: true,
        signed
      })
      const { checkpoint: _, ...alone } = signed
      assertSame(readSignedHeader(signed.envelope, verifiers), { ok: true, signed: alone })
    })

  it('have the SHA-256 of their own bytes as id, whoever signs around them', () => {
    const signed = signHeader(header, sequencer)
    assertSame(signed.id, sha256(decodeEnvelope(signed.envelope).payload))
    assertSame(signed.id, sha256(WireHeader.encode(header)))
  })

  it('have another id for every change of a field', () => {
    const changes: Partial<Header>[] = [
      {},
      { network: seedOf('other') },
      { height: 4 },
      { parent: seedOf('other') },
      { time: 0 },
      { count: 99 },
      { root: seedOf('other') },
      { size: 301 },
      { log: seedOf('other') },
      { state: seedOf('other') },
      { producer: author.peerId },
      { proof: new Uint8Array(0) }
    ]
    const ids = changes.map(change => toHex(signHeader({ ...header, ...change }, sequencer).id))
    assert.equal(new Set(ids).size, changes.length)
  })

  it('signed by another than the producer they name: producer', () => {
    assert.deepEqual(faultOf(signHeader(header, author).envelope), { kind: 'producer', height: 3 })
    const nobody = { ...header, producer: new Uint8Array(0) as PeerIdBytes }
    assert.deepEqual(faultOf(signHeader(nobody, sequencer).envelope), { kind: 'producer', height: 3 })
  })

  it('with a signature that does not fit, or of another domain: signature', () => {
    const envelope = decodeEnvelope(signHeader(header, sequencer).envelope)
    for (const changes of [
      { signature: flipped(envelope.signature, 0) },
      { signature: new Uint8Array(0) },
      { payload: WireHeader.encode({ ...header, height: 4 }) }
    ])
      assert.equal(faultOf(Envelope.encode({ ...envelope, ...changes }))?.kind, 'signature')
    for (const domain of ['message', 'receipt', 'encryptionKey'] as const)
      assert.deepEqual(faultOf(signEnvelope(domain, envelope.payload, sequencer)), {
        kind: 'signature',
        height: 3
      })
  })

  it('with a hash that has not 32 bytes: encoding', () => {
    for (const name of ['network', 'parent', 'root', 'log', 'state'] as const)
      for (const length of [0, 31, 33]) {
        const payload = WireHeader.encode({ ...header, [name]: new Uint8Array(length) })
        assert.deepEqual(faultOf(signEnvelope('block', payload, sequencer)), { kind: 'encoding' }, name)
      }
  })

  it('out of our own store are read without checking them again, and are the same', () => {
    for (const signer of [sequencer, author]) {
      const signed = signHeader(header, signer)
      assertSame(readStoredHeader(encodeStoredHeader(signed)), signed)
    }
    const payload = WireHeader.encode({ ...header, log: new Uint8Array(31) })
    const signed = signHeader(header, sequencer)
    const message = signedMessage(sealedMessage(stage), author)
    for (const bytes of [
      new Uint8Array(1),
      encodeStoredHeader({ ...signed, envelope: signEnvelope('block', payload, sequencer) }),
      encodeBlock({ signed, envelopes: [message] })
    ])
      assert.throws(() => readStoredHeader(bytes), DecodeError)
  })

  it('with a key that may not name anyone, or no headers at all: encoding', () => {
    const { envelope } = signHeader(header, sequencer)
    const smallOrder = concat(sequencer.publicKey.slice(0, 4), Uint8Array.of(1), new Uint8Array(31))
    const weak = Envelope.encode({ ...decodeEnvelope(envelope), publicKey: smallOrder })
    const message = signedMessage(sealedMessage(stage), author)
    for (const bytes of [new Uint8Array(0), envelope.slice(1), weak, message])
      assert.deepEqual(faultOf(bytes), { kind: 'encoding' })
  })
})

describe('Blocks', () => {
  const envelopes = [1n, 2n, 3n].map(sequence =>
    signedMessage(sealedMessage(stage, utf8('text'), { sequence }), author)
  )

  it('hold the signed header and the envelopes byte for byte, in order', () => {
    const signed = signHeader({ ...header, count: 3 }, sequencer)
    const parts = decodeBlockParts(encodeBlock({ signed, envelopes }))
    assertSame(parts, {
      header: signed.envelope,
      checkpoint: signed.checkpoint,
      envelopes,
      document: new Uint8Array(0)
    })
  })

  it('keep sealed messages sealed', () => {
    const signed = signHeader({ ...header, count: 1 }, sequencer)
    const secret = utf8('nobody else may read this')
    const envelope = signedMessage(sealedMessage(stage, secret), author)
    assert.ok(!toHex(encodeBlock({ signed, envelopes: [envelope] })).includes(toHex(secret)))
  })

  it('number 0 holds the network document and nothing else', () => {
    const parts = decodeBlockParts(encodeGenesis(network.canonical))
    const nothing = new Uint8Array(0)
    assertSame(parts, { header: nothing, checkpoint: nothing, envelopes: [], document: network.canonical })
  })

  it('number 0 follows from the network alone', () => {
    const genesis = genesisOf(network.id, seedOf('state'), 0)
    assertSame(genesis, genesisOf(network.id, seedOf('state'), 0))
    const { header, envelope, id } = genesis
    assertSame(id, sha256(WireHeader.encode(header)))
    assert.equal(envelope.length, 0)
    assertSame([header.root, header.log], [EMPTY_ROOT, EMPTY_ROOT])
    assertSame([header.parent, header.producer], [new Uint8Array(32), new Uint8Array(0)])
    assert.deepEqual([header.height, header.count, header.size, header.time], [0, 0, 0, 0])
  })

  it('number 0 is another for another network or another first state', () => {
    const ids = [
      genesisOf(network.id, seedOf('state'), 0),
      genesisOf(asHash(flipped(network.id, 0)), seedOf('state'), 0),
      genesisOf(network.id, seedOf('other state'), 0)
    ].map(({ id }) => toHex(id))
    assert.equal(new Set(ids).size, 3)
  })
})

describe('Faults', () => {
  it('say where they are, as far as it is known', () => {
    assert.equal(describeFault({ kind: 'log', detail: 'differs' }), 'log: differs')
    assert.equal(describeFault({ kind: 'log', detail: 'differs', height: 0 }), 'block 0: log: differs')
    assert.equal(
      describeFault({ kind: 'message', detail: 'is not signed', height: 2, position: 150 }),
      'block 2, position 150: message: is not signed'
    )
  })
})
