import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../failure.js'
import { readManifest } from './manifest.js'
import { damageIn } from './write-ahead-log.js'

/**
 * The files of a LevelDB folder, looked at before LevelDB opens it. Where some are missing or damaged, LevelDB may go
 * on with what is left, or begin anew, without a word.
 */

/** The names that LevelDB gives to its files, by what they are. */
const FILES = {
  table: /^(\d+)\.(ldb|sst)$/,
  log: /^(\d+)\.log$/,
  manifest: /^MANIFEST-\d+$/
} as const

/** A table, whether or not the manifest names it. */
export function isTable(name: string): boolean {
  return FILES.table.test(name)
}

/** What LevelDB reads when it opens a folder. */
export function isRead(name: string): boolean {
  return name === CURRENT || Object.values(FILES).some(pattern => pattern.test(name))
}

/** Each file that LevelDB makes in its folder: what it reads, its lock, its own log, and a CURRENT that is half written. */
export function isOfLevel(name: string): boolean {
  return isRead(name) || /^(LOCK|LOG|LOG\.old|\d+\.dbtmp)$/.test(name)
}

const CURRENT = 'CURRENT'

/** What to do about it depends on whose folder it is. */
function damaged(what: string): Failure {
  return new Failure('ERR_FILES_DAMAGED', what)
}

/**
 * Throws ERR_FILES_DAMAGED naming the first file that is missing, or damaged so that LevelDB would forget something. Gives the
 * names of the tables that belong to the database. Others are left over, and LevelDB may write new files under their names.
 */
export async function expectWhole(folder: string): Promise<ReadonlySet<string>> {
  const names = await readdir(folder)
  const tables = await expectAllThere(folder, names)
  for (const name of names) {
    if (!FILES.log.test(name)) continue
    const at = damageIn(await readFile(join(folder, name)))
    if (at !== undefined)
      throw damaged(
        `${join(folder, name)} is damaged at byte ${at}: LevelDB would drop what was written from there on`
      )
  }
  return tables
}

async function expectAllThere(folder: string, names: readonly string[]): Promise<ReadonlySet<string>> {
  const missing = (name: string, why: string): Failure => damaged(`${join(folder, name)} is missing: ${why}`)
  if (!names.includes(CURRENT)) {
    const other = names.find(isRead)
    if (other === undefined) return new Set()
    throw missing(
      CURRENT,
      `${folder} has other files of a database (such as ${other}), and LevelDB would begin anew`
    )
  }
  const current = (await readFile(join(folder, CURRENT), 'latin1')).replace(/\n$/, '')
  if (!FILES.manifest.test(current))
    throw damaged(`${join(folder, CURRENT)} is damaged: it names no manifest`)
  if (!names.includes(current)) throw missing(current, `${CURRENT} names it as the manifest`)
  const expected = readManifest(await readFile(join(folder, current)))
  if (expected === undefined) throw damaged(`${join(folder, current)} is damaged`)
  const { log, tables } = expected
  if (log !== 0 && !names.some(name => numberOf(name, FILES.log) === log))
    throw missing(`${padded(log)}.log`, 'it is the write-ahead log, with the last that was written')
  const found = new Set<string>()
  for (const [number, bytes] of tables) {
    const name = names.find(each => numberOf(each, FILES.table) === number)
    if (name === undefined) throw missing(`${padded(number)}.ldb`, 'it is a table of the database')
    const { size } = await stat(join(folder, name))
    if (size !== bytes)
      throw damaged(`${join(folder, name)} is damaged: it has ${size} bytes and must have ${bytes}`)
    found.add(name)
  }
  return found
}

function numberOf(name: string, pattern: RegExp): number | undefined {
  const digits = pattern.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

function padded(number: number): string {
  return String(number).padStart(6, '0')
}
