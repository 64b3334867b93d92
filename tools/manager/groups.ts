/** Numbers of nodes, from 1 on: each group has to do with its own members alone. */
export type Groups = readonly (readonly number[])[]

export type ReadGroups =
  | { readonly ok: true; readonly groups: Groups }
  | { readonly ok: false; readonly why: string }

/** As people write them: `1,2,3/4,5,6`, or `1-3/4-6`. */
export function parseGroups(text: string): ReadGroups {
  const groups: number[][] = []
  for (const part of text.split('/')) {
    const group: number[] = []
    for (const item of part.split(',')) {
      const [, first, last = first] = /^([1-9]\d{0,3})(?:-([1-9]\d{0,3}))?$/.exec(item.trim()) ?? []
      if (first === undefined || Number(last) < Number(first))
        return no(`"${item}" is no node and no range of nodes; groups are written as 1,2,3/4,5,6 or 1-3/4-6`)
      for (let node = Number(first); node <= Number(last); node += 1) group.push(node)
    }
    groups.push(group)
  }
  return disjoint(groups)
}

/** The groups that a network of so many nodes falls into. Nodes that nobody named make one more group, together. */
export function groupsAmong(named: Groups, count: number): ReadGroups {
  const read = disjoint(named)
  if (!read.ok) return read
  const members = named.flat()
  const stranger = members.find(node => node < 1 || node > count)
  if (stranger !== undefined) return no(`there is no node ${stranger}; the nodes are 1 to ${count}`)
  const rest = Array.from({ length: count }, (_, index) => index + 1).filter(node => !members.includes(node))
  const groups = rest.length > 0 ? [...named, rest] : named
  return groups.length > 1
    ? { ok: true, groups }
    : no('one group with all nodes divides nothing; write two groups')
}

/** `1,2,3/4,5,6` */
export function describeGroups(groups: Groups): string {
  return groups.map(group => group.join(',')).join('/')
}

function disjoint(groups: Groups): ReadGroups {
  const seen = new Set<number>()
  for (const node of groups.flat()) {
    if (seen.has(node)) return no(`node ${node} is named twice; each node is in one group`)
    seen.add(node)
  }
  return groups.some(group => group.length === 0) ? no('a group has no node') : { ok: true, groups }
}

function no(why: string): ReadGroups {
  return { ok: false, why }
}
