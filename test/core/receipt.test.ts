import assert from 'node:assert/strict'
import { asHash, concat, type PeerIdBytes } from '#src/core/bytes.js'
import { decodeEnvelope, signEnvelope } from '#src/core/envelope.js'
import { VerifierCache } from '#src/core/keys.js'
import { type Receipt, readReceipt, signReceipt } from '#src/core/receipt.js'
import { Envelope, Receipt as WireReceipt } from '#src/core/wire/tallystick.js'
import { assertSame, flipped, seedOf, signerNamed, stageOf } from '../helpers/core.js'

const { network, author, sequencer } = await stageOf()
const verifiers = new VerifierCache()

const receipt: Receipt = {
  network: network.id,
  author: author.peerId,
  time: 1_700_000_000_000,
  entries: [
    { sequence: 1n, position: 0, leaf: seedOf('first leaf') },
    { sequence: 2n ** 64n - 1n, position: Number.MAX_SAFE_INTEGER, leaf: seedOf('second leaf') }
  ]
}

function read(bytes: Uint8Array, from: PeerIdBytes = sequencer.peerId): Receipt {
  return readReceipt(bytes, network.id, from, verifiers)
}

function refused(bytes: Uint8Array, message: RegExp): void {
  assert.throws(() => read(bytes), { name: 'DecodeError', message })
}

describe('Receipts', () => {
  it('come back as the sequencer signed them', () => {
    assertSame(read(signReceipt(receipt, sequencer)), receipt)
  })

  it('of a foreign signer are refused, the author of the messages among them', async () => {
    for (const signer of [author, await signerNamed('somebody else')]) {
      refused(signReceipt(receipt, signer), /another key/)
      // The same bytes are a receipt to those who expect that signer.
      assertSame(read(signReceipt(receipt, signer), signer.peerId), receipt)
    }
  })

  it('with the sequencer’s key but the signature of another are refused', async () => {
    const forged = decodeEnvelope(signReceipt(receipt, author))
    refused(Envelope.encode({ ...forged, publicKey: sequencer.publicKey }), /signature does not fit/)
  })

  it('of a foreign network are refused', () => {
    refused(
      signReceipt({ ...receipt, network: asHash(flipped(network.id, 0)) }, sequencer),
      /another network/
    )
    const short = WireReceipt.encode({
      ...receipt,
      entries: [...receipt.entries],
      network: new Uint8Array(0)
    })
    refused(signEnvelope('receipt', short, sequencer), /network: expected 32 bytes/)
  })

  it('that name no message are refused', () => {
    refused(signReceipt({ ...receipt, entries: [] }, sequencer), /names no message/)
  })

  it('with a leaf that is no hash are refused', () => {
    for (const leaf of [new Uint8Array(0), new Uint8Array(31), new Uint8Array(33)]) {
      const entries = [...receipt.entries, { sequence: 3n, position: 2, leaf }]
      const payload = WireReceipt.encode({ ...receipt, entries })
      refused(signEnvelope('receipt', payload, sequencer), /leaf: expected 32 bytes/)
    }
  })

  it('signed in another domain are refused', () => {
    const { payload } = decodeEnvelope(signReceipt(receipt, sequencer))
    for (const domain of ['message', 'block', 'encryptionKey'] as const)
      refused(signEnvelope(domain, payload, sequencer), /signature does not fit/)
  })

  it('that are no receipts are refused', () => {
    const bytes = signReceipt(receipt, sequencer)
    refused(new Uint8Array(0), /^receipt: /)
    refused(bytes.slice(0, -1), /^receipt: /)
    refused(concat(bytes, Uint8Array.of(0)), /^receipt: /)
    refused(signEnvelope('receipt', Uint8Array.of(0xff), sequencer), /^receipt: /)
  })
})
