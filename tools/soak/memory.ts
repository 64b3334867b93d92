import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Peer } from '../localnet/index.js'

/** Resident memory of a process, MB; undefined where it has gone. */
async function residentMb(pid: number): Promise<number | undefined> {
  try {
    const kb = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]
    if (kb !== undefined) return Number(kb) / 1024
    return undefined
  } catch {
    // No such process, or a system without /proc.
  }
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)])
    return Number(stdout) / 1024
  } catch {
    return undefined
  }
}

export interface Growth {
  readonly samples: number
  /** Medians of the four quarters of the time, MB; null without a sample. */
  readonly quarters: readonly (number | null)[]
  readonly peak: number
}

/** The memory of one peer over the time, across its restarts. */
export class MemoryCurve {
  readonly #samples: { readonly at: number; readonly mb: number }[] = []

  constructor(readonly peer: Peer) {}

  /** `at`: which part of the whole time has passed, 0 to 1. */
  async sample(at: number): Promise<void> {
    const { pid } = this.peer
    if (pid === undefined || !this.peer.isRunning) return
    const mb = await residentMb(pid)
    if (mb !== undefined) this.#samples.push({ at, mb })
  }

  growth(): Growth {
    const quarters = [0, 1, 2, 3].map(quarter =>
      median(
        this.#samples.filter(({ at }) => Math.min(3, Math.floor(at * 4)) === quarter).map(({ mb }) => mb)
      )
    )
    const peak = this.#samples.reduce((most, { mb }) => Math.max(most, mb), 0)
    return { samples: this.#samples.length, quarters, peak: Math.round(peak) }
  }
}

function median(values: readonly number[]): number | null {
  const middle = values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
  return middle === undefined ? null : Math.round(middle)
}
