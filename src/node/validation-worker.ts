import { workerData } from 'piscina'
import { applicationOf } from '../applications/index.js'
import { decodeBundle } from '../core/bundle.js'
import { VerifierCache } from '../core/keys.js'
import { parseCanonicalNetwork } from '../core/network-document.js'
import { Opener, type OpeningKey } from '../core/sealing.js'
import { type Verdict, validateEnvelope } from '../core/validation.js'
import { orderingOf } from '../orderings/index.js'
import { messageRules } from './message-rules.js'

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

/** The verdicts on each message of each bundle, in order. Bundles come well-formed. */
export default async function validateBundles(bundles: readonly Uint8Array[]): Promise<Verdict[][]> {
  const verdicts: Verdict[][] = []
  for (const bundle of bundles) {
    const ofBundle: Verdict[] = []
    for (const envelope of decodeBundle(bundle))
      ofBundle.push(await validateEnvelope(envelope, rules, verifiers))
    verdicts.push(ofBundle)
  }
  return verdicts
}
