import type { Localnet } from '../localnet/index.js'
import { type Check, demand } from '../scenario/checks.js'
import { demandEnded, stopCheck } from '../scenario/ends.js'
import type { Churn, Drained } from './churn.js'
import type { Ledger } from './ledger.js'
import type { Growth, MemoryCurve } from './memory.js'

/** A soak that has come to its end, with all peers still running. */
export interface Run {
  readonly net: Localnet
  readonly churn: Churn
  readonly ledger: Ledger
  readonly memory: { readonly sequencer: MemoryCurve; readonly follower: MemoryCurve }
  /** All clients, which had nothing to do any more but to get what they had left into the log. */
  readonly drained: readonly Drained[]
  readonly blockSize: number
  /** How long they came and went. */
  readonly ms: number
}

/** What was seen and heard while they ran; then all are stopped. */
export function runChecksOf({ net, churn, ledger, drained }: Run): Check[] {
  return [
    {
      name: 'lives',
      what: 'no process ends unless it is told to; SIGTERM ends each with exit code 0',
      run: async () => {
        demand(churn.incidents.length === 0, churn.incidents.join('\n'))
        const { killed, stopped } = churn.counts
        return `${sum(killed)} killed, ${sum(stopped)} stopped`
      }
    },
    {
      name: 'outboxes',
      what: 'each client, run once more, gets a receipt for all that it has left',
      run: async () => {
        for (const { peer, exit } of drained) demandEnded(peer.name, exit, peer.stderr)
        return `${drained.length} clients`
      }
    },
    {
      name: 'one answer',
      what: 'no message is refused or has two receipts that differ',
      run: async () => {
        demand(ledger.contradictions.length === 0, ledger.contradictions.join('\n'))
        return `${ledger.accepted} receipts`
      }
    },
    {
      name: 'no evidence',
      what: 'nobody has seen the sequencer lie',
      run: async () => {
        demand(
          ledger.evidence.length === 0,
          ledger.evidence.map(({ peer, detail }) => `${peer.name}: ${detail}`).join('\n')
        )
        return `${churn.followers.length} followers watched`
      }
    },
    // Whether any ended before is what the first of them looks at.
    stopCheck(net, () => [])
  ]
}

/** Only a run of several minutes tells growth from the warming up. */
const JUDGED_MS = 3 * 60_000
/** Generous: a garbage collector lets a heap swing. A leak of every message would multiply it. */
const GROWTH = { factor: 1.3, mb: 40 }

export function memoryChecks({ memory, ms }: Run): Check[] {
  return Object.entries(memory).map(([name, curve]) => ({
    name: `memory of ${name === 'sequencer' ? 'sequencer' : curve.peer.name}`,
    what: `median of the last quarter at most ${GROWTH.factor} times that of the third, or ${GROWTH.mb} MB more`,
    run: async () => {
      const growth = curve.growth()
      if (ms < JUDGED_MS) return `not judged: too short a run; ${told(growth)}`
      const [, , third, last] = growth.quarters
      demand(typeof third === 'number' && typeof last === 'number', `too few samples: ${growth.samples}`)
      demand(last <= Math.max(third * GROWTH.factor, third + GROWTH.mb), told(growth))
      return told(growth)
    }
  }))
}

function told({ quarters, peak }: Growth): string {
  return `${quarters.map(mb => mb ?? '?').join(', ')} MB by quarter, at most ${peak}`
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((all, count) => all + count, 0)
}
