import {
  type AccountProof,
  decodeAccountProof,
  encodeAccountProof,
  verifyAccountProof
} from '#src/applications/ledger/account-proof.js'
import { LedgerState } from '#src/applications/ledger/state.js'
import type { Block } from '#src/core/block.js'
import { asHash, type EnvelopeBytes, type Hash, type PeerIdBytes } from '#src/core/bytes.js'
import { checkpointNote } from '#src/core/checkpoint.js'
import { peerIdOfPublicKey } from '#src/core/keys.js'
import {
  consistencyPath,
  EMPTY_ROOT,
  nodeHash,
  rootOf,
  subtreeOf,
  verifyConsistency,
  verifyInclusion
} from '#src/core/merkle.js'
import { formatProof, type ProofFile } from '#src/core/proof-file.js'
import { checkProof } from '#src/validation/proof-check.js'
import { present } from '../changes.js'
import { flipped, seedOf } from '../core.js'
import { identity } from '../networks.js'
import { dataNetwork, historyOf, type PublicData, parentOf, pathIn } from '../public-data.js'

interface Inclusion {
  readonly leaf: Hash
  readonly position: number
  readonly size: number
  readonly root: Hash
  readonly path: readonly Hash[]
}

interface Consistency {
  readonly from: number
  readonly fromRoot: Hash
  readonly to: number
  readonly toRoot: Hash
  readonly path: readonly Hash[]
}

interface ShownAccount {
  readonly id: PeerIdBytes
  readonly state: Hash
  readonly proof: Uint8Array
}

/** Cases by their names. */
type Named<Case> = Readonly<Record<string, Case>>

interface Judged<Case> {
  readonly accepted: Named<Case>
  readonly refused: Named<Case>
}

export interface ProofCases {
  readonly data: PublicData
  readonly inclusion: Judged<Inclusion>
  readonly consistency: Judged<Consistency>
  readonly accounts: Judged<ShownAccount>
  /** Proof files. */
  readonly files: Judged<string>
}

export function holdsInclusion({ leaf, position, size, root, path }: Inclusion): boolean {
  return verifyInclusion(leaf, position, size, path, root)
}

export function holdsConsistency({ from, fromRoot, to, toRoot, path }: Consistency): boolean {
  return verifyConsistency(from, fromRoot, to, toRoot, path)
}

/** What the state has; undefined where the proof does not hold. */
export function shownAccount({
  id,
  state,
  proof
}: ShownAccount): { balance: bigint; sequence: bigint } | 'absent' | undefined {
  const shown = verifyAccountProof(id, decodeAccountProof(proof), state)
  switch (shown.kind) {
    case 'proved':
      return { balance: shown.account.balance, sequence: shown.account.sequence }
    case 'absent':
      return 'absent'
    case 'invalid':
      return undefined
  }
}

/** The position that a proof file proves. Throws DecodeError. */
export async function provedPosition(text: string, { data }: Pick<ProofCases, 'data'>): Promise<number> {
  return (await checkProof(text, data.net.rules, [])).position
}

/** The same bytes at each call: nothing in here is random. */
export async function proofCases(): Promise<ProofCases> {
  const data = await historyOf(await dataNetwork('ledger', 'proof vectors'), [5, 4, 1])
  return {
    data,
    inclusion: inclusionCases(data),
    consistency: consistencyCases(data),
    accounts: await accountCases(data),
    files: fileCases(data)
  }
}

const rootAt = ({ leaves }: PublicData, size: number): Hash => rootOf(leaves.slice(0, size))
const leafAt = ({ leaves }: PublicData, position: number): Hash => present(leaves[position])

function inclusionCases(data: PublicData): Judged<Inclusion> {
  const shown = (position: number, size: number, changes: Partial<Inclusion> = {}): Inclusion => ({
    leaf: leafAt(data, position),
    position,
    size,
    root: rootAt(data, size),
    path: pathIn(data, position, size),
    ...changes
  })
  const whole = shown(4, 9)
  const last = shown(9, 10)
  const accepted: Record<string, Inclusion> = {}
  for (const [position, size] of [
    [0, 1],
    [0, 5],
    [4, 5],
    [4, 9],
    [8, 9],
    [3, 10],
    [9, 10]
  ] as const)
    accepted[`position ${position} of ${size}`] = shown(position, size)
  return {
    accepted,
    refused: {
      'another leaf': { ...whole, leaf: leafAt(data, 5) },
      'another position': { ...whole, position: 5 },
      'another root': { ...whole, root: rootAt(data, 10) },
      'another size': { ...shown(8, 9), size: 10 },
      'the position is the size': { ...last, position: 10 },
      'the position is above the size': { ...last, position: 11 },
      'a size of 0': { ...last, position: 0, size: 0, root: EMPTY_ROOT, path: [] },
      'a hash is missing': { ...whole, path: whole.path.slice(0, -1) },
      'a hash too many': { ...whole, path: [...whole.path, present(whole.path[0])] },
      'no hashes': { ...whole, path: [] },
      'the hashes in the other order': { ...whole, path: whole.path.toReversed() },
      'one bit of a hash is another': {
        ...whole,
        path: [asHash(flipped(present(whole.path[0]), 0)), ...whole.path.slice(1)]
      },
      'a node in place of a leaf, under a path that is shorter': {
        ...shown(0, 4),
        leaf: nodeHash(leafAt(data, 0), leafAt(data, 1)),
        path: pathIn(data, 0, 4).slice(1)
      },
      'the root itself as the leaf': { ...whole, leaf: whole.root, path: [] }
    }
  }
}

function consistencyCases(data: PublicData): Judged<Consistency> {
  const subtree = subtreeOf(data.leaves)
  const shown = (from: number, to: number, changes: Partial<Consistency> = {}): Consistency => ({
    from,
    fromRoot: rootAt(data, from),
    to,
    toRoot: rootAt(data, to),
    path: consistencyPath(from, to, subtree),
    ...changes
  })
  const whole = shown(5, 9)
  const accepted: Record<string, Consistency> = {}
  for (const [from, to] of [
    [0, 0],
    [0, 5],
    [1, 2],
    [4, 9],
    [5, 9],
    [5, 10],
    [8, 10],
    [10, 10]
  ] as const)
    accepted[`from ${from} to ${to}`] = shown(from, to)
  return {
    accepted,
    refused: {
      'another log at the end': { ...whole, toRoot: rootAt(data, 10) },
      'another log at the beginning': { ...whole, fromRoot: rootAt(data, 4) },
      'the logs in the other order': shown(5, 9, {
        from: 9,
        fromRoot: rootAt(data, 9),
        to: 5,
        toRoot: rootAt(data, 5)
      }),
      'from 0, but not from the empty log': { ...shown(0, 5), fromRoot: rootAt(data, 1) },
      'from 0 with hashes': { ...shown(0, 5), path: [rootAt(data, 5)] },
      'one size, two logs': { ...shown(5, 5), toRoot: rootAt(data, 4) },
      'one size with hashes': { ...shown(5, 5), path: [rootAt(data, 5)] },
      'no hashes': { ...whole, path: [] },
      'a hash is missing': { ...whole, path: whole.path.slice(0, -1) },
      'a hash too many': { ...whole, path: [...whole.path, present(whole.path[0])] },
      'one bit of a hash is another': {
        ...whole,
        path: [asHash(flipped(present(whole.path[0]), 0)), ...whole.path.slice(1)]
      },
      'the root of the beginning in front, where its size is a power of two': {
        ...shown(4, 9),
        path: [rootAt(data, 4), ...consistencyPath(4, 9, subtree)]
      }
    }
  }
}

async function accountCases(data: PublicData): Promise<Judged<ShownAccount>> {
  const { state } = data.maker.cursor
  if (!(state instanceof LedgerState)) throw new Error('a ledger')
  const digest = data.maker.cursor.signed.header.state
  const idOf = async (name: string) => peerIdOfPublicKey((await identity(name)).publicKey)
  const [alice, bob, nobody] = [await idOf('alice'), await idOf('bob'), await idOf('nobody')]
  const shown = (
    id: PeerIdBytes,
    change: (proof: AccountProof) => AccountProof = proof => proof
  ): ShownAccount => ({
    id,
    state: digest,
    proof: encodeAccountProof(change(state.prove(id)))
  })
  const deep = present([alice, bob].find(id => state.prove(id).path.length > 1))
  const first = ({ path }: AccountProof): Hash => present(path[0])
  return {
    accepted: {
      'what alice has': shown(alice),
      'what bob has': shown(bob),
      'that nobody has nothing': shown(nobody)
    },
    refused: {
      'more than alice has': shown(alice, proof => ({
        ...proof,
        leaf: { ...present(proof.leaf), balance: 2n ** 64n - 1n }
      })),
      'another sequence than alice has': shown(alice, proof => ({
        ...proof,
        leaf: { ...present(proof.leaf), sequence: 0n }
      })),
      'that alice has nothing': shown(alice, proof => ({ ...proof, leaf: undefined })),
      'that alice has nothing, by the account of another one': {
        ...shown(bob),
        id: alice
      },
      'another state': { ...shown(alice), state: present(parentOf(data, 3)).header.state },
      'a hash is missing': shown(alice, proof => ({ ...proof, path: proof.path.slice(1) })),
      'a hash too many': shown(alice, proof => ({ ...proof, path: [first(proof), ...proof.path] })),
      'the hashes in the other order': shown(deep, proof => ({ ...proof, path: proof.path.toReversed() })),
      'one bit of a hash is another': shown(alice, proof => ({
        ...proof,
        path: [asHash(flipped(first(proof), 0)), ...proof.path.slice(1)]
      }))
    }
  }
}

function fileCases(data: PublicData): Judged<string> {
  const block = (height: number): Block => present(data.blocks[height - 1])
  const envelopes = data.blocks.flatMap(each => each.envelopes)
  const envelopeAt = (position: number): EnvelopeBytes => present(envelopes[position])
  const fileOf = (position: number, height: number, changes: Partial<ProofFile> = {}): string => {
    const { header, envelope, checkpoint } = block(height).signed
    return formatProof({
      position,
      path: pathIn(data, position, header.size),
      message: envelopeAt(position),
      header: envelope,
      checkpoint: present(checkpointNote(header, checkpoint)),
      ...changes
    })
  }
  const noteOf = (height: number): string => {
    const { header, checkpoint } = block(height).signed
    return present(checkpointNote(header, checkpoint))
  }
  const good = fileOf(6, 2)
  const { header } = block(2).signed
  const wrongNote = present(checkpointNote(header, flipped(block(2).signed.checkpoint, 0)))
  return {
    accepted: {
      'position 0': fileOf(0, 1),
      'position 6': good,
      'position 9, a block of one message': fileOf(9, 3)
    },
    refused: {
      'another position': fileOf(6, 2, { position: 7 }),
      'another message': fileOf(6, 2, { message: envelopeAt(7) }),
      'the message is forged': fileOf(6, 2, {
        message: flipped(envelopeAt(6), envelopeAt(6).length - 1) as EnvelopeBytes
      }),
      'the path of another position': fileOf(6, 2, { path: pathIn(data, 7, 9) }),
      'header and checkpoint of a later block, which does not hold the message': fileOf(6, 3),
      'the checkpoint of a later block, and the header of the block': fileOf(6, 2, { checkpoint: noteOf(3) }),
      'the checkpoint is not the sequencer’s': fileOf(6, 2, { checkpoint: wrongNote }),
      'the header is forged': fileOf(6, 2, {
        header: flipped(block(2).signed.envelope, block(2).signed.envelope.length - 1) as EnvelopeBytes
      }),
      'no extra line': good.replace(/^extra .*\n/m, ''),
      'an index with a zero before it': good.replace('index 6', 'index 06'),
      'a hash of 31 bytes': fileOf(6, 2, { path: [seedOf('x').subarray(1) as Hash] }),
      'another first line': good.replace('@v1', '@v2'),
      'lines that end with CR LF': good.replaceAll('\n', '\r\n')
    }
  }
}
