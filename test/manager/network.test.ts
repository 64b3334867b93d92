import assert from 'node:assert/strict'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setInterval } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { UsageError } from '#src/cli/failure.js'
import { readNetwork } from '#src/cli/files/files.js'
import { makeNetwork } from '#src/cli/make-network.js'
import { parseJson } from '#src/cli/terminal/shapes.js'
import type { Network } from '#src/core/network.js'
import { ask } from '#tools/manager/control-client.js'
import { type NetworkEventOf, readNetworkEvent } from '#tools/manager/events.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { Payer } from '../helpers/payers.js'
import { type ToolResult, tool } from '../helpers/program.js'
import { Customer, type UnorderedTestNetwork } from '../helpers/unordered.js'
import { isAlive, type Program, runNode, whenGone } from '../localnet/processes.js'

const TOOL = fileURLToPath(import.meta.resolve('#tools/tallystick.js'))

type Node = NetworkEventOf<'node'>

/** A network that was started as a user would, and the commands of his second terminal. */
class RunningNetwork {
  private constructor(
    readonly folder: string,
    readonly program: Program
  ) {}

  static async up(cleanup: Cleanup, folder: string, ...args: string[]): Promise<RunningNetwork> {
    const program = runNode([TOOL, 'network', 'up', '--folder', folder, ...args])
    cleanup.add(async () => {
      program.kill('SIGKILL')
      await program.ended
    })
    const network = new RunningNetwork(folder, program)
    // When all know one another.
    await program.says('stdout', args.includes('--json') ? /"event":"network"/ : /^network /m)
    return network
  }

  get socket(): string {
    return join(this.folder, 'control.sock')
  }

  tell(...args: string[]): Promise<ToolResult> {
    return tool(this.folder, 'network', ...args, '--folder', this.folder)
  }

  async does(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.tell(...args)
    assert.equal(code, 0, stderr)
    return stdout
  }

  async refuses(code: number, ...args: string[]): Promise<string> {
    const result = await this.tell(...args)
    assert.equal(result.code, code, result.stdout + result.stderr)
    assert.equal(result.stdout, '')
    return result.stderr
  }

  async nodes(): Promise<Node[]> {
    const nodes: Node[] = []
    await ask(this.folder, { request: 'status' }, event => {
      if (event.event === 'node') nodes.push(event)
    })
    return nodes
  }

  /** Asks until it is as it should become. */
  async when(fits: (nodes: readonly Node[]) => boolean): Promise<Node[]> {
    let nodes: Node[] = []
    try {
      for await (const _ of setInterval(100, undefined, { signal: deadline() })) {
        nodes = await this.nodes()
        if (fits(nodes)) return nodes
      }
    } catch {
      // Said below.
    }
    assert.fail(JSON.stringify(nodes))
  }

  async pids(): Promise<number[]> {
    return (await this.nodes()).flatMap(({ pid }) => pid ?? [])
  }
}

function heights(nodes: readonly Node[]): (number | null)[] {
  return nodes.map(({ height }) => height)
}

function connections(nodes: readonly Node[]): string[] {
  return nodes.map(({ peers, known }) => `${peers}/${known}`)
}

describe('a network that runs', function () {
  // Whole processes start and end in each step.
  this.timeout(120_000)
  const cleanup = new Cleanup(after)
  let network: RunningNetwork
  const pids: number[] = []

  before(async () => {
    const folder = await cleanup.folder()
    // So easy that a block takes no time; and none is made unasked.
    const easy = { target: '207fffff', interval: 1000 }
    const files = { network: join(folder, 'network.json'), key: join(folder, 'none.key') }
    await makeNetwork(files, 'work', { section: easy })
    const args = ['--nodes', '3', '--mine', '0', '--topology', 'line', '--json']
    network = await RunningNetwork.up(cleanup, folder, ...args)
  })

  it('has nodes that are processes and know one another as the topology says', async () => {
    assert.equal(statSync(network.socket).mode & 0o777, 0o600)
    const nodes = await network.nodes()
    assert.deepEqual(
      nodes.map(({ node, role, state }) => [node, role, state]),
      [
        [1, 'miner', 'running'],
        [2, 'miner', 'running'],
        [3, 'follower', 'running']
      ]
    )
    assert.deepEqual(connections(nodes), ['1/1', '2/2', '1/1'])
    pids.push(...(await network.pids()))
    assert.equal(new Set(pids).size, 3)
  })

  it('mines where it is told to, and all have the block', async () => {
    assert.match(await network.does('mine'), /^node 1 made block 1: [0-9a-f]{64}\n$/)
    const nodes = await network.when(all => heights(all).join() === '1,1,1')
    assert.equal(new Set(nodes.map(({ head }) => head)).size, 1)
    assert.match(await network.does('status'), /^ +1 .*miner .*\n(.*\n)+one head, at height 1\n$/m)
    assert.match(await network.refuses(1, 'mine', '--node', '3'), /node-3: this peer does not mine/)
  })

  it('is divided: what happens on one side stays there, until it is healed and the heavier branch wins', async () => {
    await assert.rejects(
      ask(network.folder, { request: 'partition', groups: [[1], [4]] }, () => undefined),
      new UsageError('there is no node 4; the nodes are 1 to 3')
    )
    assert.match(await network.does('partition', '1'), /^SUCCESS: the network is divided into 1\/2,3/)
    await network.when(all => connections(all).join(' ') === '0/1 1/2 1/1')
    await network.does('mine', '--node', '1')
    await network.does('mine', '--node', '2', '--count', '2')
    await network.when(all => heights(all).join() === '2,3,3')
    assert.equal(await network.does('heal'), 'SUCCESS: the network is whole again\n')
    const nodes = await network.when(all => heights(all).join() === '3,3,3')
    assert.equal(new Set(nodes.map(({ head }) => head)).size, 1)
    await network.program.says('stdout', /^\{"event":"reorg","node":1,.*"depth":1\}$/m)
  })

  it('forgets a node that stops, and looks for one that is killed until it is back', async () => {
    assert.match(await network.does('stop', '--node', '3'), /^SUCCESS: node 3 has stopped, and the others/)
    assert.match(await network.does('kill', '--node', '2'), /^SUCCESS: node 2 was killed; the others look/)
    for (const pid of pids.slice(1)) await whenGone(pid)
    const left = await network.when(([first]) => first?.peers === 0)
    assert.deepEqual(
      left.map(({ state }) => state),
      ['running', 'killed', 'stopped']
    )
    assert.match(
      await network.does('start', '--node', '2'),
      /^SUCCESS: node 2 runs at \/ip4\/127\.0\.0\.1\/tcp\/\d+/
    )
    assert.deepEqual(connections(await network.when(([first]) => first?.peers === 1)), ['1/1', '1/1', '0/0'])
    await ask(network.folder, { request: 'start', node: 3 }, () => undefined)
    await network.when(all => connections(all).join(' ') === '1/1 2/2 1/1')
  })

  it('notices a node that somebody else has killed', async () => {
    pids.push(...(await network.pids()))
    process.kill(present(pids.at(-1)), 'SIGKILL')
    await network.when(all => all[2]?.state === 'killed')
  })

  it('stops: no process is left, and no socket', async () => {
    assert.equal(await network.does('stop'), 'SUCCESS: all nodes and their manager have stopped\n')
    assert.equal(existsSync(network.socket), false)
    const { code, stdout, stderr } = await network.program.ended
    assert.equal(code, 0, stderr)
    for (const pid of pids) assert.equal(await isAlive(pid), false)
    const lines = stdout.trim().split('\n')
    for (const line of lines) assert.ok(readNetworkEvent(parseJson(line)), line)
    assert.equal(lines.at(-1), '{"event":"stopped"}')
  })
})

describe('tallystick network', function () {
  this.timeout(120_000)
  const cleanup = new Cleanup(afterEach)

  function unordered(network: Network): UnorderedTestNetwork {
    assert.ok(network.kind === 'set')
    return { network }
  }

  it('whose manager is killed leaves no process, and its folder is taken up again; Ctrl-C ends it in order', async () => {
    const folder = join(await cleanup.folder(), 'network')
    const first = await RunningNetwork.up(cleanup, folder, '--nodes', '2', '--json')
    const pids = await first.pids()
    const [{ peerId } = { peerId: null }] = await first.nodes()
    first.program.kill('SIGKILL')
    await first.program.ended
    for (const pid of pids) await whenGone(pid)
    assert.ok(existsSync(first.socket), 'nobody was left to remove it')
    assert.match(await first.refuses(1, 'status'), /no network runs in/)

    const second = await RunningNetwork.up(cleanup, folder, '--nodes', '1')
    const [node] = await second.nodes()
    assert.equal(node?.peerId, peerId)
    second.program.kill('SIGINT')
    const { code, stdout, stderr } = await second.program.ended
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^node 1, sequencer, runs at .*\nnetwork .*\nnode 1 stopped\nstopped\n$/)
    assert.equal(await isAlive(present(node?.pid ?? undefined)), false)
    assert.equal(existsSync(second.socket), false)
  })

  it('with no order has equals for nodes, which have what was signed on both sides of a partition once it is healed', async () => {
    const folder = await cleanup.folder()
    const running = await RunningNetwork.up(cleanup, folder, '--nodes', '2', '--ordering', 'none')
    const { network } = unordered(await readNetwork(join(folder, 'network.json')))
    const alice = await Payer.create({ network }, 'alice')
    assert.equal(await running.does('partition', '1/2', '--json'), '')
    for (const [index, node] of (
      await running.when(all => connections(all).join() === '0/1,0/1')
    ).entries()) {
      const address = present(node.address ?? undefined)
      const customer = await Customer.of(cleanup, { net: { network }, address }, `customer ${index}`)
      await customer.handIn(alice.pay(alice, BigInt(1 + index)))
    }
    const apart = await running.when(all => all.every(({ transfers }) => transfers === 1))
    assert.equal(new Set(apart.map(({ digest }) => digest)).size, 2)
    assert.match(await running.does('status'), /^node .* transfers {2}digest .*\n(.*\n)+2 sets: /m)
    assert.equal(await running.does('heal', '--json'), '')
    await running.when(all => all.every(({ transfers }) => transfers === 2))
    assert.match(await running.does('status'), /with no order(.*\n)+one set, of 2 transfers\n$/)
    assert.match(await running.refuses(1, 'mine', '--node', '1'), /this peer does not mine/)
  })

  it('can be stopped while it is only just starting', async () => {
    const folder = await cleanup.folder()
    const program = runNode([TOOL, 'network', 'up', '--folder', folder, '--nodes', '2', '--json'])
    await program.says('stdout', /"state":"starting"/)
    const { code, stderr } = await tool(folder, 'network', 'stop', '--folder', folder)
    assert.equal(code, 0, stderr)
    const ended = await program.ended
    assert.equal(ended.code, 0, ended.stderr)
    assert.match(ended.stdout, /\{"event":"stopped"\}\n$/)
  })

  for (const [args, says] of [
    [['up', '--nodes', '0'], /whole number from 1 to 50/],
    [['up', '--miners', '1', '--ordering', 'sequencer'], /nobody mines where a sequencer orders/],
    [['up', '--mine', '1', '--ordering', 'none'], /nobody mines where there is no order/],
    [['partition', '1,2/2'], /node 2 is named twice/],
    [['kill'], /required option '--node <i>' not specified/]
  ] as const)
    it(`takes ${args.join(' ')} for wrong usage`, async () => {
      const folder = await cleanup.folder()
      const { code, stdout, stderr } = await tool(folder, 'network', ...args)
      assert.equal(code, 2, stderr)
      assert.equal(stdout, '')
      assert.match(stderr, says)
    })
})
