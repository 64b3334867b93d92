import assert from 'node:assert/strict'
import { rendered, textOf } from '#src/cli/terminal/styled.js'
import type { NetworkEvent, NetworkEventOf } from '#tools/manager/events.js'
import * as view from '#tools/manager/view.js'

type Node = NetworkEventOf<'node'>

const NETWORK: NetworkEventOf<'network'> = {
  event: 'network',
  folder: '/tmp/net',
  network: '876cf391'.padEnd(64, '0'),
  ordering: 'work',
  topology: 'random:2',
  seed: 7,
  pid: 4711,
  nodes: 3,
  groups: null
}

const NEW: Node = {
  event: 'node',
  node: 1,
  role: 'miner',
  state: 'starting',
  pid: null,
  peerId: null,
  address: null,
  height: null,
  head: null,
  size: null,
  transfers: null,
  digest: null,
  pool: null,
  hashRate: null,
  peers: null,
  known: null
}

function running(node: number, height: number, head: string, more: Partial<Node> = {}): Node {
  return {
    ...NEW,
    node,
    state: 'running',
    pid: 100 + node,
    peerId: `12D3KooWQaGpobsHYPtfSJhZSijnsBCHNWLDS9jEGPRM34HaAT9${node}`,
    address: `/ip4/127.0.0.1/tcp/4010${node}/p2p/12D3KooWQaGpobsHYPtfSJhZSijnsBCHNWLDS9jEGPRM34HaAT9${node}`,
    height,
    head: head.padEnd(64, '0'),
    size: height,
    pool: 12,
    hashRate: 0,
    peers: 2,
    known: 2,
    ...more
  }
}

/** As text, in so much room. */
function networkTable(
  network: NetworkEventOf<'network'> | undefined,
  nodes: readonly Node[],
  width = Number.POSITIVE_INFINITY,
  height = Number.POSITIVE_INFINITY
): string[] {
  return view.networkTable(network, nodes, { width, height }).map(textOf)
}

function sentence(event: NetworkEvent, before: Node | undefined): string | undefined {
  const said = view.sentence(event, before)
  return said === undefined ? undefined : textOf(said)
}

describe('the table of a network', () => {
  it('has a line for each node, and says whether they agree', () => {
    const nodes = [
      running(1, 12, 'aaaa1111', { hashRate: 1234.5 }),
      running(2, 12, 'aaaa1111', { role: 'follower', peers: 3 }),
      { ...NEW, node: 3, role: 'follower' }
    ]
    assert.deepEqual(networkTable(NETWORK, nodes), [
      'network 876cf391 in /tmp/net, ordered by work, topology random:2',
      'node  id         role      state     height  head      peers  hash rate  pool  address',
      '   1  …34HaAT91  miner     running       12  aaaa1111    2/2  1.23 kH/s    12  /ip4/127.0.0.1/tcp/40101',
      '   2  …34HaAT92  follower  running       12  aaaa1111    3/2          –    12  /ip4/127.0.0.1/tcp/40102',
      '   3  –          follower  starting       –  –             –          –     –  –',
      'one head, at height 12'
    ])
  })

  it('says who has which head where they do not agree, and leaves out who is not there', () => {
    const nodes = [
      running(1, 3, 'aaaa1111'),
      running(2, 4, 'bbbb2222', { state: 'silent' }),
      running(3, 4, 'bbbb2222'),
      running(4, 9, 'cccc3333', { state: 'killed' })
    ]
    assert.equal(networkTable(NETWORK, nodes).at(-1), '2 heads: aaaa1111 (1), bbbb2222 (2,3)')
    assert.equal(networkTable(NETWORK, [{ ...NEW }]).at(-1), 'no node runs')
  })

  it('shows transfers and the digest of their set where there is no order', () => {
    const none = { role: 'follower', height: null, head: null, size: null, pool: null, hashRate: null }
    const having = (node: number, transfers: number, digest: string): Node =>
      running(node, 0, '', { ...none, transfers, digest: digest.padEnd(64, '0') })
    const network = { ...NETWORK, ordering: 'none' }
    const nodes = [having(1, 12, 'aaaa1111'), having(2, 9, 'bbbb2222')]
    assert.deepEqual(networkTable(network, nodes), [
      'network 876cf391 in /tmp/net, with no order, topology random:2',
      'node  id         role      state    transfers  digest    peers  address',
      '   1  …34HaAT91  follower  running         12  aaaa1111    2/2  /ip4/127.0.0.1/tcp/40101',
      '   2  …34HaAT92  follower  running          9  bbbb2222    2/2  /ip4/127.0.0.1/tcp/40102',
      '2 sets: aaaa1111 (1), bbbb2222 (2)'
    ])
    assert.equal(
      networkTable(network, [having(1, 0, 'aa'), having(2, 0, 'aa')]).at(-1),
      'one set, of 0 transfers'
    )
    const name = 'bbbb2222'.padEnd(64, '0')
    assert.equal(sentence(having(1, 9, 'bbbb2222'), having(1, 8, 'aa')), `node 1 has 9 transfers: ${name}`)
    assert.equal(sentence(having(1, 9, 'aa'), having(1, 9, 'aa')), undefined)
  })

  it('says how the network is divided, and that it is starting', () => {
    const groups = [[1, 2], [3]]
    assert.equal(networkTable({ ...NETWORK, groups }, [])[1], 'divided into 1,2/3')
    assert.match(sentence({ ...NETWORK, groups }, undefined) ?? '', /, divided into 1,2\/3; process 4711$/)
    assert.equal(networkTable(undefined, [])[0], 'the network is starting')
  })

  for (const [hashRate, text] of [
    [0.4, '0.4 H/s'],
    [999.9, '1000 H/s'],
    [1000, '1 kH/s'],
    [2_345_678, '2.35 MH/s'],
    [7e12, '7000 GH/s']
  ] as const)
    it(`shows ${hashRate} hashes a second as ${text}`, () => {
      assert.ok(networkTable(undefined, [running(1, 0, 'aa', { hashRate })])[2]?.includes(` ${text} `))
    })
})

describe('the table of a network, in less room', () => {
  const groups = [
    [1, 3, 5],
    [2, 4, 6]
  ]
  const nodes = [1, 2, 3, 4, 5, 6].map(node =>
    running(node, 12, node % 2 === 1 ? 'aaaa1111' : 'bbbb2222', { hashRate: node < 3 ? 718_000 : 0 })
  )
  const network = { ...NETWORK, folder: '/home/you/tallystick/data/network', groups }

  it('of 80 columns leaves out the addresses', () => {
    assert.deepEqual(networkTable(network, nodes, 79).slice(0, 4), [
      'network 876cf391 in /home/you/tallystick/data/network, ordered by work,',
      'topology random:2',
      'divided into 1,3,5/2,4,6',
      'node  id         role   state    height  head      peers  hash rate  pool'
    ])
  })

  it('of 40 columns shows of each node its state, height, head and peers', () => {
    const table = networkTable(network, nodes, 39)
    assert.deepEqual(table.slice(4, 6), [
      'node  state    height  head      peers',
      '   1  running      12  aaaa1111    2/2'
    ])
    assert.equal(table[3], 'divided into 1,3,5/2,4,6')
    assert.deepEqual(table.slice(-2), ['2 heads: aaaa1111 (1,3,5), bbbb2222', '(2,4,6)'])
  })

  for (let width = 8; width <= 120; width += 1)
    it(`of ${width} columns has no longer line, and both the node and its head`, () => {
      const table = networkTable(network, nodes, width)
      for (const line of table) assert.ok(line.length <= width, line)
      if (width >= 14) assert.ok(table.some(line => /^ {3}6 .*bbbb2222/.test(line)))
    })

  it('of few lines keeps what is above and below, and says how many nodes are left out', () => {
    const table = networkTable(NETWORK, nodes, 120, 6)
    assert.deepEqual(
      table.map(line => line.slice(0, 12)),
      [
        'network 876c',
        'node  id    ',
        '   1  …34HaA'.slice(0, 12),
        '   2  …34HaA'.slice(0, 12),
        '… and 4 more',
        '2 heads: aaa'
      ]
    )
  })

  it('has a colour for each head, green for who runs and red for who was killed', () => {
    const killed = running(7, 1, 'cccc', { state: 'killed' })
    const lines = view.networkTable(NETWORK, [...nodes, killed])
    const plain = lines.map(line => rendered(line, false))
    assert.deepEqual(plain, lines.map(textOf))
    const [, , one = '', two = ''] = lines.map(line => rendered(line, true))
    assert.match(one, /\W\[32mrunning\W\[39m .*\W\[36maaaa1111\W\[39m/)
    assert.match(two, /\W\[35mbbbb2222\W\[39m/)
    assert.match(rendered(lines.at(-2) ?? '', true), /\W\[31mkilled\W\[39m +1 {2}cccc0000/)
    assert.match(rendered(lines.at(-1) ?? '', true), /\W\[36maaaa1111\W\[39m \(1,3,5\), \W\[35mbbbb2222/)
  })
})

describe('the lines of a network', () => {
  it('tell what is new of a node, and nothing twice', () => {
    const first = running(1, 0, 'aaaa')
    const said = (now: Node, before?: Node): string | undefined => sentence(now, before)
    assert.equal(said(NEW), undefined)
    assert.match(said(first, NEW) ?? '', /^node 1, miner, runs at \/ip4\//)
    assert.equal(said({ ...first, pool: 3, hashRate: 5 }, first), undefined)
    const second = running(1, 1, 'bbbb')
    assert.equal(said(second, first), `node 1 is at block 1: ${'bbbb'.padEnd(64, '0')}`)
    assert.equal(said(second, second), undefined)
    assert.equal(said({ ...second, state: 'silent' }, second), 'node 1 does not answer')
    assert.equal(said(second, { ...second, state: 'silent' }), 'node 1 answers again')
    assert.equal(said({ ...second, state: 'stopped' }, second), 'node 1 stopped')
    assert.equal(said({ ...second, state: 'killed' }, second), 'node 1 was killed')
    assert.equal(said({ ...second, state: 'failed' }, second), 'node 1 failed')
  })

  it('tell of reorgs, blocks made, and the end', () => {
    const [from, to] = ['aaaa1111'.padEnd(64, '0'), 'bbbb2222'.padEnd(64, '0')]
    assert.equal(
      sentence({ event: 'reorg', node: 2, from, to, depth: 3 }, undefined),
      'node 2 took a heavier branch: 3 blocks out, head aaaa1111 became bbbb2222'
    )
    assert.equal(
      sentence({ event: 'reorgRefused', node: 2, peerId: 'x', height: 9, id: to, allowed: 100 }, undefined),
      'node 2 refuses the heavier branch up to block 9, bbbb2222: more than 100 of its blocks would be out'
    )
    assert.equal(
      sentence({ event: 'mined', node: 1, height: 5, id: to }, undefined),
      `node 1 made block 5: ${to}`
    )
    assert.equal(sentence({ event: 'stopped' }, undefined), 'stopped')
  })
})
