import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { setInterval } from 'node:timers/promises'

/** Whether a process runs. One that nobody has reaped yet runs no more. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return !/\) Z /.test(stat)
}

/** Resolves when a process that is not ours to await has ended. */
export async function whenGone(pid: number, ms = 20_000): Promise<void> {
  const signal = AbortSignal.timeout(ms)
  try {
    for await (const _ of setInterval(25, undefined, { signal })) if (!(await isAlive(pid))) return
  } catch {
    assert.fail(`process ${pid} still runs after ${ms} ms`)
  }
}

export const HAS_PROC = existsSync('/proc/self/cmdline')

/** Processes whose command line holds all of `parts`. Needs /proc. */
export async function processesWith(...parts: string[]): Promise<number[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number)
  const lines = await Promise.all(
    pids.map(async pid => ({
      pid,
      line: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    }))
  )
  return lines.filter(({ line }) => parts.every(part => line.includes(part))).map(({ pid }) => pid)
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Program {
  readonly ended: Promise<Ended>
  kill(signal: NodeJS.Signals): void
  /** The first match in what it has written so far, or will write. */
  says(stream: 'stdout' | 'stderr', pattern: RegExp, ms?: number): Promise<RegExpMatchArray>
}

/** Runs node with these arguments. Whoever starts it awaits `ended`. */
export function runNode(args: readonly string[]): Program {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  const listeners = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text
      for (const listener of listeners) listener()
    })
  const ended = new Promise<Ended>(resolve => {
    child.on('close', (code, signal) => {
      resolve({ code, signal, ...said })
      for (const listener of listeners) listener()
    })
  })
  return {
    ended,
    kill: signal => child.kill(signal),
    says: (stream, pattern, ms = 60_000) =>
      new Promise((resolve, reject) => {
        const finish = (settle: () => void): void => {
          clearTimeout(timer)
          listeners.delete(look)
          settle()
        }
        const fail = (why: string): void =>
          finish(() => reject(new Error(`${why}, without saying ${pattern}:\n${said.stdout}${said.stderr}`)))
        const look = (): void => {
          const match = said[stream].match(pattern)
          if (match !== null) finish(() => resolve(match))
          else if (child.exitCode !== null || child.signalCode !== null) fail('it ended')
        }
        const timer = setTimeout(() => fail(`${ms} ms passed`), ms)
        listeners.add(look)
        look()
      })
  }
}
