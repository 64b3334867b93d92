import type { NetworkEvent, NetworkEventOf } from './events.js'
import { describeGroups } from './groups.js'

/** What people see of a network. Pure: from events to lines. */

type Node = NetworkEventOf<'node'>
type Network = NetworkEventOf<'network'>

interface Column {
  readonly title: string
  readonly isNumber?: true
  readonly cell: (node: Node) => string
}

const NONE = '–'

const COLUMNS: readonly Column[] = [
  { title: 'node', isNumber: true, cell: ({ node }) => String(node) },
  { title: 'id', cell: ({ peerId }) => (peerId === null ? NONE : `…${peerId.slice(-8)}`) },
  { title: 'role', cell: ({ role }) => role },
  { title: 'state', cell: ({ state }) => state },
  { title: 'height', isNumber: true, cell: ({ height }) => String(height ?? NONE) },
  { title: 'head', cell: ({ head }) => head?.slice(0, 8) ?? NONE },
  {
    title: 'peers',
    isNumber: true,
    cell: ({ state, peers, known }) => (isThere(state) && peers !== null ? `${peers}/${known}` : NONE)
  },
  { title: 'hash rate', isNumber: true, cell: ({ hashRate }) => hashRateText(hashRate) },
  { title: 'pool', isNumber: true, cell: ({ pool }) => String(pool ?? NONE) },
  { title: 'address', cell: ({ address }) => address?.replace(/\/p2p\/[^/]+$/, '') ?? NONE }
]

/** All nodes in a table, what network it is above it, and whether they agree below. */
export function networkTable(network: Network | undefined, nodes: readonly Node[]): string[] {
  const rows = nodes.map(node => COLUMNS.map(({ cell }) => cell(node)))
  const widths = COLUMNS.map(({ title }, index) =>
    Math.max(title.length, ...rows.map(row => row[index]?.length ?? 0))
  )
  const line = (cells: readonly string[]): string =>
    COLUMNS.map(({ isNumber }, index) => {
      const [cell = '', width = 0] = [cells[index], widths[index]]
      return isNumber ? cell.padStart(width) : cell.padEnd(width)
    })
      .join('  ')
      .trimEnd()
  return [
    network === undefined ? 'the network is starting' : networkLine(network),
    line(COLUMNS.map(({ title }) => title)),
    ...rows.map(line),
    agreement(nodes)
  ]
}

function networkLine({ network, ordering, topology, folder, groups }: Network): string {
  const whole = `network ${network.slice(0, 8)} in ${folder}, ordered by ${ordering}, topology ${topology}`
  return groups === null ? whole : `${whole}, divided into ${describeGroups(groups)}`
}

/** Whether those that run have one head. */
function agreement(nodes: readonly Node[]): string {
  const running = nodes.filter(({ state, head }) => isThere(state) && head !== null)
  const heads = new Map<string | null, number[]>()
  for (const { node, head } of running) heads.set(head, [...(heads.get(head) ?? []), node])
  const [first] = running
  if (first === undefined) return 'no node runs'
  if (heads.size === 1) return `one head, at height ${first.height}`
  const parts = [...heads].map(([head, numbers]) => `${head?.slice(0, 8)} (${numbers.join(',')})`)
  return `${heads.size} heads: ${parts.join(', ')}`
}

/** What is said of an event where lines are printed; undefined where it is nothing new after what was known of the node. */
export function sentence(event: NetworkEvent, before: Node | undefined): string | undefined {
  switch (event.event) {
    case 'network':
      return `${networkLine(event)}; process ${event.pid}`
    case 'node':
      return nodeSentence(event, before)
    case 'reorg': {
      const { node, from, to, depth } = event
      return `node ${node} took a heavier branch: ${depth} block${depth === 1 ? '' : 's'} out, head ${from.slice(0, 8)} became ${to.slice(0, 8)}`
    }
    case 'reorgRefused': {
      const { node, height, id, allowed } = event
      return `node ${node} refuses the heavier branch up to block ${height}, ${id.slice(0, 8)}: more than ${allowed} of its blocks would be out`
    }
    case 'mined':
      return `node ${event.node} made block ${event.height}: ${event.id}`
    case 'stopped':
      return 'stopped'
  }
}

function nodeSentence(now: Node, before: Node | undefined): string | undefined {
  const { node, state, role, address, height, head } = now
  if (state !== before?.state)
    switch (state) {
      case 'starting':
        return undefined
      case 'running':
        return before?.state === 'silent'
          ? `node ${node} answers again`
          : `node ${node}, ${role}, runs at ${address}`
      case 'silent':
        return `node ${node} does not answer`
      case 'stopped':
        return `node ${node} stopped`
      case 'killed':
        return `node ${node} was killed`
      case 'failed':
        return `node ${node} failed`
    }
  if (head === before.head || head === null) return undefined
  return height === 0 ? undefined : `node ${node} is at block ${height}: ${head}`
}

function isThere(state: Node['state']): boolean {
  return state === 'running' || state === 'silent'
}

function hashRateText(hashRate: number | null): string {
  if (hashRate === null || hashRate === 0) return NONE
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, hashRate)) / 3))
  return `${Number((hashRate / 1000 ** power).toPrecision(3))} ${UNITS[power]}`
}

const UNITS = ['H/s', 'kH/s', 'MH/s', 'GH/s']
