import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type Header, signHeader } from '#src/core/block.js'
import { toHex, utf8 } from '#src/core/bytes.js'
import {
  checkpointKey,
  checkpointNote,
  openCheckpoint,
  originOf,
  parseCheckpoint,
  signCheckpoint,
  verifyCheckpoint
} from '#src/core/checkpoint.js'
import { DecodeError } from '#src/core/codec.js'
import { type Verifier, verifierOf } from '#src/core/keys.js'
import { formatNote, parseNote, parseVerifierKey, signaturesOf, verifierKey } from '#src/core/signed-note.js'
import { present } from '../helpers/changes.js'
import { flipped, KEY_TYPES, runs, seedOf, signerNamed, vectors } from '../helpers/core.js'

interface Notes {
  readonly valid: readonly { readonly vkey: string; readonly note: string }[]
  readonly parse_only: readonly {
    readonly note: string
    readonly origin: string
    readonly size: number
    readonly root_b64: string
    readonly signatures: number
  }[]
  readonly malformed: readonly { readonly why: string; readonly note: string }[]
}

const notes = vectors<Notes>('c2sp/notes.json')

/** Node takes raw Ed25519 keys as libp2p encodes them. */
function ed25519(publicKey: Uint8Array): Verifier {
  return verifierOf(Uint8Array.from([0x08, 0x01, 0x12, 0x20, ...publicKey]))
}

describe('Signed notes (c2sp.org/signed-note)', () => {
  for (const { vkey, note } of notes.valid)
    it(`verify as published: ${vkey.split('+')[0]}`, () => {
      const key = parseVerifierKey(vkey)
      assert.equal(verifierKey(key), vkey)
      const parsed = parseNote(note)
      const [signature, ...more] = signaturesOf(parsed, key)
      assert.equal(more.length, 0)
      assert.ok(ed25519(key.publicKey).verify(utf8(parsed.text), present(signature)))
      assert.ok(!ed25519(key.publicKey).verify(utf8(`${parsed.text}x`), present(signature)))
      assert.equal(formatNote(parsed.text, key, present(signature)), note)
    })

  for (const { why, note } of notes.malformed)
    it(`are refused: ${why}`, () => {
      assert.throws(() => parseCheckpoint(note), DecodeError)
    })

  it('carry signatures of keys that are not known here', () => {
    const [{ vkey, note }] = [present(notes.valid[0])]
    const other = note.trimEnd().split('\n').at(-1)?.replace('/foo', '/bar')
    const parsed = parseNote(`${note}${other}\n`)
    assert.equal(parsed.signatures.length, 2)
    assert.equal(signaturesOf(parsed, parseVerifierKey(vkey)).length, 1)
  })

  it('with more than 16 signatures are refused', () => {
    const { note } = present(notes.valid[0])
    const line = present(note.trimEnd().split('\n').at(-1))
    assert.equal(parseNote(note + `${line}\n`.repeat(15)).signatures.length, 16)
    assert.throws(() => parseNote(note + `${line}\n`.repeat(16)), /too many/)
  })

  it('whatever text comes: a note or a DecodeError', () => {
    const line = fc.oneof(fc.string(), fc.constantFrom('', '— a YWJjZGVm', '— a+b YWJjZGVm', '—  YWJjZGVm'))
    fc.assert(
      fc.property(fc.array(line), lines => {
        try {
          parseCheckpoint(lines.join('\n'))
        } catch (error) {
          assert.ok(error instanceof DecodeError)
        }
      }),
      runs(300)
    )
  })

  it('keys whose id is not their own, or of other types, are refused', () => {
    const { vkey } = present(notes.valid[0])
    for (const wrong of [vkey.replace('530d903a', '530d903b'), vkey.replace('+A', '+B'), 'a+b', ''])
      assert.throws(() => parseVerifierKey(wrong), DecodeError)
  })
})

const sequencer = await signerNamed('sequencer')

describe('Checkpoints (c2sp.org/tlog-checkpoint)', () => {
  const verifier = verifierOf(sequencer.publicKey)
  const network = seedOf('network')
  const header: Header = {
    network,
    height: 3,
    parent: seedOf('parent'),
    time: 1,
    count: 100,
    root: seedOf('root'),
    size: 300,
    log: seedOf('log'),
    state: seedOf('state'),
    producer: sequencer.peerId,
    proof: new Uint8Array(0)
  }

  for (const { note, origin, size, root_b64 } of notes.parse_only)
    it(`of other logs are read: ${origin}`, () => {
      const { checkpoint } = parseCheckpoint(note)
      assert.equal(checkpoint.origin, origin)
      assert.equal(checkpoint.size, size)
      assert.equal(Buffer.from(checkpoint.log).toString('base64'), root_b64)
    })

  it('repeat origin, size and log of a header, a line each, signed by its producer', () => {
    const signed = signHeader(header, sequencer)
    const note = present(checkpointNote(header, signed.checkpoint))
    const [origin, size, log, empty] = note.split('\n')
    assert.equal(origin, `tallystick/${toHex(network)}`)
    assert.equal(size, '300')
    assert.equal(log, Buffer.from(header.log).toString('base64'))
    assert.equal(empty, '')
    const opened = openCheckpoint(note, network, verifier)
    assert.equal(opened.origin, originOf(network))
    assert.equal(opened.size, 300)
    assert.equal(toHex(opened.log), toHex(header.log))
  })

  it('are not opened where anything is changed, the log is another, or another key has signed', async () => {
    const signature = signCheckpoint(header, sequencer)
    const note = present(checkpointNote(header, signature))
    const mallory = await signerNamed('mallory')
    const forged = present(checkpointNote(header, flipped(signature, 5)))
    const renamed = note.replaceAll(toHex(network), toHex(seedOf('other')))
    for (const wrong of [note.replace('300', '301'), forged, renamed, note.replace('\n\n', '\nmore\n\n')])
      assert.throws(() => openCheckpoint(wrong, network, verifier), DecodeError)
    assert.throws(() => openCheckpoint(note, network, verifierOf(mallory.publicKey)), /own key/)
    assert.throws(() => openCheckpoint(note, seedOf('other'), verifier), /another log/)
  })

  it('are signed by the same key under the same name for tools that take a verifier key', () => {
    const key = present(checkpointKey(network, sequencer.peerId))
    const note = parseNote(present(checkpointNote(header, signCheckpoint(header, sequencer))))
    const [signature] = signaturesOf(note, parseVerifierKey(verifierKey(key)))
    assert.ok(ed25519(key.publicKey).verify(utf8(note.text), present(signature)))
  })

  for (const type of KEY_TYPES.filter(each => each !== 'Ed25519'))
    it(`${type} producers sign none, and their blocks must not carry one`, async () => {
      const producer = await signerNamed('producer', type)
      const signed = signHeader({ ...header, producer: producer.peerId }, producer)
      assert.equal(signed.checkpoint.length, 0)
      assert.equal(checkpointNote(signed.header, signed.checkpoint), undefined)
      assert.ok(verifyCheckpoint(signed.header, signed.checkpoint, verifierOf(producer.publicKey)))
      const foreign = signCheckpoint(header, sequencer)
      assert.ok(!verifyCheckpoint(signed.header, foreign, verifierOf(producer.publicKey)))
    })
})
