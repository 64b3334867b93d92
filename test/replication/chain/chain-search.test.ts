import assert from 'node:assert/strict'
import { type PeerIdBytes, toHex } from '#src/core/bytes.js'
import { signerOf } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { QueryFailed } from '#src/query/query-errors.js'
import { ChainSearch, type Claim } from '#src/replication/chain/chain-search.js'
import type { ChainSource } from '#src/replication/chain/header-search.js'
import { ValidationPool } from '#src/validation/validation-pool.js'
import { deadline, present } from '../../helpers/changes.js'
import { EqualLog, LATER } from '../../helpers/equals.js'
import { ForkMaker, GENESIS } from '../../helpers/fork-maker.js'
import { memoryDatabase } from '../../helpers/memory-database.js'
import { identity } from '../../helpers/networks.js'
import { makeWorkNetwork } from '../../helpers/work-network.js'

const HEIGHT = 3

describe('the best chain, looked for', () => {
  const net = makeWorkNetwork()
  const validation = new ValidationPool(net.network)
  let maker: ForkMaker
  let search: ChainSearch
  let now = 0
  /** The first two of them are on one host. Each claims to have the same head. */
  let claims: readonly Claim[]
  let showing: ReadonlySet<string>
  /** Who was asked for headers. */
  let asked: string[]

  before(async () => {
    await validation.start()
    maker = await ForkMaker.create(net)
    maker.makeAll('a', HEIGHT)
    const head = { height: HEIGHT, id: maker.idOf(`a${HEIGHT}`), weight: maker.weightOf(`a${HEIGHT}`) }
    const names = ['one', 'other', 'elsewhere']
    const peers = await Promise.all(names.map(async name => signerOf(await identity(name)).peerId))
    claims = peers.map(peer => ({ peer, head }))
  })

  after(() => validation.stop())

  beforeEach(async () => {
    const { chain } = await EqualLog.open(net, await memoryDatabase(), validation)
    asked = []
    showing = new Set(claims.map(({ peer }) => toHex(peer)))
    search = new ChainSearch({
      chain,
      sourceOf,
      hostOf: peer => (toHex(peer) === toHex(peerAt(2)) ? 'another' : 'one'),
      now: () => LATER,
      clock: () => now,
      report: () => undefined
    })
  })

  function peerAt(index: number): PeerIdBytes {
    return present(claims[index]).peer
  }

  /** Gives headers where it shows any. */
  function sourceOf(peer: PeerIdBytes): ChainSource {
    const chain = [GENESIS, ...maker.branch(`a${HEIGHT}`)].map(name => maker.block(name).signed)
    return {
      claimedHead: async () => present(claims[0]).head,
      headerAt: async height => present(chain[height]),
      headerPage: async function* (from) {
        asked.push(toHex(peer))
        if (!showing.has(toHex(peer))) throw new QueryFailed('it does not answer')
        yield* chain.slice(from)
      },
      blocksById: async function* () {}
    }
  }

  async function found(among: readonly Claim[], isDue = false): Promise<string | undefined> {
    const best = await search.best(among, deadline(), () => isDue)
    return best && toHex(best.peer)
  }

  it('is left alone on the hosts whose peers withheld its blocks, and looked at on another one', async () => {
    search.withheld(maker.idOf(`a${HEIGHT}`), [peerAt(0)])
    assert.equal(await found(claims.slice(0, 2)), undefined)
    assert.equal(await found(claims), toHex(peerAt(2)))
    search.withheld(maker.idOf(`a${HEIGHT}`), [peerAt(2)])
    assert.equal(await found(claims), undefined, 'no host is forgotten before its time')
    now += LIMITS.withheldMs.longest
    assert.equal(await found(claims), toHex(peerAt(0)))
  })

  it('is asked for among those who claim it until one shows it, and anew where others have come meanwhile', async () => {
    showing = new Set([toHex(peerAt(2))])
    assert.equal(await found(claims, true), undefined)
    assert.deepEqual(asked, [toHex(peerAt(0))])
    assert.equal(await found(claims), toHex(peerAt(2)))
    // Who shows them is asked for a second page, too.
    assert.deepEqual(new Set(asked.slice(1)), new Set([1, 2].map(index => toHex(peerAt(index)))))
  })
})
