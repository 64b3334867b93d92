import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { asHash, toHex, utf8 } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { openDetail, sealDetail } from '#src/core/sealed-detail.js'
import { newSealingContext, Opener, seal } from '#src/core/sealing.js'
import { assertBytes } from '../helpers/bytes.js'
import { flipped, fromHex, repositoryFile, stageOf } from '../helpers/core.js'

const secret = sha256(utf8('a secret'))
const leaf = sha256(utf8('a leaf'))
const refused = { leaf, reason: 'bad schema', detail: '/text must be string' }

interface Vector {
  readonly exporterContext: string
  readonly key: string
  readonly leaf: string
  readonly reason: string
  readonly detail: string
  readonly nonce: string
  readonly sealedDetail: string
}

describe('a sealed detail of a refusal', () => {
  it('opens for whoever has the key, with the leaf and the reason it was sealed for', () => {
    const sealed = sealDetail(secret, refused, randomBytes(12))
    assert.equal(openDetail(secret, refused, sealed), refused.detail)
    assert.equal(openDetail(secret, { ...refused, reason: 'overdraft' }, sealed), undefined)
    assert.equal(openDetail(secret, { ...refused, leaf: asHash(flipped(leaf, 3)) }, sealed), undefined)
    assert.equal(openDetail(sha256(utf8('another')), refused, sealed), undefined)
  })

  it('does not open where one byte of it is another, nor cut, nor longer', () => {
    const sealed = sealDetail(secret, refused, randomBytes(12))
    for (let at = 0; at < sealed.length; at += 1)
      assert.equal(openDetail(secret, refused, flipped(sealed, at)), undefined)
    for (const length of [0, 11, 12, 27, 28, sealed.length - 1])
      assert.equal(openDetail(secret, refused, sealed.subarray(0, length)), undefined)
    assert.equal(openDetail(secret, refused, Buffer.concat([sealed, Buffer.alloc(1)])), undefined)
  })

  it('does not tell by its length how long the detail is', () => {
    const lengths = ['', 'x', 'x'.repeat(100), 'x'.repeat(500)].map(
      detail => sealDetail(secret, { ...refused, detail }, randomBytes(12)).length
    )
    assert.deepEqual(new Set(lengths), new Set([12 + 512 + 16]))
  })

  it('is sealed with a key that both sides of a message have, and that is not the key of the message', async () => {
    const { network, author, key } = await stageOf()
    const context = await newSealingContext(key, network.id, author.peerId)
    const claim = { network: network.id, author: author.peerId, sequence: 1n, time: 0 }
    const sealed = seal(context, claim, utf8('{}'))
    const opener = new Opener([key])
    for (const time of ['agreed on', 'remembered']) {
      const opened = await opener.open(claim, sealed)
      assert.ok(opened.ok, time)
      assertBytes(opened.refusalSecret, context.refusalSecret)
    }
    assert.notEqual(toHex(context.refusalSecret), toHex(context.secret))
  })

  it('of the published vector opens, and is made again byte for byte', () => {
    const vector: Vector = JSON.parse(repositoryFile('docs/vectors/refusal.json'))
    const told = { leaf: asHash(fromHex(vector.leaf)), reason: vector.reason, detail: vector.detail }
    const key = fromHex(vector.key)
    assert.equal(openDetail(key, told, fromHex(vector.sealedDetail)), vector.detail)
    assert.equal(toHex(sealDetail(key, told, fromHex(vector.nonce))), vector.sealedDetail)
  })
})
