import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Depth, waitForDepth } from '#src/cli/ask/depth.js'
import { type Answer, decodeAnswer, encodeAnswer } from '#src/core/answer.js'
import { type CheckpointedHeader, encodeBlock } from '#src/core/block.js'
import { equal, type Hash, toHex } from '#src/core/bytes.js'
import { decodeQuery, type Query } from '#src/core/query.js'
import { Host } from '#src/network/host.js'
import { QUERY_PROTOCOL } from '#src/network/names.js'
import { QUERY_STREAMS } from '#src/query/query-protocol.js'
import { Changes, deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity, makeWorkNetwork, type TestNetwork } from '../helpers/networks.js'
import { RunningClient } from '../helpers/peers.js'
import { Program, tool } from '../helpers/program.js'
import { lastOf, rootlessHeaders } from '../helpers/rootless.js'
import { type Reader, RunningEqual, readerOf } from '../helpers/running-equal.js'

/** What a relay makes of an answer of the peer behind it. */
type Lie = (answer: Answer, query: Query) => Answer

const MINES = { mining: { threads: 1, blocks: 0 } } as const

describe('submit --wait: how deep a message is', () => {
  const cleanup = new Cleanup(afterEach)
  let net: TestNetwork

  beforeEach(async () => {
    net = await makeWorkNetwork()
  })

  /** A peer in front of another one: it answers as that one does, but for what is made of it, and counts what it is asked. */
  class Relay extends Changes {
    heads = 0
    address = ''

    private constructor(public behind: Reader) {
      super()
    }

    static async start(name: string, behind: RunningEqual, lie: Lie = answer => answer): Promise<Relay> {
      const relay = new Relay(await readerOf(cleanup, net, behind.address, `reader of ${name}`))
      const host = await Host.create({
        key: await identity(name),
        listen: ['/ip4/127.0.0.1/tcp/0'],
        topics: []
      })
      await host.serve(QUERY_PROTOCOL, QUERY_STREAMS, async channel => {
        const frame = present(await channel.receive(deadline()))
        const { query } = decodeQuery(frame)
        const { host: reader, peer } = relay.behind
        const truth = await reader.open(peer, QUERY_PROTOCOL, QUERY_STREAMS, deadline())
        await truth.send(frame, deadline())
        for (;;) {
          const answer = await truth.receive(deadline())
          if (answer === undefined) break
          await channel.send(encodeAnswer(lie(decodeAnswer(answer), query)), deadline())
        }
        await truth.finish(deadline())
        await channel.close(deadline())
        if (query.kind === 'headerOfHead') relay.heads += 1
        relay.changed()
      })
      await host.start()
      cleanup.add(() => host.stop())
      relay.address = present(host.addresses()[0])
      return relay
    }

    /** Resolves when its chain has been looked at so many times more. */
    async looks(count: number): Promise<void> {
      const wanted = this.heads + count
      await this.until(`${wanted} looks`, () => this.heads >= wanted)
    }

    protected override describe(): string {
      return `${this.heads} looks`
    }
  }

  /** Has a message in the pool of a peer. */
  async function submitted(to: RunningEqual, author = 'alice'): Promise<Hash> {
    const client = await RunningClient.connected(cleanup, net, to.address, author)
    await client.send(1)
    await client.events.times('accepted', 1)
    const { leaf } = present(client.events.of('accepted')[0])
    await client.stop()
    return leaf
  }

  async function mine(peer: RunningEqual, count: number): Promise<void> {
    assert.ok((await peer.controls.mine(count, deadline())).ok)
  }

  function answerWith({ envelope, checkpoint }: CheckpointedHeader): Answer {
    return { kind: 'header', header: envelope, checkpoint }
  }

  class Waiting {
    found: Depth | undefined
    readonly ended: Promise<Depth>

    constructor(leaf: Hash, wanted: number, ...relays: readonly Relay[]) {
      const connect = relays.map(({ address }) => address)
      this.ended = waitForDepth(leaf, wanted, net.network, { connect }, deadline())
      this.ended.then(
        found => {
          this.found = found
        },
        () => undefined
      )
    }
  }

  it('is counted by headers that were verified, whatever height the peer names', async () => {
    const miner = await RunningEqual.start(cleanup, net, MINES)
    const liar = await Relay.start('liar', miner, answer =>
      answer.kind === 'status' ? { ...answer, height: answer.height + 1000, weight: 2n ** 200n } : answer
    )
    const leaf = await submitted(miner)
    await mine(miner, 1)
    const waiting = new Waiting(leaf, 3, liar)
    await liar.looks(2)
    assert.equal(waiting.found, undefined)
    await mine(miner, 2)
    const { height, depth } = await waiting.ended
    assert.deepEqual([height, depth], [1, 3])
  })

  it('counts nothing of a peer whose headers do not each continue the one before', async () => {
    const miner = await RunningEqual.start(cleanup, net, MINES)
    const leaf = await submitted(miner)
    await mine(miner, 3)
    const third = await (await readerOf(cleanup, net, miner.address)).asker.headerAt(3)
    const { envelope: header, checkpoint } = third
    // It shows block 3 in place of block 2.
    const liar = await Relay.start('liar', miner, (answer, query) =>
      answer.kind === 'header' && query.kind === 'headers' ? { kind: 'header', header, checkpoint } : answer
    )
    await assert.rejects(
      new Waiting(leaf, 1, liar).ended,
      /no peer is left to ask: .*header 3 came where header 1 was due/
    )
    const honest = await Relay.start('honest', miner)
    const { depth } = await new Waiting(leaf, 3, liar, honest).ended
    assert.equal(depth, 3)
  })

  it('is that on the heaviest of the chains of several peers, and is looked at again when another one overtakes it', async () => {
    const [one, other] = await Promise.all([
      RunningEqual.start(cleanup, net, { ...MINES, who: 'one' }),
      RunningEqual.start(cleanup, net, { ...MINES, who: 'other' })
    ])
    const relays = await Promise.all([Relay.start('of one', one), Relay.start('of other', other)])
    const leaf = await submitted(one)
    await mine(one, 2)
    await mine(other, 4)
    const waiting = new Waiting(leaf, 2, ...relays)
    await Promise.all(relays.map(relay => relay.looks(2)))
    assert.equal(waiting.found, undefined, 'a heavier chain does not hold it')
    await mine(one, 4)
    const { height, depth } = await waiting.ended
    assert.deepEqual([height, depth], [1, 6])
  })

  it('goes down with a reorg, and the message is waited for on the new branch', async () => {
    const one = await RunningEqual.start(cleanup, net, { ...MINES, who: 'one' })
    const relay = await Relay.start('of one', one)
    const leaf = await submitted(one)
    await mine(one, 2)
    const waiting = new Waiting(leaf, 4, relay)
    await relay.looks(1)
    const other = await RunningEqual.start(cleanup, net, { ...MINES, who: 'other' })
    await mine(other, 4)
    const joined = await RunningEqual.start(cleanup, net, {
      who: 'joined',
      connect: [one.address, other.address]
    })
    await one.events.times('reorg', 1)
    await joined.stop()
    await relay.looks(2)
    assert.equal(waiting.found, undefined, `${toHex(leaf)} has left the chain with its block`)
    await mine(one, 4)
    const { height, depth } = await waiting.ended
    assert.ok(height > 4)
    assert.equal(depth, 4)
  })

  it('a head that stands on no chain from the genesis is told of by no asking command', async () => {
    const miner = await RunningEqual.start(cleanup, net, MINES)
    await mine(miner, 1)
    const forged = rootlessHeaders(net)
    const head = lastOf(forged)
    const liar = await Relay.start('liar', miner, (answer, query) => {
      const byId = forged.find(({ id }) => query.kind === 'headerOfId' && equal(id, query.id))
      if (byId !== undefined) return answerWith(byId)
      const { height } = head.header
      const isHead = query.kind === 'headerOfHeight' && query.height === height
      if (query.kind === 'headerOfHead' || isHead) return answerWith(head)
      if (query.kind === 'status' && answer.kind === 'status')
        return { ...answer, height, size: 0, head: head.id }
      if (query.kind === 'head' || query.kind === 'height' || query.kind === 'id')
        return { kind: 'block', block: encodeBlock({ signed: head, envelopes: [] }), peaks: [] }
      return answer
    })
    const folder = await cleanup.folder()
    await writeFile(join(folder, 'network.json'), JSON.stringify(net.network.document))
    const at = ['--connect', liar.address, '--network', 'network.json', '--json']
    for (const args of [['count'], ['head'], ['chain', '--from', '920']]) {
      const { code, stdout } = await tool(folder, ...args, ...at)
      assert.equal(code, 1, args.join(' '))
      assert.deepEqual(Object.keys(JSON.parse(stdout)), ['error', 'code'], stdout)
      assert.ok(!stdout.includes(toHex(head.id)), 'nothing of it is printed')
    }
  })

  it('a row of headers that stand on no chain is told of by no line, before it is found out either', async () => {
    const miner = await RunningEqual.start(cleanup, net, MINES)
    await mine(miner, 1)
    const forged = rootlessHeaders(net)
    const { height } = lastOf(forged).header
    const liar = await Relay.start('liar', miner, (answer, query) => {
      const found = forged.find(({ id, header }) => {
        if (query.kind === 'headerOfId') return equal(id, query.id)
        if (query.kind === 'headerOfHeight') return header.height === query.height
        return query.kind === 'headers' && header.height === query.from
      })
      return found === undefined ? answer : answerWith(found)
    })
    const folder = await cleanup.folder()
    await writeFile(join(folder, 'network.json'), JSON.stringify(net.network.document))
    const at = ['--connect', liar.address, '--network', 'network.json', '--json']
    const { code, stdout } = await tool(folder, 'chain', '--from', String(height), ...at)
    assert.equal(code, 1)
    assert.deepEqual(Object.keys(JSON.parse(stdout)), ['error', 'code'], stdout)
    assert.match(stdout, /is not on the chain that this peer shows from the genesis on/)
  })

  it('a peer with the heaviest chain that keeps back where the message stands keeps no other from showing it', async () => {
    const miner = await RunningEqual.start(cleanup, net, MINES)
    const leaf = await submitted(miner)
    await mine(miner, 2)
    const silent = await Relay.start('silent', miner, (answer, query) =>
      query.kind === 'inclusionOfLeaf' ? { kind: 'notFound', detail: 'there is no such message' } : answer
    )
    const honest = await Relay.start('honest', miner)
    const { height, depth } = await new Waiting(leaf, 2, silent, honest).ended
    assert.deepEqual([height, depth], [1, 2])
  })

  it('each asking command goes by the heaviest of the chains of all peers that are named, whichever comes first, and says how many it compared', async () => {
    const [light, heavy] = await Promise.all([
      RunningEqual.start(cleanup, net, { ...MINES, who: 'light' }),
      RunningEqual.start(cleanup, net, { ...MINES, who: 'heavy' })
    ])
    await mine(light, 2)
    await mine(heavy, 5)
    const boaster = await Relay.start('boaster', light, answer =>
      answer.kind === 'status' ? { ...answer, weight: 2n ** 200n } : answer
    )
    const folder = await cleanup.folder()
    await writeFile(join(folder, 'network.json'), JSON.stringify(net.network.document))
    const ask = (...args: readonly string[]): ReturnType<typeof tool> =>
      tool(folder, ...args, '--network', 'network.json', '--json')
    const head = toHex(heavy.controls.status().head)
    const at = ['--connect', boaster.address, '--connect', heavy.address]
    const counted = await ask('count', ...at)
    assert.equal(JSON.parse(counted.stdout).count, 5)
    assert.match(counted.stderr, /by the heaviest of the chains of 2 peers: 5 blocks/)
    assert.equal(JSON.parse((await ask('head', ...at)).stdout).id, head)
    const exported = await ask('export', 'log.tally', ...at)
    assert.equal(JSON.parse(exported.stdout).height, 5)
    const alone = await ask('count', '--connect', boaster.address)
    assert.equal(JSON.parse(alone.stdout).count, 2)
    assert.match(alone.stderr, /as this peer has it, with no other compared/)
  })

  it('a peer that moves to a lighter chain once it was chosen is believed nothing more', async () => {
    const [light, heavy] = await Promise.all([
      RunningEqual.start(cleanup, net, { ...MINES, who: 'light' }),
      RunningEqual.start(cleanup, net, { ...MINES, who: 'heavy' })
    ])
    await mine(light, 2)
    await mine(heavy, 5)
    const second = await readerOf(cleanup, net, light.address, 'second')
    // Its chain is the heavy one until that has been verified.
    const liar: Relay = await Relay.start('liar', heavy, (answer, query) => {
      if (query.kind === 'headers' && answer.kind === 'done') liar.behind = second
      return answer
    })
    const folder = await cleanup.folder()
    await writeFile(join(folder, 'network.json'), JSON.stringify(net.network.document))
    const at = ['--connect', liar.address, '--network', 'network.json', '--json']
    const { code, stdout } = await tool(folder, 'block', '2', ...at)
    assert.equal(code, 1)
    assert.match(JSON.parse(stdout).error, /moved to a chain with less work/)
  })

  it('a peer that does not answer keeps nobody from stopping it, and the exit code does not say that it was done', async () => {
    const miner = await RunningEqual.start(cleanup, net, MINES)
    const asked = Promise.withResolvers<void>()
    const never = new Promise<never>(() => undefined)
    const host = await Host.create({
      key: await identity('mute'),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      topics: []
    })
    await host.serve(QUERY_PROTOCOL, QUERY_STREAMS, async () => {
      asked.resolve()
      await never
    })
    await host.start()
    cleanup.add(() => host.stop())
    const folder = await cleanup.folder()
    await writeFile(join(folder, 'network.json'), JSON.stringify(net.network.document))
    const connect = [miner.address, present(host.addresses()[0])].flatMap(at => ['--connect', at])
    const args = [
      'submit',
      'one',
      '--wait',
      '1',
      '--network',
      'network.json',
      '--key',
      'key',
      '--data',
      'data'
    ]
    const submit = Program.startTool(cleanup, folder, [...args, ...connect, '--json'])
    await submit.times('accepted', 1)
    await asked.promise
    assert.deepEqual(await submit.kill('SIGTERM'), { code: 1, signal: null })
    assert.match(JSON.stringify(submit.events.at(-1)), /is not 1 blocks deep yet/)
  })
})
