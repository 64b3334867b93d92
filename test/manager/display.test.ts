import assert from 'node:assert/strict'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { displayOn } from '#tools/manager/display.js'
import type { NetworkEvent, NetworkEventOf } from '#tools/manager/events.js'

function node(number: number, changes: Partial<NetworkEventOf<'node'>> = {}): NetworkEventOf<'node'> {
  return {
    event: 'node',
    node: number,
    role: 'follower',
    state: 'running',
    pid: 1,
    peerId: 'peer',
    address: '/ip4/127.0.0.1/tcp/1',
    height: 0,
    head: 'a'.repeat(64),
    size: 0,
    transfers: null,
    digest: null,
    pool: 0,
    hashRate: 0,
    peers: 1,
    known: 1,
    ...changes
  }
}

/** What a person sees after these bytes, colours aside: lines, over which the cursor goes up and erases what is below it. */
function seen(bytes: string): string[] {
  let lines: string[] = []
  for (const part of `0J${bytes.replaceAll(COLOUR, '')}`.split('\x1b[')) {
    const [, count, command] = /^(\d*)([AJ])/.exec(part) ?? assert.fail(part)
    // The last line is the one the cursor is in.
    if (command === 'A') lines = lines.slice(0, lines.length - 1 - Number(count))
    else lines.push('')
    const [first = '', ...rest] = part.replace(/^\d*[AJ]/, '').split('\n')
    if (command === 'J') lines.push(`${lines.pop()}${first}`, ...rest)
  }
  return lines
}

const COLOUR = new RegExp(`${'\x1b'}\\[\\d+m`, 'g')

class Terminal extends PassThrough {
  readonly isTTY = true
  bytes = ''

  constructor(
    readonly rows: number,
    readonly columns: number
  ) {
    super()
    this.setEncoding('utf8').on('data', text => {
      this.bytes += text
    })
  }
}

describe('the live view', () => {
  const told: NetworkEvent[] = [node(1), node(2), { event: 'reorg', node: 1, from: 'a', to: 'b', depth: 2 }]

  it('on a terminal draws its table in place, below what has happened', async () => {
    const terminal = new Terminal(24, 120)
    const display = displayOn(terminal, false)
    for (const event of told) display.hear(event)
    await once(terminal, 'data')
    display.hear(node(2, { height: 7 }))
    await once(terminal, 'data')
    display.hear(node(1, { state: 'killed' }))
    display.close()
    const lines = seen(terminal.bytes)
    assert.deepEqual(
      lines.map(line => line.slice(0, 50).trimEnd()),
      [
        'node 1, follower, runs at /ip4/127.0.0.1/tcp/1',
        'node 2, follower, runs at /ip4/127.0.0.1/tcp/1',
        'node 1 took a heavier branch: 2 blocks out, head a',
        'node 1 was killed',
        'the network is starting',
        'node  id     role      state    height  head',
        '   1  …peer  follower  killed        0  aaaaaaaa',
        '   2  …peer  follower  running       7  aaaaaaaa',
        'one head, at height 7',
        ''
      ]
    )
  })

  it('on a small terminal draws no more than it could draw over', async () => {
    const terminal = new Terminal(4, 20)
    const display = displayOn(terminal, false)
    for (const number of [1, 2, 3, 4, 5]) display.hear(node(number, { state: 'starting' }))
    await once(terminal, 'data')
    display.close()
    const lines = seen(terminal.bytes)
    assert.equal(lines.length, 4)
    for (const line of lines) assert.ok(line.length < 20)
  })

  it('elsewhere is a line for each thing that happens', () => {
    const stream = new PassThrough()
    const display = displayOn(stream, false)
    for (const event of [...told, node(1, { pool: 3 }), node(1, { height: 1, head: 'b'.repeat(64) })])
      display.hear(event)
    display.close()
    assert.deepEqual(String(stream.read()).split('\n'), [
      'node 1, follower, runs at /ip4/127.0.0.1/tcp/1',
      'node 2, follower, runs at /ip4/127.0.0.1/tcp/1',
      'node 1 took a heavier branch: 2 blocks out, head a became b',
      `node 1 is at block 1: ${'b'.repeat(64)}`,
      ''
    ])
  })
})
