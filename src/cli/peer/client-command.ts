import { join } from 'node:path'
import { TAKEN } from '../../client/sending.js'
import { SequenceMark } from '../../client/sequence-mark.js'
import type { Report, Summary } from '../../core/events.js'
import { signerOf } from '../../core/keys.js'
import { LIMITS } from '../../core/limits.js'
import type { ChainNetwork, Network } from '../../core/network.js'
import { within } from '../../lifecycle/waiting.js'
import { WrongAddress } from '../../network/connection-errors.js'
import { type Client, createClient } from '../../node/client.js'
import type { Holdings } from '../../node/controls.js'
import { openCopy } from '../../node/following.js'
import { createSubmittingClient } from '../../node/submitting-client.js'
import type { Verification } from '../../replication/chain/block-importer.js'
import { rulesOf } from '../../rules/rules.js'
import { Failure, UsageError } from '../failure.js'
import { readNetwork } from '../files/files.js'
import { CHAIN_COPY } from '../files/folder-contents.js'
import { readOrMakeIdentity } from '../files/key-files.js'
import { expectClientKeyNotLost } from '../files/lost-files.js'
import { withMark } from '../files/marks.js'
import { expectMember, expectOwnKey } from '../files/own-key.js'
import { withOwnedFolder, withRemedy } from '../files/owned-folder.js'
import type { Source } from '../terminal/input.js'
import { type PeerFiles, running, withPeer } from './run-peer.js'

export interface ClientFiles extends PeerFiles {
  readonly network: string
  readonly connect: readonly string[]
  /** Left out: `full` for a ledger in a sequencer's order, `light` for the rest. */
  readonly verify?: ClientVerification
}

/** What a client verifies: whole blocks, of which it keeps a copy, or by proofs what concerns itself (light). */
export type ClientVerification = Verification | 'light'

/** How a run of a client ended. */
export interface RunEnd extends Summary {
  /** Messages of this run and earlier ones of which it is not known what became of them. */
  readonly unsettled: number
  /** Messages that were refused as the key has signed others under their numbers. */
  readonly taken: number
}

/** Runs a client until it knows what became of all that `source` gave it: of a sequencer, or among equals. */
export async function runClient(
  files: ClientFiles,
  source: Source,
  told: Report,
  stopping: AbortController
): Promise<RunEnd> {
  // LevelDB makes its files with the mask of the process, also later, in threads of its own.
  process.umask(0o077)
  const network = await readNetwork(files.network)
  let end: RunEnd | undefined
  let taken = 0
  const report: Report = event => {
    if (event.event === 'refused' && event.reason === TAKEN && event.sequence !== undefined) taken += 1
    told(event)
  }
  const run = async (client: Client<Holdings>): Promise<void> => {
    try {
      await running(client, stopping.signal, () => converse(client, source, files, report, stopping.signal))
    } finally {
      const summary = client.summary()
      end = { ...summary, unsettled: await client.settled(AbortSignal.abort()), taken }
      report({ event: 'summary', ...summary })
    }
  }
  const verification = verificationOf(files.verify, network)
  await expectClientKeyNotLost(files.key, files.data)
  const { peerId } = signerOf(await readOrMakeIdentity(files.key))
  if (isSequenced(network)) expectOwnKey(network, peerId, { path: files.key, role: 'client' })
  expectMember(network, peerId, files.key)
  const lost = (failure: Failure): void => stopping.abort(failure)
  await withMark({ key: files.key, marks: files.marks, peerId, network, lost }, SequenceMark.open, mark =>
    withPeer(files, 'client', network, report, stopping, async peer => {
      const options = { ...peer, connect: files.connect, mark }
      if (!isSequenced(network)) return run(await createSubmittingClient(options))
      if (verification === 'light') return run(await createClient({ ...options, network }))
      const folder = join(files.data, CHAIN_COPY)
      await withOwnedFolder(folder, { kind: 'client copy', network }, async database => {
        const copy = await openCopy(database, rulesOf(network), verification)
        // The messages lie in another folder than the copy.
        const client = await createClient({ ...options, network, copy }).catch(error => {
          throw withRemedy(error, files.data, 'client')
        })
        await run(client)
      })
    })
  )
  if (end === undefined) throw new Error('a client always has a summary')
  return end
}

function isSequenced(network: Network): network is ChainNetwork {
  return network.kind === 'chain' && network.sequencer !== undefined
}

/** Throws UsageError where a client keeps no blocks. */
function verificationOf(wanted: ClientVerification | undefined, network: Network): ClientVerification {
  if (isSequenced(network)) return wanted ?? (rulesOf(network).application.isStateless ? 'light' : 'full')
  if (wanted !== undefined && wanted !== 'light')
    throw new UsageError(
      `among equals a client keeps no blocks, and --verify ${wanted} is nothing for it; run a peer with --role follower`
    )
  return 'light'
}

/** Says why no peer takes messages: the last problem, where there was one, is what to mend. */
export function unreached(connect: readonly string[], problem: Error | undefined): string {
  if (connect.length === 0 && problem === undefined)
    return `no peer has connected to this client within ${LIMITS.firstConnectionMs / 1000} s, and it was given no address to connect to; name a peer with --connect ADDRESS`
  const where = connect.length > 0 ? ` at ${connect.join(', ')}` : ''
  const what = problem === undefined ? 'no peer answered' : 'no peer was ready to take messages'
  const why = problem === undefined ? '' : `: ${problem.message}`
  const then = problem instanceof WrongAddress ? 'name it right' : 'start a peer there, or name another one'
  return `${what}${where} within ${LIMITS.firstConnectionMs / 1000} s${why}; ${then} with --connect ADDRESS`
}

/** Sends all that the source gives, and waits for what becomes of it. */
async function converse(
  client: Client<Holdings>,
  source: Source,
  { connect, data }: ClientFiles,
  report: Report,
  stopping: AbortSignal
): Promise<void> {
  const reached = client.connected(within(LIMITS.firstConnectionMs, stopping))
  // What people and programs say is taken, and on disk, before any peer can be reached.
  const unreachable = new AbortController()
  const given = source.kind === 'made up' ? reached : undefined
  const sent = Promise.resolve(given).then(
    () => sendAll(client, source, AbortSignal.any([stopping, unreachable.signal])),
    () => true
  )
  // Awaited below.
  sent.catch(() => undefined)
  const waiting = setTimeout(async () => {
    const kept = await client.settled(AbortSignal.abort())
    const then = kept === 0 ? '' : `; ${messages(kept)} kept in ${data} until then`
    report({ event: 'warning', message: `no peer has taken messages yet${then}` })
  }, LIMITS.patienceMs)
  try {
    // Input that cannot be read is told at once.
    await Promise.race([reached, sent.then(() => reached)])
  } catch {
    unreachable.abort(new Error('no peer was reached'))
    const taken = await sent
    if (stopping.aborted) return
    throw new Failure(
      'ERR_UNREACHABLE',
      `${unreached(connect, client.problem())}${await keptIn(data, client, source.kind === 'lines' && !taken)}`
    )
  } finally {
    clearTimeout(waiting)
  }
  await sent
  let left = await client.settled(within(LIMITS.lastReceiptsMs, stopping))
  // A client that is told to stop still takes the receipts of what it has sent; one that failed expects none.
  if (stopping.aborted && !(stopping.reason instanceof Failure))
    left = await client.settled(AbortSignal.timeout(LIMITS.stoppedReceiptsMs))
  await client.look(within(LIMITS.frameMs, stopping))
  if (left > 0 && !stopping.aborted)
    throw new Failure(
      'ERR_NOT_SETTLED',
      `of ${left} messages it is not known yet what became of them; they stay in the outbox and are sent when this client runs again on the same folder`
    )
}

/** Until the source ends, which gives true, or the signal fires. What becomes of each message is reported. */
async function sendAll(client: Client<Holdings>, source: Source, signal: AbortSignal): Promise<boolean> {
  for await (const said of source.read(signal)) {
    if (said.ok) await client.send(said.value, signal, said.id)
    else client.refuse(said.reason, said.detail, said.id)
    if (signal.aborted) break
  }
  return !signal.aborted
}

function messages(count: number): string {
  return `${count} message${count === 1 ? ' is' : 's are'}`
}

/** What became of the messages where no peer was reached. */
async function keptIn(data: string, client: Client<Holdings>, isCutOff: boolean): Promise<string> {
  const kept = await client.settled(AbortSignal.abort())
  const then =
    kept === 0 ? '' : `; ${messages(kept)} kept in ${data} and will be sent when this client runs again`
  return isCutOff ? `${then}; what stands after them in the input was not read` : then
}
