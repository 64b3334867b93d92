import { type MessageName, nameOf } from './candidate.js'
import type { ForkNode } from './fork-tree.js'
import { type Database, placeOf } from './store.js'

/** The index of the first message whose name was used before, in the block or on the branch up to `parent`. */
export function duplicateIn(
  database: Database,
  parent: ForkNode,
  names: readonly MessageName[]
): number | undefined {
  const used = new Set<string>()
  let main = parent
  const beside: ReadonlySet<string>[] = []
  for (; !main.isMain && main.parent !== undefined; main = main.parent) beside.push(main.names)
  const { size } = main.cursor.signed.header
  for (const [index, each] of names.entries()) {
    const name = nameOf(each)
    const place = placeOf(database, each.author, each.sequence)
    // What stands above the fork is on the other branch alone.
    if (place !== undefined && place.position < size) return index
    if (used.has(name) || beside.some(others => others.has(name))) return index
    used.add(name)
  }
  return undefined
}
