import { parentPort, workerData } from 'node:worker_threads'
import { countUp, limitOf, NONCE_BYTES, search } from './search.js'

/** Runs in a worker thread: hashes for as long as its job is the one that stands in the shared memory. */

export interface MiningSetup {
  /** An Int32 with the number of the job at its start, then a BigUint64 a thread with its hashes so far. */
  readonly shared: SharedArrayBuffer
  /** Which of the threads this is. */
  readonly index: number
  /** Where this thread begins; no other one ever comes there. */
  readonly nonce: Uint8Array
}

export interface MiningJob {
  readonly job: number
  /** Encoded. */
  readonly header: Uint8Array
  readonly target: bigint
}

export interface MiningFind {
  readonly job: number
  readonly nonce: Uint8Array
}

/** Hashes between two looks at the shared memory: about a millisecond. */
const SLICE = 1_024

const { shared, index, nonce }: MiningSetup = workerData
const current = new Int32Array(shared, 0, 1)
const hashes = new BigUint64Array(shared, 8)

parentPort?.on('message', ({ job, header, target }: MiningJob) => {
  const limit = limitOf(target)
  // Goes on where the last job left off: whatever is mined, no nonce is tried twice.
  header.set(nonce, header.length - NONCE_BYTES)
  let tried: number | undefined
  while (tried === undefined && Atomics.load(current, 0) === job) {
    tried = search(header, limit, SLICE)
    Atomics.add(hashes, index, BigInt(tried ?? SLICE))
  }
  if (tried !== undefined) {
    const found: MiningFind = { job, nonce: header.slice(-NONCE_BYTES) }
    parentPort?.postMessage(found)
    countUp(header)
  }
  nonce.set(header.subarray(-NONCE_BYTES))
})
