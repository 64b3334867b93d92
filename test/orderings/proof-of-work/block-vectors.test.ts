import assert from 'node:assert/strict'
import { encodeBlock } from '#src/core/block.js'
import { compactToText } from '#src/orderings/proof-of-work/compact-target.js'
import { decodeProof } from '#src/orderings/proof-of-work/work-proof.js'
import { GENESIS } from '../../helpers/fork-maker.js'
import { assertPublished } from '../../helpers/vectors/vector-file.js'
import { readWorkBlock, type WorkBlockCases, workBlockCases } from '../../helpers/vectors/work-block-cases.js'

describe('The vectors of blocks with messages in a network that is ordered by work', () => {
  let cases: WorkBlockCases

  before(async () => {
    cases = await workBlockCases()
  })

  it('are valid one after the other, or not valid at all', async () => {
    const { chain, maker, refused } = cases
    for (const [index, name] of chain.entries())
      await readWorkBlock(encodeBlock(maker.block(name)), chain[index - 1] ?? GENESIS, cases)
    for (const [name, bytes] of Object.entries(refused))
      await assert.rejects(
        readWorkBlock(bytes, 'one', cases),
        { name: /^(DecodeError|InvalidAnswer)$/ },
        name
      )
  })

  it('are those that are published, made again byte for byte', async () => {
    const { net, chain, maker, refused, now } = cases
    const { canonical, id } = net.network
    const told = await Promise.all(
      Object.entries(refused).map(async ([name, block]) => {
        const detail = await readWorkBlock(block, 'one', cases).then(String, (error: Error) => error.message)
        return { name, detail, block }
      })
    )
    assertPublished('docs/vectors/work-blocks.json', {
      about:
        'Blocks with messages for "Networks that are ordered by work" of docs/PROTOCOL.md. Byte strings in hex; network.canonical is UTF-8 text; block is an encoded Block. now: the clock of who judges, in ms. chain: blocks that are valid one after the other, from height 1 on; weight is that of all of them up to this one. refused: blocks that are not valid after the first one of the chain. detail is the sentence of this program, and another one may say it otherwise.',
      network: { canonical: new TextDecoder().decode(canonical), id },
      now,
      chain: chain.map(name => {
        const block = maker.block(name)
        const { header, id: own } = block.signed
        return {
          height: header.height,
          id: own,
          target: compactToText(decodeProof(header.proof).target),
          weight: maker.weightOf(name),
          leaves: maker.leavesOf(name).slice(header.size - header.count),
          root: header.root,
          log: header.log,
          block: encodeBlock(block)
        }
      }),
      refused: told
    })
  })
})
