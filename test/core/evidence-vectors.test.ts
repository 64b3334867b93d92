import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { encodeBlock } from '#src/core/block.js'
import { toHex, utf8 } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { peerIdToString, VerifierCache } from '#src/core/keys.js'
import { Evidence as WireEvidence } from '#src/core/wire/tallystick.js'
import { parseCanonicalNetwork } from '#src/rules/network-document.js'
import { readEvidence } from '#src/validation/evidence-check.js'
import { fromHex, repositoryFile } from '../helpers/core.js'
import { type EvidenceCases, evidenceCases } from '../helpers/evidence-cases.js'

const PATH = 'docs/vectors/evidence.json'
const { UPDATE_VECTORS } = process.env

interface Accepted {
  readonly name: string
  readonly kind: string
  readonly height: number
  readonly id: string
  readonly evidence: string
}

interface Refused {
  readonly name: string
  readonly reason: string
  readonly evidence: string
}

interface Vectors {
  readonly about: string
  readonly sequencer: { readonly seed: string; readonly peerId: string }
  readonly network: { readonly canonical: string; readonly id: string }
  readonly history: { readonly blocks: readonly string[]; readonly receipts: readonly string[] }
  readonly accepted: readonly Accepted[]
  readonly refused: readonly Refused[]
}

async function vectorsOf({ data, accepted, refused }: EvidenceCases): Promise<Vectors> {
  const { net, blocks, receipts } = data
  const judged: Accepted[] = []
  for (const [name, bytes] of Object.entries(accepted)) {
    const { kind, height, id } = await readEvidence(bytes, net.network, new VerifierCache())
    judged.push({ name, kind, height, id: toHex(id), evidence: toHex(bytes) })
  }
  const rejected: Refused[] = []
  for (const [name, bytes] of Object.entries(refused)) {
    const reason = await readEvidence(bytes, net.network, new VerifierCache()).then(
      () => assert.fail(`it convicts: ${name}`),
      (error: unknown) => {
        assert.ok(error instanceof Error && error.name === 'DecodeError', `${name}: ${error}`)
        return error.message
      }
    )
    rejected.push({ name, reason, evidence: toHex(bytes) })
  }
  return {
    about:
      'Pieces of evidence for section 13 of docs/PROTOCOL.md. Byte strings in hex; network.canonical is UTF-8 text. history: the blocks and some receipts of a sequencer that keeps to the rules. accepted: pieces that hold, made with its key as a liar would. refused: pieces that prove nothing; reason is the sentence of this program, and another one may say it otherwise.',
    sequencer: {
      seed: toHex(sha256(utf8('identity of sequencer'))),
      peerId: peerIdToString(net.sequencer)
    },
    network: {
      canonical: new TextDecoder().decode(net.network.canonical),
      id: toHex(net.network.id)
    },
    history: {
      blocks: blocks.map(block => toHex(encodeBlock(block))),
      receipts: receipts.map(({ receipt }) => toHex(receipt))
    },
    accepted: judged,
    refused: rejected
  }
}

describe('The evidence vectors of the protocol', () => {
  // Made anew where UPDATE_VECTORS is set.
  if (UPDATE_VECTORS !== undefined)
    before(async () => {
      const made = await vectorsOf(await evidenceCases())
      writeFileSync(PATH, `${JSON.stringify(made, undefined, 2)}\n`)
    })

  const vectors = (): Vectors => JSON.parse(repositoryFile(PATH))

  it('are what the program makes and says of them', async () => {
    assert.deepEqual(vectors(), await vectorsOf(await evidenceCases()))
  })

  it('show no account for a message that cannot be decoded, and the accounts of one that is not valid otherwise', async () => {
    const proofsOf = (about: string): number => {
      const named = vectors().accepted.filter(({ name }) => name.includes(about))
      assert.equal(named.length, 1, about)
      return WireEvidence.decode(fromHex(named[0]?.evidence ?? '')).state?.proofs.length ?? -1
    }
    assert.equal(proofsOf('the sequence 0'), 0)
    assert.equal(proofsOf('of another network'), 2)
    assert.equal(proofsOf('a wrong signature'), 2)
  })

  it('are judged by what the protocol names, and by nothing else of a header, a receipt or an account', async () => {
    const { network: document, accepted, refused } = vectors()
    const network = parseCanonicalNetwork(utf8(document.canonical))
    const judged = async (about: string): Promise<string> => {
      const named = [...accepted, ...refused].filter(({ name }) => name.includes(about))
      assert.equal(named.length, 1, about)
      const piece = readEvidence(fromHex(named[0]?.evidence ?? ''), network, new VerifierCache())
      return piece.then(
        () => 'holds',
        () => 'refused'
      )
    }
    assert.equal(await judged('has a proof, and more messages than a block may have'), 'holds')
    assert.equal(await judged('names neither an author nor a sequence'), 'holds')
    assert.equal(await judged('names the position twice'), 'holds')
    assert.equal(await judged('pays to an account that no key has'), 'holds')
    assert.equal(await judged('the account of no key stands beside'), 'holds')
    assert.equal(await judged('names another producer than the sequencer'), 'refused')
    assert.equal(await judged('another entry of it has a leaf of 31 bytes'), 'refused')
    assert.equal(await judged('over a u64'), 'refused')
  })

  it('hold or are refused with nothing but the network document', async () => {
    const { network: document, accepted, refused } = vectors()
    const network = parseCanonicalNetwork(utf8(document.canonical))
    assert.equal(toHex(network.id), document.id)
    for (const { name, kind, height, id, evidence } of accepted) {
      const read = await readEvidence(fromHex(evidence), network, new VerifierCache())
      assert.deepEqual([read.kind, read.height, toHex(read.id)], [kind, height, id], name)
    }
    for (const { name, reason, evidence } of refused)
      await assert.rejects(
        readEvidence(fromHex(evidence), network, new VerifierCache()),
        { name: 'DecodeError', message: reason },
        name
      )
    assert.ok(accepted.length > 10 && refused.length > 40)
  })
})
