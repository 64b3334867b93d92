import { randomBytes } from 'node:crypto'
import { readEncryptionKeys } from '#src/cli/files/key-files.js'
import { decodeEnvelope } from '#src/core/envelope.js'
import { peerIdFromText } from '#src/core/keys.js'
import { decodeMessage, type Message, type Sealed } from '#src/core/message.js'
import { Opener, type OpeningKey, openingKeyFromSeed } from '#src/core/sealing.js'
import { type Check, demand } from '../scenario/checks.js'
import type { Inquiry } from './inquiry.js'
import type { Sending } from './sending.js'

interface SealedMessage {
  readonly message: Message
  readonly sealed: Sealed
}

/** A key that claims to be the right one: with its id, but another secret. */
export async function wrongKeyFor(right: OpeningKey): Promise<OpeningKey> {
  return { ...(await openingKeyFromSeed(randomBytes(32))), keyId: right.keyId }
}

/** Tries to open what the sequencer serves. `encryptionKey`: the file, which the demo holds as its own. */
export function sealingChecks(sending: Sending, inquiry: Inquiry, encryptionKey: string): Check[] {
  /** The first message of each client that a block serves. */
  const samples = async (): Promise<SealedMessage[]> => {
    const envelopes = (await inquiry.blocks()).flatMap(block => block.envelopes)
    const messages = envelopes.map(envelope => decodeMessage(decodeEnvelope(envelope).payload))
    return sending.parts.flatMap(({ peerId }) => {
      const author = Buffer.from(peerIdFromText(peerId))
      const message = messages.find(candidate => author.equals(candidate.author))
      if (message === undefined) return []
      if (message.body.kind !== 'sealed') throw new Error('a block serves a message that is not sealed')
      return [{ message, sealed: message.body.sealed }]
    })
  }
  return [
    {
      name: 'wrong key',
      what: 'another X25519 key opens no message that a block serves',
      run: async () => {
        const [right] = await readEncryptionKeys(encryptionKey)
        const opener = new Opener([await wrongKeyFor(right)])
        const tried = await samples()
        for (const { message, sealed } of tried) {
          const opened = await opener.open(message, sealed)
          demand(!opened.ok, 'a message opened with the wrong key')
          demand(opened.reason === 'does not open', opened.reason)
        }
        return `${tried.length} messages stay closed`
      }
    },
    {
      name: 'right key',
      what: "the sequencer's key opens them, each to what its author sent",
      run: async () => {
        const opener = new Opener(await readEncryptionKeys(encryptionKey))
        const tried = await samples()
        for (const { message, sealed } of tried) {
          const opened = await opener.open(message, sealed)
          demand(opened.ok, 'a message does not open with the right key')
          const text = Buffer.from(opened.plaintext).toString()
          demand(text === JSON.stringify({ text: `message ${message.sequence}` }), `one says ${text}`)
        }
        return `${tried.length} messages open`
      }
    },
    {
      name: 'changed sender',
      what: 'a ciphertext under another name or sequence opens with no key',
      run: async () => {
        const opener = new Opener(await readEncryptionKeys(encryptionKey))
        const author = (await inquiry.head()).signed.header.producer
        const tried = await samples()
        for (const { message, sealed } of tried) {
          const moved = [
            { ...message, author },
            { ...message, sequence: message.sequence + 1n }
          ]
          for (const claim of moved)
            demand(!(await opener.open(claim, sealed)).ok, "a message opened as somebody else's")
        }
        return `${tried.length} messages stay closed`
      }
    }
  ]
}
