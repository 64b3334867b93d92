import assert from 'node:assert/strict'
import type { Block } from '#src/core/block.js'
import { checkpointNote } from '#src/core/checkpoint.js'
import { inclusionPath, leafHash, subtreeOf } from '#src/core/merkle.js'
import { formatProof } from '#src/core/proof-file.js'
import { checkProof } from '#src/validation/proof-check.js'
import { Author } from '../helpers/authors.js'
import { ChainMaker } from '../helpers/blocks.js'
import { present } from '../helpers/changes.js'
import { makeNetwork } from '../helpers/networks.js'

describe('a proof file', () => {
  it('names the block that holds the message, and no later one whose log has it as well', async () => {
    const net = await makeNetwork({ blockSize: 3 })
    const maker = new ChainMaker(net)
    maker.addAll((await Author.create(net, 'alice')).says(9))
    const envelopes = maker.blocks.flatMap(block => block.envelopes)
    const leaves = envelopes.map(leafHash)
    /** With a header, a checkpoint and a path that fit together. */
    const proofIn = ({ signed }: Block, position: number): string => {
      const { header, envelope, checkpoint } = signed
      const path = inclusionPath(position, header.size, subtreeOf(leaves.slice(0, header.size)))
      return formatProof({
        position,
        path,
        message: present(envelopes[position]),
        header: envelope,
        checkpoint: present(checkpointNote(header, checkpoint))
      })
    }
    for (const block of maker.blocks)
      for (let position = 0; position < block.signed.header.size; position += 1) {
        const checked = checkProof(proofIn(block, position), net.rules, [])
        if (position >= block.signed.header.size - 3) assert.equal((await checked).position, position)
        else await assert.rejects(checked, { name: 'DecodeError', message: /does not hold position/ })
      }
  })
})
