import assert from 'node:assert/strict'
import { genesisCursor, link, verifyHeader } from '#src/chain/cursor.js'
import { HeaderChain } from '#src/chain/header-chain.js'
import { VerifierCache } from '#src/core/keys.js'
import { NO_STAKES } from '#src/core/stakes.js'
import { BlockVerifier } from '#src/query/block-verifier.js'
import { QueryFailed } from '#src/query/query-errors.js'
import type { Rules } from '#src/rules/rules.js'
import { ForkMaker } from '../helpers/fork-maker.js'
import { makeWorkNetwork } from '../helpers/work-network.js'
import { changed } from '../simulator/faults.js'

describe('a header whose rules need the state before it', () => {
  const net = makeWorkNetwork()
  const now = Date.now()
  const rules: Rules = {
    ...net.rules,
    ordering: changed(net.rules.ordering, { checkHeader: () => 'needs state' })
  }

  it('is never passed by who knows headers alone: neither added, nor linked, nor taken as an answer', async () => {
    const [block] = (await ForkMaker.create(net)).makeAll('a', 1)
    assert.ok(block)
    const genesis = genesisCursor(rules)
    const headers = new HeaderChain(rules, genesis)
    assert.equal(headers.add(block.signed, now), 'needs state')
    assert.deepEqual([headers.head.header.height, headers.ids.length], [0, 0])
    assert.equal(link(genesis, block, rules, now), 'needs state')
    const verifier = new BlockVerifier(rules, new VerifierCache(), () => now)
    assert.throws(() => verifier.expectLinked(genesis, block.signed), QueryFailed)
  })

  it('is judged by who has followed the chain, and asks for stakes only then', async () => {
    const [block] = (await ForkMaker.create(net)).makeAll('b', 1)
    assert.ok(block)
    let asked = 0
    const stakes = (): typeof NO_STAKES => {
      asked += 1
      return NO_STAKES
    }
    assert.equal(verifyHeader(genesisCursor(rules), block.signed, rules, stakes, now), undefined)
    assert.equal(asked, 0, 'work asks for none')
    const staked: Rules = {
      ...rules,
      ordering: changed(rules.ordering, {
        verify: ({ height }, _ancestors, given) =>
          given().total === 0n ? { kind: 'proof', height, detail: 'nobody has a stake' } : undefined
      })
    }
    const fault = verifyHeader(genesisCursor(staked), block.signed, staked, stakes, now)
    assert.deepEqual([fault?.kind, asked], ['proof', 1])
  })
})
