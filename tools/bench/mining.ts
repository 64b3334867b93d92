import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { encodeHeader, genesisOf } from '#src/core/block.js'
import { signerOf } from '#src/core/keys.js'
import { EMPTY_ROOT } from '#src/core/merkle.js'
import { HashPool } from '#src/orderings/proof-of-work/hash-pool.js'
import { NONCE_BYTES } from '#src/orderings/proof-of-work/search.js'
import { encodeProof } from '#src/orderings/proof-of-work/work-proof.js'
import type { RawHashSetup } from './raw-hash-worker.js'

/** Hashes in a second of a core's time: what else runs on the machine takes none of it. */
export interface MiningRates {
  /** Of one mining thread. */
  readonly hashesPerSecond: number
  /** Of one thread that does nothing but hash a header of that length. */
  readonly rawPerSecond: number
}

const ROUNDS = 10
const TURN_MS = 250

/** A thread that hashes from `begin` on until it is told to stop, and counts. */
interface Hasher {
  readonly hashes: () => number
  readonly begin: () => () => Promise<void>
  readonly end: () => Promise<unknown>
}

/** Mining beside bare hashing. The two take turns, so that a machine that changes its pace does so for both. */
export async function miningRates(): Promise<MiningRates> {
  const header = await sampleHeader()
  const hashers = [await minerOf(header), rawHasherOf(header)] as const
  try {
    // Compiled by then.
    for (const hasher of hashers) await perSecond(hasher)
    const [mining, raw] = hashers
    const rates: MiningRates[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      const rawFirst = await perSecond(raw)
      const hashesPerSecond = ((await perSecond(mining)) + (await perSecond(mining))) / 2
      rates.push({ hashesPerSecond, rawPerSecond: (rawFirst + (await perSecond(raw))) / 2 })
    }
    return {
      hashesPerSecond: median(rates.map(rate => rate.hashesPerSecond)),
      rawPerSecond: median(rates.map(rate => rate.rawPerSecond))
    }
  } finally {
    for (const { end } of hashers) await end()
  }
}

/** The other thread waits meanwhile, and this one only looks at the clock: the process's time is the hasher's. */
async function perSecond({ hashes, begin }: Hasher): Promise<number> {
  const stop = begin()
  // Its first slice: from here on it runs.
  for (const before = hashes(); hashes() === before; ) await setTimeout(1)
  const [start, made] = [process.cpuUsage(), hashes()]
  await setTimeout(TURN_MS)
  const { user, system } = process.cpuUsage(start)
  const rate = ((hashes() - made) * 1_000_000) / (user + system)
  await stop()
  return rate
}

async function minerOf(header: Uint8Array): Promise<Hasher> {
  const pool = new HashPool({ threads: 1, randomBytes, clock: () => performance.now() })
  await pool.start()
  return {
    hashes: () => pool.hashes,
    begin: () => {
      const turn = new AbortController()
      const found = pool.find(header, 0n, turn.signal)
      return async () => {
        turn.abort()
        await found
      }
    },
    end: () => pool.stop()
  }
}

function rawHasherOf(bytes: Uint8Array): Hasher {
  const shared = new SharedArrayBuffer(16)
  const current = new Int32Array(shared, 0, 1)
  const hashes = new BigUint64Array(shared, 8)
  const setup: RawHashSetup = { bytes, shared }
  const worker = new Worker(new URL(import.meta.resolve('#tools/bench/raw-hash-worker.js')), {
    workerData: setup
  })
  return {
    hashes: () => Number(Atomics.load(hashes, 0)),
    begin: () => {
      worker.postMessage(Atomics.load(current, 0))
      return async () => {
        Atomics.add(current, 0, 1)
      }
    },
    end: () => worker.terminate()
  }
}

/** As long as they are some months after the genesis. */
async function sampleHeader(): Promise<Uint8Array> {
  const { peerId } = signerOf(await generateKeyPair('Ed25519'))
  const { header } = genesisOf(EMPTY_ROOT, EMPTY_ROOT, 1_800_000_000_000)
  const proof = encodeProof({ target: 0x1d00ffff, nonce: new Uint8Array(NONCE_BYTES) })
  return encodeHeader({
    ...header,
    height: 1_000_000,
    count: 100,
    size: 100_000_000,
    producer: peerId,
    proof
  })
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
