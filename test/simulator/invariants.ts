import { type Candidate, nameOf } from '#src/chain/candidate.js'
import type { Chain } from '#src/chain/chain.js'
import { decodeBlockParts } from '#src/core/block.js'
import { toHex } from '#src/core/bytes.js'
import { decodeEnvelope } from '#src/core/envelope.js'
import { decodeMessage } from '#src/core/message.js'
import { type Check, demand } from '#tools/scenario/checks.js'
import { present } from '../helpers/changes.js'
import { chainDownFrom } from './found-blocks.js'
import type { Peer } from './peer.js'
import type { Invariant } from './violations.js'
import type { VirtualNetwork } from './virtual-network.js'

/** Of so many nodes the whole chain is read, and the database opened once more. */
const SAMPLE = 10

/** What must hold of every run, whatever the network did. Run once it has settled. */
export function invariantsOf(net: VirtualNetwork): Check[] {
  const { violations, observations, nodes, regime, writing, surroundings } = net
  const peers = nodes.map(({ peer }) => peer)
  const sample = sampleOf(peers)
  /** `run`: what is looked at now, beside what was seen on the way. */
  const invariant = (
    name: Invariant,
    what: string,
    run: () => void | Promise<void> = () => undefined
  ): Check => ({
    name,
    what,
    run: async () => {
      await run()
      const seen = violations.of(name)
      demand(seen.length === 0, seen.join('\n'))
      return ''
    }
  })
  return [
    invariant('one head', 'at the end all nodes stand on one head, and nothing waits', () => {
      const { heads } = observations.agreement
      demand(heads === 1, `there are ${heads} heads`)
      demand(!regime.hasWaiting(), 'messages wait that came into no block')
    }),
    invariant('heaviest', 'after each block a node stands on the best one it has'),
    invariant('weight', 'the weight of a chain is the sum of the weights of its blocks', () => {
      for (const peer of sample) expectWeight(peer)
    }),
    invariant('valid', 'no node refuses what another one has made'),
    invariant('depth', 'no reorg is deeper than the ordering allows'),
    invariant('once', 'each message that was written stands once, under one body', async () => {
      for (const peer of sample) await expectAllOnce(peer, writing.written)
    }),
    invariant('receipts', 'each message stands where its receipt says', () => {
      const { chain } = present(peers[0])
      for (const [leaf, position] of regime.receipts()) {
        const stands = chain?.leafAt(position)
        demand(stands !== undefined && toHex(stands) === leaf, `position ${position} has another message`)
      }
    }),
    invariant('reopened', 'after each stop, and at the end, a database has the same head', async () => {
      for (const peer of sample) await expectSameOpened(peer)
    })
  ]

  function expectWeight({ name, head, chain }: Peer): void {
    demand(chain !== undefined, `${name} is not on line`)
    const { ordering } = surroundings.rules
    let weight = 0n
    for (const { height } of chainDownFrom(head)) {
      const signed = chain.headerAt(height)
      demand(signed !== undefined, `${name} has no block ${height}`)
      weight += ordering.weight(signed.header)
    }
    const known = head?.weight ?? 0n
    demand(
      chain.weight() === weight && known === weight,
      `${name} says ${chain.weight()}; its blocks have ${weight}, and had ${known} when they were found`
    )
  }
}

async function expectAllOnce({ name, chain }: Peer, written: ReadonlySet<string>): Promise<void> {
  demand(chain !== undefined, `${name} is not on line`)
  const standing = new Set<string>()
  for (const message of await messagesOf(chain)) {
    demand(!standing.has(message), `${name} has a message twice`)
    demand(written.has(message), `${name} has a message that nobody wrote`)
    standing.add(message)
  }
  const lost = written.size - standing.size
  demand(lost === 0, `${name} has ${lost} of ${written.size} messages not`)
}

/** Their names, in order. */
async function messagesOf(chain: Chain): Promise<string[]> {
  const names: string[] = []
  for (let height = 1; height <= chain.head().header.height; height += 1) {
    const { envelopes } = decodeBlockParts(present(await chain.encodedBlock(present(chain.headerAt(height)))))
    for (const envelope of envelopes) names.push(nameOf(decodeMessage(decodeEnvelope(envelope).payload)))
  }
  return names
}

async function expectSameOpened(peer: Peer): Promise<void> {
  const { name, chain, pool } = peer
  const opened = await peer.open()
  const waits = (of: typeof pool): string[] => [...(of?.waiting() ?? [])].map(leafOf).sort()
  demand(
    opened.chain.weight === chain?.weight,
    `${name} has weight ${opened.chain.weight}, and had ${chain?.weight}`
  )
  demand(
    waits(opened.pool).join() === waits(pool).join(),
    `${name} has other messages in its pool than before`
  )
}

function leafOf({ leaf }: Candidate): string {
  return toHex(leaf)
}

/** Some of them, evenly spread. */
function sampleOf(peers: readonly Peer[]): Peer[] {
  const step = Math.max(1, Math.floor(peers.length / SAMPLE))
  return peers.filter(({ index }) => index % step === 0).slice(0, SAMPLE)
}
