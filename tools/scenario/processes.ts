import { readdir, readFile } from 'node:fs/promises'

/** Ids of processes whose command lines hold all of `parts`. None where the system has no /proc. */
export async function processesWith(...parts: readonly string[]): Promise<number[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter(name => /^\d+$/.test(name)).map(Number)
  const lines = await Promise.all(
    pids
      .filter(pid => pid !== process.pid)
      .map(async pid => ({ pid, line: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') }))
  )
  return lines.filter(({ line }) => parts.every(part => line.includes(part))).map(({ pid }) => pid)
}
