import assert from 'node:assert/strict'
import { encodeHeader, genesisOf, readBlockHeader } from '#src/core/block.js'
import { toHex } from '#src/core/bytes.js'
import { VerifierCache } from '#src/core/keys.js'
import { EMPTY_ROOT } from '#src/core/merkle.js'
import { expectChain } from '#src/core/network.js'
import { NO_STAKES } from '#src/core/stakes.js'
import type { Ancestors } from '#src/orderings/ordering.js'
import { compactToText } from '#src/orderings/proof-of-work/compact-target.js'
import { NONCE_BYTES } from '#src/orderings/proof-of-work/search.js'
import { decodeProof, withNonce } from '#src/orderings/proof-of-work/work-proof.js'
import { parseCanonicalNetwork } from '#src/rules/network-document.js'
import { rulesOf } from '#src/rules/rules.js'
import { fromHex, repositoryFile } from '../../helpers/core.js'
import { childOf, mined } from '../../helpers/work.js'

interface Example {
  readonly network: { readonly canonical: string; readonly id: string }
  readonly genesis: { readonly header: string; readonly id: string }
  readonly blocks: readonly {
    readonly height: number
    readonly time: number
    readonly target: string
    readonly number: string
    readonly nonce: string
    readonly header: string
    readonly id: string
    readonly envelope: string
    readonly weight: string
  }[]
  readonly targets: readonly {
    readonly parentHeight: number
    readonly parentTime: number
    readonly target: string
  }[]
}

describe('The worked example of a network that is ordered by work', () => {
  const example: Example = JSON.parse(repositoryFile('docs/vectors/work.json'))
  const network = expectChain(parseCanonicalNetwork(new TextEncoder().encode(example.network.canonical)))
  const { ordering } = rulesOf(network)
  const genesis = genesisOf(network.id, EMPTY_ROOT, ordering.genesisTime)

  it('begins at a genesis that follows from the document', () => {
    assert.deepEqual([network.id, encodeHeader(genesis.header), genesis.id].map(toHex), [
      example.network.id,
      example.genesis.header,
      example.genesis.id
    ])
  })

  it('has blocks that are valid, each with the lowest nonce that will do', () => {
    let ancestors: Ancestors = [genesis.header]
    let weight = 0n
    for (const block of example.blocks) {
      const read = readBlockHeader(fromHex(block.envelope), new Uint8Array(0), new VerifierCache(), ordering)
      assert.ok(read.ok)
      const { header, id } = read.signed
      assert.equal(
        ordering.verify(header, ancestors, () => NO_STAKES, block.time),
        undefined
      )
      const { target, number, nonce } = decodeProof(header.proof)
      weight += ordering.weight(header)
      assert.deepEqual(
        {
          height: header.height,
          time: header.time,
          target: compactToText(target),
          number: number.toString(16).padStart(64, '0'),
          nonce: toHex(nonce),
          header: toHex(encodeHeader(header)),
          id: toHex(id),
          envelope: toHex(read.signed.envelope),
          weight: `${weight}`
        },
        block
      )
      assert.equal(toHex(mined(withNonce(header, new Uint8Array(NONCE_BYTES))).proof), toHex(header.proof))
      ancestors = [header, ...ancestors]
    }
  })

  it('has targets that follow from the place of the parent', () => {
    for (const { parentHeight, parentTime, target } of example.targets) {
      const parent = { ...genesis.header, height: parentHeight, time: parentTime }
      const { proof } = ordering.prepare(childOf(parent, parentTime), [parent])
      assert.equal(compactToText(decodeProof(proof).target), target)
    }
  })

  it('is the one in the text', () => {
    const text = repositoryFile('docs/PROTOCOL.md').replaceAll(/\s/g, '')
    const [first, second] = example.blocks
    assert.ok(first && second)
    for (const value of [example.network.id, example.genesis.id, first.id, first.number, first.nonce])
      assert.ok(text.includes(value), value)
    assert.ok(text.includes(`targetof2${second.target}`))
  })
})
