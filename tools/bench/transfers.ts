import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { LedgerState } from '#src/applications/ledger/state.js'
import { readOrderedNetwork } from '#src/cli/files/files.js'
import { makeIdentity } from '#src/cli/files/key-files.js'
import { encryptionKeyBeside, makeNetwork, type NewNetworkFiles } from '#src/cli/make-network.js'
import { toHex } from '#src/core/bytes.js'
import { peerIdToString, signerOf } from '#src/core/keys.js'
import { sequencerOf } from '#src/core/network.js'
import { BenchProcess, type Usage } from './children.js'
import type { ClientsPlace, Sent } from './clients.js'
import { accountsAfter, accountsIn, FUNDS } from './payments.js'
import type { Executed } from './sequencer-process.js'

export interface TransfersOptions {
  readonly transfers: number
  /** Each pays from one account. */
  readonly clients: number
  /** Of the network document, the clients' among them. */
  readonly accounts: number
  readonly muxers: ClientsPlace['muxers']
}

export interface PayersArgument extends ClientsPlace {
  /** Files of the keys of the first accounts. */
  readonly keys: readonly string[]
  readonly perPayer: number
}

export interface Transfers {
  readonly transfers: number
  readonly accounts: number
  readonly perSecond: number
  /** Without a receipt, or with one and in no block. */
  readonly lost: number
  readonly resent: number
  /** Whether the head's state has what plain sums give. */
  readonly isStateRight: boolean
  /** CPU time, with all threads. */
  readonly sequencerMsPerTransfer: number
  readonly clientsMsPerTransfer: number
  readonly peakRssMb: number
}

const BLOCK = 100
const LONG = 600_000

/**
 * Transfers through the real roles in two processes. Clients sign while the clock runs, which stops when each of them
 * has verified the receipts of its transfers, and the sequencer has executed all in blocks that are on disk.
 */
export async function transfersEndToEnd(options: TransfersOptions): Promise<Transfers> {
  const folder = await mkdtemp(join(tmpdir(), 'tallystick-bench-'))
  const processes: BenchProcess[] = []
  const spawn = (module: string, argument: unknown): BenchProcess => {
    const child = new BenchProcess(module, argument)
    processes.push(child)
    return child
  }
  try {
    const { clients, accounts, muxers } = options
    // Blocks are full, so that none waits for one.
    const perPayer = BLOCK * Math.ceil(options.transfers / clients / BLOCK)
    const key = join(folder, 'sequencer.key')
    const files = { network: join(folder, 'network.json'), key, encryptionKey: encryptionKeyBeside(key) }
    const keys = Array.from({ length: clients }, (_, index) => join(folder, `payer-${index}.key`))
    await makeLedger(files, keys, accounts)
    const sequencer = spawn('sequencer-process', { ...files, data: join(folder, 'sequencer'), muxers })
    const address = await sequencer.ask<string>('address', LONG)
    const { network } = files
    const argument: PayersArgument = {
      network,
      data: join(folder, 'clients'),
      address,
      muxers,
      keys,
      perPayer
    }
    const payers = spawn('payers-process', argument)
    await payers.ask<number>('connected', LONG)

    const usage = (): Promise<Usage[]> =>
      Promise.all([sequencer, payers].map(child => child.ask<Usage>('usage', LONG)))
    const before = await usage()
    const start = performance.now()
    const { accepted, resent } = await payers.ask<Sent>('pay', LONG)
    const { size, state } = await sequencer.ask<Executed>('executed', LONG)
    const seconds = (performance.now() - start) / 1000
    const after = await usage()
    const [ofSequencer = 0, ofClients = 0] = after.map(
      ({ cpuMs }, index) => cpuMs - (before[index]?.cpuMs ?? 0)
    )

    const document = await readOrderedNetwork(network)
    const right = accountsAfter(accountsIn(document), clients, perPayer, sequencerOf(document))
    const sent = perPayer * clients
    return {
      transfers: sent,
      accounts,
      perSecond: sent / seconds,
      lost: sent - accepted + Math.max(0, accepted - size),
      resent,
      isStateRight: state === toHex(LedgerState.of(right).digest()),
      sequencerMsPerTransfer: ofSequencer / sent,
      clientsMsPerTransfer: ofClients / sent,
      peakRssMb: after[0]?.peakRssMb ?? 0
    }
  } finally {
    await Promise.all(processes.map(child => child.end()))
    await rm(folder, { recursive: true, force: true })
  }
}

/** The first accounts are those of new keys in these files; nobody has the keys of the others. */
async function makeLedger(files: NewNetworkFiles, keys: readonly string[], count: number): Promise<void> {
  const payers = await Promise.all(keys.map(file => makeIdentity(file)))
  const others = Array.from({ length: count - keys.length }, () => generateKeyPair('Ed25519'))
  const accounts = [...payers, ...(await Promise.all(others))].map(key => [
    peerIdToString(signerOf(key).peerId),
    String(FUNDS)
  ])
  await makeNetwork(files, 'sequencer', {
    section: { blockSize: BLOCK },
    application: () => ({ type: 'ledger', accounts: Object.fromEntries(accounts) })
  })
}
