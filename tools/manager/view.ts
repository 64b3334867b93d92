import { bad, cut, type Line, type Look, type Span, wrapped } from '#src/cli/terminal/styled.js'
import type { NetworkEvent, NetworkEventOf } from './events.js'
import { describeGroups } from './groups.js'
import type { Request } from './requests.js'

/** What people see of a network. Pure: from events to lines. */

type Node = NetworkEventOf<'node'>
type Network = NetworkEventOf<'network'>

interface Column {
  readonly title: string
  readonly isNumber?: true
  /** Where not all columns fit, those of the least worth are left out. */
  readonly worth: number
  readonly cell: (node: Node) => string
  readonly look?: (node: Node, heads: Heads) => Look | undefined
}

/** What nodes have, and the names of those that have it; nodes that do not run are left out. */
type Heads = ReadonlyMap<string, readonly number[]>

const NONE = '–'

const STATES: Readonly<Record<Node['state'], Look | undefined>> = {
  starting: undefined,
  running: 'good',
  silent: 'doubtful',
  stopped: undefined,
  killed: 'bad',
  failed: 'bad'
}

const NODE: readonly Column[] = [
  { title: 'node', isNumber: true, worth: 9, cell: ({ node }) => String(node) },
  { title: 'id', worth: 4, cell: ({ peerId }) => (peerId === null ? NONE : `…${peerId.slice(-8)}`) },
  { title: 'role', worth: 5, cell: ({ role }) => role },
  { title: 'state', worth: 8, cell: ({ state }) => state, look: ({ state }) => STATES[state] }
]

const PEERS: Column = {
  title: 'peers',
  isNumber: true,
  worth: 6,
  cell: ({ state, peers, known }) => (isThere(state) && peers !== null ? `${peers}/${known}` : NONE)
}

const ADDRESS: Column = {
  title: 'address',
  worth: 1,
  cell: ({ address }) => address?.replace(/\/p2p\/[^/]+$/, '') ?? NONE
}

const OF_CHAINS: readonly Column[] = [
  ...NODE,
  { title: 'height', isNumber: true, worth: 7, cell: ({ height }) => String(height ?? NONE) },
  { title: 'head', worth: 9, cell: ({ head }) => head?.slice(0, 8) ?? NONE, look: lookOf },
  PEERS,
  { title: 'hash rate', isNumber: true, worth: 2, cell: ({ hashRate }) => hashRateText(hashRate) },
  { title: 'pool', isNumber: true, worth: 3, cell: ({ pool }) => String(pool ?? NONE) },
  ADDRESS
]

/** Where there is no order. */
const OF_SETS: readonly Column[] = [
  ...NODE,
  { title: 'transfers', isNumber: true, worth: 7, cell: ({ transfers }) => String(transfers ?? NONE) },
  { title: 'digest', worth: 9, cell: ({ digest }) => digest?.slice(0, 8) ?? NONE, look: lookOf },
  PEERS,
  ADDRESS
]

/** Where nothing says how much room there is. */
const ROOM: Room = { width: Number.POSITIVE_INFINITY, height: Number.POSITIVE_INFINITY }

interface Room {
  readonly width: number
  readonly height: number
}

/** All nodes in a table, what network it is above it, and whether they agree below; in no more room than there is. */
export function networkTable(
  network: Network | undefined,
  nodes: readonly Node[],
  { width, height }: Room = ROOM
): Line[] {
  const heads = headsOf(nodes)
  const above = [
    network === undefined ? 'the network is starting' : networkLine(network),
    ...(network === undefined || network.groups === null
      ? []
      : [`divided into ${describeGroups(network.groups)}`])
  ]
  const around = [above, [agreement(nodes, heads)]] as const
  const [before = [], after = []] = around.map(lines => lines.flatMap(line => fitted(line, width)))
  const [titles = '', ...rows] = rowsOf(
    network?.ordering === 'none' ? OF_SETS : OF_CHAINS,
    nodes,
    heads,
    width
  )
  const room = height - before.length - after.length - 1
  const shown = rows.length <= room ? rows : rows.slice(0, Math.max(0, room - 1))
  const left = rows.length - shown.length
  const more = left === 0 ? [] : [`… and ${left} more`]
  return [...before, titles, ...shown, ...more, ...after].slice(0, Math.max(0, height))
}

function fitted(line: Line, width: number): Line[] {
  return width === Number.POSITIVE_INFINITY ? [line] : wrapped(line, width)
}

/** The titles, then a line for each node. */
function rowsOf(all: readonly Column[], nodes: readonly Node[], heads: Heads, width: number): Line[] {
  const widthOf = ({ title, cell }: Column): number =>
    Math.max(title.length, ...nodes.map(node => cell(node).length))
  let columns = all
  const total = (): number => columns.reduce((sum, column) => sum + widthOf(column) + 2, -2)
  while (total() > width && columns.length > 1) {
    const least = Math.min(...columns.map(({ worth }) => worth))
    const last = columns.findLast(({ worth }) => worth === least)
    columns = columns.filter(column => column !== last)
  }
  const lineOf = (textIn: (column: Column) => string, lookIn: (column: Column) => Look | undefined): Line => {
    const spans = columns.flatMap((column, index): (string | Span)[] => {
      const [text, columnWidth, look] = [textIn(column), widthOf(column), lookIn(column)]
      const space = ' '.repeat(columnWidth - text.length)
      const shown = look === undefined ? text : { text, look }
      const gap = index === 0 ? '' : '  '
      return column.isNumber ? [gap + space, shown] : [gap, shown, space]
    })
    return cut(spans, width)
  }
  return [
    lineOf(
      ({ title }) => title,
      () => undefined
    ),
    ...nodes.map(node =>
      lineOf(
        ({ cell }) => cell(node),
        ({ look }) => look?.(node, heads)
      )
    )
  ]
}

function networkLine({ network, ordering, topology, folder }: Network): string {
  const order = ordering === 'none' ? 'with no order' : `ordered by ${ordering}`
  return `network ${network.slice(0, 8)} in ${folder}, ${order}, topology ${topology}`
}

function dividedInto({ groups }: Network): string {
  return groups === null ? '' : `, divided into ${describeGroups(groups)}`
}

function headsOf(nodes: readonly Node[]): Heads {
  const heads = new Map<string, number[]>()
  for (const node of nodes) {
    const name = isThere(node.state) ? nameOf(node) : null
    if (name !== null) heads.set(name, [...(heads.get(name) ?? []), node.node])
  }
  return heads
}

/** Each head, or set, has a colour of its own. */
function lookOf(node: Node, heads: Heads): Look | undefined {
  const place = [...heads.keys()].indexOf(nameOf(node) ?? '')
  return place < 0 ? undefined : `head ${place}`
}

/** Whether those that run have one head, or one set. */
function agreement(nodes: readonly Node[], heads: Heads): Line {
  const first = nodes.find(node => isThere(node.state) && nameOf(node) !== null)
  if (first === undefined) return 'no node runs'
  const isSet = first.digest !== null
  if (heads.size === 1)
    return isSet ? `one set, of ${first.transfers} transfers` : `one head, at height ${first.height}`
  const parts = [...heads].flatMap(([name, numbers], place): (string | Span)[] => [
    place === 0 ? '' : ', ',
    { text: name.slice(0, 8), look: `head ${place}` },
    ` (${numbers.join(',')})`
  ])
  return [`${heads.size} ${isSet ? 'sets' : 'heads'}: `, ...parts]
}

/** Of what the node has; null where that is not known. */
function nameOf({ head, digest }: Node): string | null {
  return head ?? digest
}

/** What is said of an event where lines are printed; undefined where it is nothing new after what was known of the node. */
export function sentence(event: NetworkEvent, before: Node | undefined): Line | undefined {
  switch (event.event) {
    case 'network':
      return `${networkLine(event)}${dividedInto(event)}; process ${event.pid}`
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

function nodeSentence(now: Node, before: Node | undefined): Line | undefined {
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
        return [`node ${node} was `, bad('killed')]
      case 'failed':
        return [`node ${node} `, bad('failed')]
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

/** What a change that was asked for has made of the network, as the manager tells it. */
export function outcomeOf(request: Request, told: readonly NetworkEvent[]): string {
  const network = told.find(event => event.event === 'network')
  switch (request.request) {
    case 'stop':
      return request.node === null
        ? 'all nodes and their manager have stopped'
        : `node ${request.node} has stopped, and the others forget it`
    case 'start': {
      const at = told.find(event => event.event === 'node')?.address
      return `node ${request.node} runs${at == null ? '' : ` at ${at}`}`
    }
    case 'kill':
      return `node ${request.node} was killed; the others look for it until it is started again`
    case 'partition':
      return `the network is divided into ${describeGroups(network?.groups ?? request.groups)}`
    case 'heal':
      return 'the network is whole again'
    case 'status':
    case 'mine':
      return 'it is done'
  }
}
