import { hash } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'

/** Hashes the same bytes over and over, and does nothing else: what no miner in this runtime can beat. */

export interface RawHashSetup {
  readonly bytes: Uint8Array
  /** An Int32 with the number of the turn at its start, then a BigUint64 with the hashes so far. */
  readonly shared: SharedArrayBuffer
}

/** As many between two looks at the shared memory as a miner makes. */
const SLICE = 1_024

const { bytes, shared }: RawHashSetup = workerData
const current = new Int32Array(shared, 0, 1)
const hashes = new BigUint64Array(shared, 8)

parentPort?.on('message', (turn: number) => {
  while (Atomics.load(current, 0) === turn) {
    // In the form that costs least, which a miner takes too.
    for (let made = 0; made < SLICE; made += 1) hash('sha256', bytes, 'binary')
    Atomics.add(hashes, 0, BigInt(SLICE))
  }
})
