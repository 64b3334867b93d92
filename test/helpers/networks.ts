import { generateKeyPair, generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import type { LedgerSection } from '#src/applications/ledger/section.js'
import { type PeerIdBytes, utf8 } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { peerIdToString, type Signer, signerOf } from '#src/core/keys.js'
import type { Network, Section } from '#src/core/network.js'
import { type ChainNetwork, expectChain } from '#src/core/network.js'
import { type OpeningKey, openingKeyFromSeed } from '#src/core/sealing.js'
import type { WorkSection } from '#src/orderings/proof-of-work/section.js'
import type { SequencerSection } from '#src/orderings/sequencer/section.js'
import { networkOf } from '#src/rules/network-document.js'
import type { Rules } from '#src/rules/rules.js'
import { rulesOf } from '#src/rules/rules.js'
import { EASY } from './work.js'

export interface RuledNetwork {
  readonly network: ChainNetwork
  readonly rules: Rules
}

/** A network with all its secrets. */
export interface TestNetwork extends RuledNetwork {
  /** Of who makes blocks: the sequencer's, or a miner's. */
  readonly key: PrivateKey
  readonly signer: Signer
  readonly sequencer: PeerIdBytes
  readonly openingKey: OpeningKey
}

export interface NetworkWishes {
  readonly name?: string
  /** Whose identity the sequencer has. */
  readonly sequencer?: string
  readonly blockSize?: number
  readonly blockTimeout?: number
  readonly messageBytes?: number
  readonly members?: readonly PrivateKey[]
  /** Plain messages where it is left out. */
  readonly ledger?: LedgerSection
}

/** An Ed25519 key that follows from its name. */
export function identity(name: string): Promise<PrivateKey> {
  return generateKeyPairFromSeed('Ed25519', sha256(utf8(`identity of ${name}`)))
}

export function secp256k1Identity(): Promise<PrivateKey> {
  return generateKeyPair('secp256k1')
}

export function rsaIdentity(bits = 2048): Promise<PrivateKey> {
  return generateKeyPair('RSA', bits)
}

export function nameOf(key: PrivateKey): string {
  return peerIdToString(signerOf(key).peerId)
}

export function encryptionKey(name: string): Promise<OpeningKey> {
  return openingKeyFromSeed(sha256(utf8(`encryption key of ${name}`)))
}

/** Messages are {text}, as in the template that ships with the program. */
export const SCHEMA = {
  type: 'object',
  required: ['text'],
  additionalProperties: false,
  properties: { text: { type: 'string', minLength: 1, maxLength: 8000 }, data: { type: 'object' } }
}

export async function makeNetwork(wishes: NetworkWishes = {}): Promise<TestNetwork> {
  const { blockSize = 100, blockTimeout } = wishes
  const key = await identity(wishes.sequencer ?? 'sequencer')
  const ordering = {
    type: 'sequencer',
    sequencer: nameOf(key),
    blockSize,
    ...(blockTimeout !== undefined && { blockTimeout })
  }
  return networkBy(ordering, key, wishes)
}

/** Ordered by work that is no work. */
export async function makeWorkNetwork(
  wishes: Pick<NetworkWishes, 'name' | 'messageBytes' | 'ledger'> & Partial<WorkSection> = {}
): Promise<TestNetwork> {
  const { name, messageBytes, ledger, ...changes } = wishes
  const rest = {
    ...(name && { name }),
    ...(messageBytes && { messageBytes }),
    ...(ledger && { ledger })
  }
  return networkBy({ ...EASY, ...changes }, await identity('miner'), rest)
}

async function networkBy(ordering: object, key: PrivateKey, wishes: NetworkWishes): Promise<TestNetwork> {
  const { name = 'test', messageBytes = 16_384, members, ledger } = wishes
  const signer = signerOf(key)
  const network = expectChain(
    networkOf({
      tallystick: 1,
      name,
      ordering,
      application: ledger ?? { type: 'messages', schema: SCHEMA },
      ...(members && { members: members.map(nameOf) }),
      limits: { messageBytes }
    })
  )
  return {
    network,
    rules: rulesOf(network),
    key,
    signer,
    sequencer: signer.peerId,
    openingKey: await encryptionKey('sequencer')
  }
}

/** What has passed the schema of network documents is what its type says. */
function isWork(section: Section): section is WorkSection {
  return section.type === 'work'
}

function isSequencer(section: Section): section is SequencerSection {
  return section.type === 'sequencer'
}

export function workSectionOf({ document: { ordering } }: Network): WorkSection {
  if (!isWork(ordering)) throw new Error(`it is ordered by ${ordering.type}`)
  return ordering
}

export function sequencerSectionOf({ document: { ordering } }: Network): SequencerSection {
  if (!isSequencer(ordering)) throw new Error(`it is ordered by ${ordering.type}`)
  return ordering
}
