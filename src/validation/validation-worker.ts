import { randomBytes } from 'node:crypto'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { workerData } from 'piscina'
import type { BodyAge } from '../applications/application.js'
import { decodeBundle } from '../core/bundle.js'
import type { PeerIdBytes } from '../core/bytes.js'
import { signEnvelope } from '../core/envelope.js'
import { signerOf, VerifierCache } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import { encodeMessage } from '../core/message.js'
import { RateLimiter } from '../core/rate-limiter.js'
import { newSealingContext, Opener, openingKeyFromSeed, seal } from '../core/sealing.js'
import { type Verdict, validateEnvelope } from '../core/validation.js'
import { parseCanonicalNetwork } from '../rules/network-document.js'
import type { OpenKeys } from './key-ring.js'
import { messageRulesOf } from './message-rules.js'
import { type PackedVerdicts, packVerdicts } from './packed-verdicts.js'

/** Runs in a worker thread: signatures, openings and schemas, off the thread that serves the network. */

export interface WorkerSetup {
  readonly document: Uint8Array
  /** Without, all is checked but the inside of sealed bodies. */
  readonly opens: boolean
  readonly age: BodyAge
  /** Where the worker counts the messages that it has judged: one that judges none any more is ended. */
  readonly judged: Int32Array
}

/** The keys come with each job, so that all of it is judged with those that opened when it was handed out. */
export interface ValidationJob {
  readonly bundles: readonly Uint8Array[]
  readonly keys: OpenKeys | undefined
}

const setup: WorkerSetup = workerData
const network = parseCanonicalNetwork(setup.document)
const agreements = new RateLimiter(LIMITS.agreementRate, LIMITS.rememberedRates)
/** The author of a message is known before it is opened: no author uses up what another one has. */
const mayAgree = (author: PeerIdBytes): boolean =>
  agreements.take(Buffer.from(author).toString('latin1'), performance.now())
// What stands in a log is not judged by how fast it is read.
const opener = new Opener([], setup.age === 'new' ? { mayAgree } : {})
const rules = messageRulesOf(network, setup.opens ? opener : undefined, setup.age)
const verifiers = new VerifierCache()
let generation: number | undefined

await warmUp()

/** The verdicts on all messages of the bundles, in order. Bundles come well-formed. */
export default async function validateBundles({ bundles, keys }: ValidationJob): Promise<PackedVerdicts> {
  if (keys !== undefined && keys.generation !== generation) {
    generation = keys.generation
    opener.hold(keys.keys)
  }
  const verdicts: Verdict[] = []
  for (const envelope of bundles.flatMap(decodeBundle)) {
    verdicts.push(await validateEnvelope(envelope, rules, verifiers))
    Atomics.add(setup.judged, 0, 1)
  }
  return packVerdicts(verdicts)
}

/** Goes the whole way once with a message of nobody's, or the first client would wait for code to load. */
async function warmUp(): Promise<void> {
  const key = await openingKeyFromSeed(randomBytes(32))
  opener.hold([key])
  const signer = signerOf(await generateKeyPair('Ed25519'))
  const claim = { network: network.id, author: signer.peerId, sequence: 1n, time: 0 }
  const sealed = seal(await newSealingContext(key, network.id, signer.peerId), claim, new Uint8Array(0))
  const payload = encodeMessage({ ...claim, body: { kind: 'sealed', sealed } })
  await validateEnvelope(signEnvelope('message', payload, signer), rules, verifiers)
}
