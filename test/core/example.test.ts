import assert from 'node:assert/strict'
import { readBlockHeader } from '#src/core/block.js'
import { toHex } from '#src/core/bytes.js'
import { checkpointKey, checkpointNote } from '#src/core/checkpoint.js'
import { VerifierCache } from '#src/core/keys.js'
import { leafHash, verifyInclusion } from '#src/core/merkle.js'
import { expectChain } from '#src/core/network.js'
import { parseProof } from '#src/core/proof-file.js'
import { verifierKey } from '#src/core/signed-note.js'
import { parseCanonicalNetwork } from '#src/rules/network-document.js'
import { rulesOf } from '#src/rules/rules.js'
import { readEvidence } from '#src/validation/evidence-check.js'
import { checkProof } from '#src/validation/proof-check.js'
import { present } from '../helpers/changes.js'
import { fromHex, repositoryFile } from '../helpers/core.js'

interface Example {
  readonly network: { readonly canonical: string; readonly id: string }
  readonly messages: readonly { readonly envelope: string; readonly leaf: string }[]
  readonly block: { readonly envelope: string; readonly checkpoint: string; readonly id: string }
  readonly checkpoint: { readonly note: string; readonly verifierKey: string }
  readonly inclusion: { readonly position: number; readonly path: readonly string[] }
  readonly proofFile: string
  readonly evidence: Readonly<Record<string, string>>
}

const example: Example = JSON.parse(repositoryFile('docs/vectors/example.json'))
const network = expectChain(parseCanonicalNetwork(new TextEncoder().encode(example.network.canonical)))
const verifiers = new VerifierCache()

function header() {
  const { envelope, checkpoint } = example.block
  const read = readBlockHeader(fromHex(envelope), fromHex(checkpoint), verifiers, rulesOf(network).ordering)
  assert.ok(read.ok)
  return read.signed
}

describe('The worked example of the protocol', () => {
  it('has the network and the block that the program reads, with a checkpoint that fits', () => {
    assert.equal(toHex(network.id), example.network.id)
    assert.equal(toHex(header().id), example.block.id)
  })

  it('has the checkpoint that transparency-log tools read, and the key to check it with', () => {
    const signed = header()
    assert.equal(checkpointNote(signed.header, signed.checkpoint), example.checkpoint.note)
    const key = present(checkpointKey(network.id, signed.header.producer))
    assert.equal(verifierKey(key), example.checkpoint.verifierKey)
  })

  it('has leaves and a path that lead to the log of the block', () => {
    const { position, path } = example.inclusion
    const leaf = leafHash(fromHex(present(example.messages[position]).envelope))
    assert.equal(toHex(leaf), present(example.messages[position]).leaf)
    const { size, log } = header().header
    assert.ok(verifyInclusion(leaf, position, size, parseProof(example.proofFile).path, log))
    assert.deepEqual(parseProof(example.proofFile).path.map(toHex), path)
  })

  it('has a proof file that holds', async () => {
    const checked = await checkProof(example.proofFile, rulesOf(network), [])
    assert.deepEqual([checked.position, checked.sequence], [1, 2n])
  })

  for (const kind of ['fork', 'broken', 'receipt', 'log'])
    it(`has evidence that holds: ${kind}`, async () => {
      const evidence = await readEvidence(fromHex(present(example.evidence[kind])), network, verifiers)
      assert.equal(evidence.kind, kind)
    })
})
