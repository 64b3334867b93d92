import { randomBytes } from 'node:crypto'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { workerData } from 'piscina'
import { rulesOf } from '../chain/rules.js'
import { decodeBundle } from '../core/bundle.js'
import { signEnvelope } from '../core/envelope.js'
import { signerOf, VerifierCache } from '../core/keys.js'
import { encodeMessage } from '../core/message.js'
import { parseCanonicalNetwork } from '../core/network-document.js'
import { newSealingContext, Opener, type OpeningKey, openingKeyFromSeed, seal } from '../core/sealing.js'
import { type Verdict, validateEnvelope } from '../core/validation.js'
import { messageRules } from './message-rules.js'
import { type PackedVerdicts, packVerdicts } from './packed-verdicts.js'

/**
 * Runs in a worker thread: signatures, openings and schemas, off the thread that serves the network. Without
 * a key to open with, all but the inside of sealed bodies.
 */

export interface WorkerSetup {
  readonly document: Uint8Array
  readonly openingKeys: readonly OpeningKey[]
}

const setup: WorkerSetup = workerData
const network = parseCanonicalNetwork(setup.document)
const rules = messageRules(
  rulesOf(network),
  setup.openingKeys.length > 0 ? new Opener(setup.openingKeys) : undefined
)
const verifiers = new VerifierCache()

await warmUp()

/** The verdicts on all messages of the bundles, in order. Bundles come well-formed. */
export default async function validateBundles(bundles: readonly Uint8Array[]): Promise<PackedVerdicts> {
  const verdicts: Verdict[] = []
  for (const envelope of bundles.flatMap(decodeBundle))
    verdicts.push(await validateEnvelope(envelope, rules, verifiers))
  return packVerdicts(verdicts)
}

/** Goes the whole way once with a message of nobody's, or the first client would wait for code to load. */
async function warmUp(): Promise<void> {
  const key = setup.openingKeys[0] ?? (await openingKeyFromSeed(randomBytes(32)))
  const signer = signerOf(await generateKeyPair('Ed25519'))
  const claim = { network: network.id, author: signer.peerId, sequence: 1n, time: 0 }
  const sealed = seal(await newSealingContext(key, network.id, signer.peerId), claim, new Uint8Array(0))
  const payload = encodeMessage({ ...claim, body: { kind: 'sealed', sealed } })
  await validateEnvelope(signEnvelope('message', payload, signer), rules, verifiers)
}
