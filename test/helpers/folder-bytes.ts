import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** All that a folder holds: names, modes, times of the last change, contents. Equal texts: nothing was written. */
export async function folderBytes(folder: string): Promise<string> {
  const lines: string[] = []
  for (const name of (await readdir(folder, { recursive: true })).toSorted()) {
    const { mode, mtimeNs, size } = await stat(join(folder, name), { bigint: true })
    const isFolder = (Number(mode) & 0o170_000) === 0o040_000
    const content = isFolder ? '' : (await readFile(join(folder, name))).toString('latin1')
    lines.push(`${name} ${mode} ${mtimeNs} ${size} ${content}`)
  }
  return lines.join('\n')
}
