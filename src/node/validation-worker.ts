import { workerData } from 'piscina'
import { applicationOf } from '../applications/index.js'
import { decodeBundle } from '../core/bundle.js'
import { VerifierCache } from '../core/keys.js'
import { parseCanonicalNetwork } from '../core/network-document.js'
import { Opener, type OpeningKey } from '../core/sealing.js'
import { type Verdict, validateEnvelope } from '../core/validation.js'
import { orderingOf } from '../orderings/index.js'
import { messageRules } from './message-rules.js'
import { type PackedVerdicts, packVerdicts } from './packed-verdicts.js'

/** Runs in a worker thread: signatures, openings and schemas, off the thread that serves the network. */

export interface WorkerSetup {
  readonly document: Uint8Array
  readonly openingKeys: readonly OpeningKey[]
}

const setup: WorkerSetup = workerData
const network = parseCanonicalNetwork(setup.document)
const rules = messageRules(
  { network, ordering: orderingOf(network.document), application: applicationOf(network.document) },
  new Opener(setup.openingKeys)
)
const verifiers = new VerifierCache()

/** The verdicts on all messages of the bundles, in order. Bundles come well-formed. */
export default async function validateBundles(bundles: readonly Uint8Array[]): Promise<PackedVerdicts> {
  const verdicts: Verdict[] = []
  for (const envelope of bundles.flatMap(decodeBundle))
    verdicts.push(await validateEnvelope(envelope, rules, verifiers))
  return packVerdicts(verdicts)
}
