import { expectOnlyBlocks } from '#src/chain/indexes.js'
import { openDatabase } from '#src/cli/files/files.js'
import { readIdentity } from '#src/cli/files/key-files.js'
import { Outbox } from '#src/client/outbox.js'
import { equal, toHex } from '#src/core/bytes.js'
import { peerIdToString, signerOf, VerifierCache } from '#src/core/keys.js'
import { sequencerOf } from '#src/core/network.js'
import { readReceipt } from '#src/core/receipt.js'
import type { Peer } from '../localnet/index.js'
import { type Check, demand, once } from '../scenario/checks.js'
import { type LoggedMessage, Reopened } from '../scenario/reopened.js'
import type { Run } from './run-checks.js'

/** The folders of all peers, after they have stopped. */
export class Folders {
  readonly sequencer: Reopened
  readonly followers: ReadonlyMap<Peer, Reopened>

  constructor({ net, churn }: Run) {
    this.sequencer = new Reopened(net, churn.sequencer.data)
    this.followers = new Map(churn.followers.map(peer => [peer, new Reopened(net, peer.data)]))
  }

  /** What the sequencer's log has, by `author sequence`. */
  readonly log = once(
    async () => new Map((await this.sequencer.log()).map(message => [message.name, message]))
  )

  async close(): Promise<void> {
    for (const folder of [this.sequencer, ...this.followers.values()]) await folder.close()
  }
}

export function folderChecks(run: Run, folders: Folders): Check[] {
  const { churn, ledger } = run
  return [
    {
      name: "sequencer's folder",
      what: 'reopened and verified from the genesis on, with its receipts and pending messages',
      run: async () => {
        const { header } = (await folders.sequencer.chain()).head()
        const { count } = (await folders.sequencer.queue()).pending()
        const found = `block ${header.height}, ${header.size} messages, ${count} pending`
        demand(header.height === Math.floor(ledger.accepted / run.blockSize), found)
        demand(header.size + count === ledger.accepted, `${found}; ${ledger.accepted} have a receipt`)
        return found
      }
    },
    {
      name: 'nothing lost',
      what: 'each receipted message is in the log once, at its position, opens, and fits the schema',
      run: async () => {
        const log = await folders.log()
        for (const [peer, receipts] of ledger.receipts)
          for (const [sequence, { position, leaf }] of receipts) {
            const logged = log.get(`${peer.peerId} ${sequence}`)
            demand(logged !== undefined, `${peer.name}: message ${sequence} has a receipt and is not there`)
            demand(
              logged.position === position && logged.leaf === leaf,
              `${peer.name}: message ${sequence} is at ${logged.position}, its receipt says ${position}`
            )
          }
        return `${ledger.accepted} messages`
      }
    },
    {
      name: 'nothing doubled',
      what: 'the log has no message but these, and no position twice',
      run: async () => {
        const log = await folders.log()
        demand(log.size === ledger.accepted, `${log.size} in the log, ${ledger.accepted} with a receipt`)
        const leaves = new Set([...log.values()].map(({ leaf }) => leaf))
        demand(leaves.size === log.size, `${leaves.size} different messages`)
        return `${log.size} messages`
      }
    },
    {
      name: 'client folders',
      what: 'no message waits; each receipt kept holds, for what is at its position',
      run: async () => {
        let kept = 0
        for (const peer of churn.clients) kept += await outboxCheck(run, peer, await folders.log())
        return `${kept} receipts in ${churn.clients.length} folders`
      }
    },
    {
      name: 'follower folders',
      what: "each reopened and verified from the genesis on, with the sequencer's head, byte for byte",
      run: async () => {
        const head = (await folders.sequencer.chain()).head()
        for (const [peer, folder] of folders.followers) {
          const copy = (await folder.chain()).head()
          await expectOnlyBlocks(await folder.database(), copy.header.size)
          demand(
            equal(copy.envelope, head.envelope),
            `${peer.name} has block ${copy.header.height}, ${toHex(copy.id)}`
          )
        }
        return `${folders.followers.size} have block ${head.header.height}, ${toHex(head.id).slice(0, 16)}…`
      }
    }
  ]
}

/** Gives how many messages its receipts name. */
async function outboxCheck(
  { net }: Run,
  peer: Peer,
  log: ReadonlyMap<string, LoggedMessage>
): Promise<number> {
  const { network } = net
  const sequencer = sequencerOf(network)
  const verifiers = new VerifierCache()
  const database = await openDatabase(peer.data)
  try {
    const signer = signerOf(await readIdentity(peer.key))
    const outbox = await Outbox.open(database, network, signer, () => Date.now())
    demand(outbox.size === 0, `${peer.name} has ${outbox.size} messages without a receipt`)
    let kept = 0
    for (const bytes of await outbox.receipts()) {
      const { author, entries } = readReceipt(bytes, network.id, sequencer, verifiers)
      for (const { sequence, position, leaf } of entries) {
        const logged = log.get(`${peerIdToString(author)} ${sequence}`)
        demand(
          logged?.position === position && logged.leaf === toHex(leaf),
          `${peer.name}: its receipt for message ${sequence} does not hold`
        )
        kept += 1
      }
    }
    return kept
  } finally {
    await database.close()
  }
}
