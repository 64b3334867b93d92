import assert from 'node:assert/strict'
import { ed25519 } from '@noble/curves/ed25519.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import type { EnvelopeBytes } from '#src/core/bytes.js'
import { decodeEnvelope } from '#src/core/envelope.js'
import { leafHash } from '#src/core/merkle.js'
import { present } from '../helpers/changes.js'
import { judged, type MessageCases, messageCases } from '../helpers/vectors/message-cases.js'
import { signedBytes } from '../helpers/vectors/message-maker.js'
import { SMALL_ORDER_KEY } from '../helpers/vectors/odd-signatures.js'
import { assertPublished } from '../helpers/vectors/vector-file.js'

describe('The message vectors of the protocol', () => {
  let cases: MessageCases

  before(async () => {
    cases = await messageCases()
  })

  it('hold, or are refused for the reason that they give', async () => {
    for (const [name, made] of Object.entries(cases.accepted)) {
      const verdict = await judged(made, cases)
      assert.ok(verdict.ok, `${name}: ${verdict.ok ? '' : verdict.refusal.detail}`)
    }
    for (const [name, { reason, ...made }] of Object.entries(cases.refused)) {
      const verdict = await judged(made, cases)
      assert.equal(verdict.ok ? 'nothing' : verdict.refusal.reason, reason, name)
    }
    assert.ok(Object.keys(cases.refused).length > 60)
  })

  it('have signatures that laxer rules take, so that nothing else is wrong with them', () => {
    const { ed25519: writer, secp256k1: curve } = cases.writers
    const partsOf = (name: string) => {
      const { payload, signature } = decodeEnvelope(present(cases.refused[name]).envelope)
      return { signature, data: signedBytes('message', payload) }
    }
    const { signature, data } = partsOf('Ed25519: R is of small order')
    assert.ok(ed25519.verify(signature, data, writer.key.publicKey.raw, { zip215: true }))
    const weak = partsOf('an Ed25519 key of small order, whose signature fits everything')
    assert.ok(ed25519.verify(weak.signature, weak.data, SMALL_ORDER_KEY.subarray(4), { zip215: true }))
    const high = partsOf('secp256k1: S is above half of the order')
    const lax = { lowS: false, format: 'der' } as const
    assert.ok(secp256k1.verify(high.signature, high.data, curve.key.publicKey.raw, lax))
  })

  it('are those that are published, made again byte for byte', async () => {
    const { networks, writers, accepted, refused } = cases
    const detailed = await Promise.all(
      Object.entries(refused).map(async ([name, { network, reason, envelope }]) => {
        const verdict = await judged({ network, envelope }, cases)
        const detail = verdict.ok ? '' : (verdict.inside?.detail ?? verdict.refusal.detail)
        return { name, network, reason, detail, envelope }
      })
    )
    assertPublished('docs/vectors/messages.json', {
      about:
        'Messages for sections 2 to 6 of docs/PROTOCOL.md. Byte strings in hex; canonical is UTF-8 text. networks: in open and members bodies are open, so that everybody judges all of a message; sealed is the network of the worked example, whose sequencer alone can open. accepted: messages that are valid. refused: messages that are not; reason is what a peer must say, detail what this program adds. A payload that is refused is signed all the same, so that nothing but what the name says is wrong.',
      networks: Object.fromEntries(
        Object.entries(networks).map(([name, { canonical, id }]) => [
          name,
          { canonical: new TextDecoder().decode(canonical), id }
        ])
      ),
      writers: Object.fromEntries(
        Object.entries(writers).map(([name, { key, signer }]) => [
          name,
          {
            ...(key.type !== 'RSA' && { secret: key.raw.subarray(0, 32) }),
            publicKey: signer.publicKey,
            peerId: signer.peerId
          }
        ])
      ),
      accepted: Object.entries(accepted).map(([name, { network, envelope }]) => {
        const { payload, signature } = decodeEnvelope(envelope)
        return { name, network, payload, signature, leaf: leafHash(envelope as EnvelopeBytes), envelope }
      }),
      refused: detailed
    })
  })
})
