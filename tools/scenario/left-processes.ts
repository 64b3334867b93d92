import { readdir, readFile } from 'node:fs/promises'

/** Ids of processes that were started on this folder. None where the system has no /proc: those we started are reaped. */
export async function processesOn(folder: string): Promise<string[]> {
  const entries = await readdir('/proc').catch(() => [])
  const lines = await Promise.all(
    entries
      .filter(name => /^\d+$/.test(name) && name !== String(process.pid))
      .map(async name => [name, await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')] as const)
  )
  return lines.filter(([, line]) => line.includes(folder)).map(([name]) => name)
}
