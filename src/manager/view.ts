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

const NODE: readonly Column[] = [
  { title: 'node', isNumber: true, cell: ({ node }) => String(node) },
  { title: 'id', cell: ({ peerId }) => (peerId === null ? NONE : `…${peerId.slice(-8)}`) },
  { title: 'role', cell: ({ role }) => role },
  { title: 'state', cell: ({ state }) => state }
]

const PEERS: Column = {
  title: 'peers',
  isNumber: true,
  cell: ({ state, peers, known }) => (isThere(state) && peers !== null ? `${peers}/${known}` : NONE)
}

const ADDRESS: Column = {
  title: 'address',
  cell: ({ address }) => address?.replace(/\/p2p\/[^/]+$/, '') ?? NONE
}

const OF_CHAINS: readonly Column[] = [
  ...NODE,
  { title: 'height', isNumber: true, cell: ({ height }) => String(height ?? NONE) },
  { title: 'head', cell: ({ head }) => head?.slice(0, 8) ?? NONE },
  PEERS,
  { title: 'hash rate', isNumber: true, cell: ({ hashRate }) => hashRateText(hashRate) },
  { title: 'pool', isNumber: true, cell: ({ pool }) => String(pool ?? NONE) },
  ADDRESS
]

/** Where there is no order. */
const OF_SETS: readonly Column[] = [
  ...NODE,
  { title: 'transfers', isNumber: true, cell: ({ transfers }) => String(transfers ?? NONE) },
  { title: 'digest', cell: ({ digest }) => digest?.slice(0, 8) ?? NONE },
  PEERS,
  ADDRESS
]

/** All nodes in a table, what network it is above it, and whether they agree below. */
export function networkTable(network: Network | undefined, nodes: readonly Node[]): string[] {
  const columns = network?.ordering === 'none' ? OF_SETS : OF_CHAINS
  const rows = nodes.map(node => columns.map(({ cell }) => cell(node)))
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...rows.map(row => row[index]?.length ?? 0))
  )
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ isNumber }, index) => {
        const [cell = '', width = 0] = [cells[index], widths[index]]
        return isNumber ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  return [
    network === undefined ? 'the network is starting' : networkLine(network),
    line(columns.map(({ title }) => title)),
    ...rows.map(line),
    agreement(nodes)
  ]
}

function networkLine({ network, ordering, topology, folder, groups }: Network): string {
  const order = ordering === 'none' ? 'with no order' : `ordered by ${ordering}`
  const whole = `network ${network.slice(0, 8)} in ${folder}, ${order}, topology ${topology}`
  return groups === null ? whole : `${whole}, divided into ${describeGroups(groups)}`
}

/** Whether those that run have one head, or one set. */
function agreement(nodes: readonly Node[]): string {
  const running = nodes.filter(node => isThere(node.state) && nameOf(node) !== null)
  const held = new Map<string | null, number[]>()
  for (const node of running) held.set(nameOf(node), [...(held.get(nameOf(node)) ?? []), node.node])
  const [first] = running
  if (first === undefined) return 'no node runs'
  const isSet = first.digest !== null
  if (held.size === 1)
    return isSet ? `one set, of ${first.transfers} transfers` : `one head, at height ${first.height}`
  const parts = [...held].map(([name, numbers]) => `${name?.slice(0, 8)} (${numbers.join(',')})`)
  return `${held.size} ${isSet ? 'sets' : 'heads'}: ${parts.join(', ')}`
}

/** Of what the node has; null where that is not known. */
function nameOf({ head, digest }: Node): string | null {
  return head ?? digest
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
  const { node, state, role, address, height, transfers } = now
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
  const name = nameOf(now)
  if (name === nameOf(before) || name === null || height === 0 || transfers === 0) return undefined
  return transfers === null
    ? `node ${node} is at block ${height}: ${name}`
    : `node ${node} has ${transfers} transfers: ${name}`
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
