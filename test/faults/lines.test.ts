import assert from 'node:assert/strict'
import { submit } from '#src/client/submission-client.js'
import { newSwarmKey } from '#src/network/swarm-key.js'
import { envelopesOf, OpenAuthor } from '../helpers/authors.js'
import { BreakableLine } from '../helpers/breakable-line.js'
import { deadline } from '../helpers/changes.js'
import { RunningChat } from '../helpers/chats.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity, makeNetwork, makeWorkNetwork, nameOf } from '../helpers/networks.js'
import { Payer } from '../helpers/payers.js'
import { type PeerWishes, RunningClient, RunningFollower, RunningSequencer } from '../helpers/peers.js'
import { RunningEqual, readerOf } from '../helpers/running-equal.js'
import { Customer, makeUnorderedNetwork, RunningUnordered } from '../helpers/unordered.js'

/** Peers with a line between them. */
interface Pair {
  readonly line: BreakableLine
  /** By what each of them is: resolves once it has been served by way of the line, with something new each time. */
  readonly served: Readonly<Record<string, () => Promise<void>>>
}

type Stage = (cleanup: Cleanup) => Promise<Pair>

/** Sends a message, and has its receipt. */
function receipted(client: RunningClient): () => Promise<void> {
  let sent = client.receipts.length
  return async () => {
    await client.send(1, `message ${sent}`)
    sent += 1
    await client.receipted(sent)
  }
}

/** A sequencer, and a follower that others reach by way of it. `wishes`: who may connect. */
async function log(cleanup: Cleanup, wishes: (who: readonly string[]) => PeerWishes): Promise<Pair> {
  const people = ['client', 'client behind', 'client here', 'follower']
  const keys = await Promise.all(people.map(identity))
  const net = await makeNetwork({ blockSize: 1, members: keys })
  const closed = wishes([...keys.map(nameOf), nameOf(net.key)])
  const sequencer = await RunningSequencer.start(cleanup, net, closed)
  const line = await BreakableLine.to(cleanup, sequencer.address)
  const follower = await RunningFollower.start(cleanup, net, [line.address], 'follower', closed)
  const here = await RunningClient.connected(cleanup, net, sequencer.address, 'client here', closed)
  const client = await RunningClient.connected(cleanup, net, line.address, 'client', closed)
  const behind = await RunningClient.connected(cleanup, net, follower.address, 'client behind', closed)
  const sendHere = receipted(here)
  return {
    line,
    served: {
      client: receipted(client),
      follower: async () => {
        await sendHere()
        await sequencer.events.until('a block', () => sequencer.blocks.length >= here.receipts.length)
        await follower.has(sequencer.blocks.length)
      },
      'client behind the follower': receipted(behind)
    }
  }
}

async function equals(cleanup: Cleanup): Promise<Pair> {
  const net = await makeWorkNetwork()
  const listening = await RunningEqual.start(cleanup, net, { who: 'listening' })
  const line = await BreakableLine.to(cleanup, listening.address)
  const dialling = await RunningEqual.start(cleanup, net, { who: 'dialling', connect: [line.address] })
  let made = 0
  const pooled = async (
    giver: RunningEqual,
    taker: RunningEqual,
    who: string
  ): Promise<() => Promise<void>> => {
    const author = await OpenAuthor.create(net, who)
    const { host, peer } = await readerOf(cleanup, net, giver.address, who)
    return async () => {
      made += 1
      await submit(host, peer, net.network.id, envelopesOf(author.says(1)), deadline())
      // With what the other one has been given meanwhile.
      await taker.pools(made)
    }
  }
  return {
    line,
    served: {
      'miner that dials': await pooled(listening, dialling, 'alice'),
      'miner that listens': await pooled(dialling, listening, 'bob')
    }
  }
}

async function unordered(cleanup: Cleanup): Promise<Pair> {
  const net = await makeUnorderedNetwork({ alice: 100n, bob: 100n })
  const listening = await RunningUnordered.start(cleanup, net, 'listening')
  const line = await BreakableLine.to(cleanup, listening.address)
  const dialling = await RunningUnordered.start(cleanup, net, 'dialling', [line.address])
  let made = 0
  const taken = async (
    giver: RunningUnordered,
    taker: RunningUnordered,
    who: string
  ): Promise<() => Promise<void>> => {
    const payer = await Payer.create(net, who)
    const customer = await Customer.of(cleanup, giver, who)
    return async () => {
      made += 1
      await customer.handIn(payer.pay(payer, 1n))
      // With what the other one has been given meanwhile.
      await taker.has(made)
    }
  }
  return {
    line,
    served: {
      'peer of an unordered network that dials': await taken(listening, dialling, 'alice'),
      'peer of an unordered network that listens': await taken(dialling, listening, 'bob')
    }
  }
}

async function chats(cleanup: Cleanup): Promise<Pair> {
  const listening = await RunningChat.start(cleanup, 'listening')
  const line = await BreakableLine.to(cleanup, listening.address)
  const dialling = await RunningChat.start(cleanup, 'dialling', [line.address])
  /** A line that is said while nobody is there is lost, so that it is said until one is heard. */
  const heard = (giver: RunningChat, taker: RunningChat): (() => Promise<void>) => {
    let said = 0
    return async () => {
      const late = deadline()
      const first = said
      const isHeard = (): boolean => taker.lines.some(text => Number(text) > first)
      while (!isHeard()) {
        late.throwIfAborted()
        said += 1
        await giver.say(String(said))
        await taker.until('the line', isHeard, 250).catch(() => undefined)
      }
    }
  }
  return {
    line,
    served: { 'chat that dials': heard(listening, dialling), 'chat that listens': heard(dialling, listening) }
  }
}

/** The same, with what is said of it behind each name. */
async function such(pair: Promise<Pair>, what: string): Promise<Pair> {
  const { line, served } = await pair
  const named = Object.entries(served).map(([who, serve]) => [`${who}, ${what}`, serve] as const)
  return { line, served: Object.fromEntries(named) }
}

const STAGES: readonly Stage[] = [
  cleanup => log(cleanup, () => ({})),
  cleanup =>
    such(
      log(cleanup, () => ({ muxers: ['mplex'] })),
      'by mplex'
    ),
  async cleanup => {
    const swarmKey = newSwarmKey()
    return such(
      log(cleanup, admitted => ({ admitted, swarmKey })),
      'members only, with a pre-shared key'
    )
  },
  equals,
  unordered,
  chats
]

/** How long each of them took to be served, by name, ms. Throws where one is not, and names all those. */
async function allServed(pairs: readonly Pair[]): Promise<ReadonlyMap<string, number>> {
  const began = performance.now()
  const took = new Map<string, number>()
  const waits = pairs
    .flatMap(({ served }) => Object.entries(served))
    .map(async ([who, serve]) => {
      await serve().catch((error: unknown) => {
        throw new Error(`the ${who} is not served: ${error}`)
      })
      took.set(who, performance.now() - began)
    })
  const problems = (await Promise.allSettled(waits)).filter(({ status }) => status === 'rejected')
  if (problems.length > 0) tell('and others never', took)
  assert.deepEqual(problems, [])
  return took
}

function tell(what: string, took: ReadonlyMap<string, number>): void {
  const { FIGURES } = process.env
  if (FIGURES === undefined) return
  for (const [who, ms] of took) process.stdout.write(`      ${(ms / 1000).toFixed(1)} s  ${who} (${what})\n`)
}

/** How a line breaks, and what must have happened before it comes back. */
interface Break {
  readonly how: string
  begin(line: BreakableLine): void
  comeBack?(line: BreakableLine): Promise<void>
}

const BREAKS: readonly Break[] = [
  {
    how: 'is reset towards those who dialled, and stays open and silent towards those who listen',
    begin: line => line.reset('dialler')
  },
  {
    how: 'is reset towards those who listen, and stays open and silent towards those who dialled',
    begin: line => line.reset('listener')
  },
  { how: 'stalls both ways', begin: line => line.stall() },
  { how: 'stalls towards those who listen', begin: line => line.stall('dialler') },
  { how: 'stalls towards those who dialled', begin: line => line.stall('listener') },
  {
    how: 'stalls, takes new connections that lead nowhere, and comes back',
    begin: line => {
      line.stall()
      line.dropNew()
    },
    comeBack: async line => {
      await line.dialled(line.opened + 1)
      line.takeNew()
    }
  }
]

describe('When a line breaks', () => {
  const cleanup = new Cleanup(afterEach)

  for (const { how, begin, comeBack } of BREAKS)
    it(`that ${how}: clients, followers and those behind them, members, miners, chats and peers with no order are served again`, async () => {
      const pairs = await Promise.all(STAGES.map(stage => stage(cleanup)))
      tell('before', await allServed(pairs))
      for (const { line } of pairs) begin(line)
      if (comeBack) await Promise.all(pairs.map(({ line }) => comeBack(line)))
      tell('after', await allServed(pairs))
      // And it lasts.
      tell('again', await allServed(pairs))
    })

  it('eight clients whose lines stall are all served again', async () => {
    const people = Array.from({ length: 8 }, (_, index) => `client ${index}`)
    const net = await makeNetwork({ blockSize: 1 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const pairs = await Promise.all(
      people.map(async who => {
        const line = await BreakableLine.to(cleanup, sequencer.address)
        const client = await RunningClient.connected(cleanup, net, line.address, who)
        return { line, served: { [who]: receipted(client) } }
      })
    )
    await allServed(pairs)
    for (const { line } of pairs) line.stall()
    tell('after', await allServed(pairs))
  })

  it('that holds all back for a while and goes on loses nothing, and nobody has dialled again', async () => {
    const pairs = await Promise.all(STAGES.map(stage => stage(cleanup)))
    await allServed(pairs)
    const opened = pairs.map(({ line }) => line.opened)
    for (const { line } of pairs) line.delay(300)
    await allServed(pairs)
    for (const { line } of pairs) line.stall()
    const served = allServed(pairs)
    for (const { line } of pairs) line.goOn()
    await served
    assert.deepEqual(
      pairs.map(({ line }) => line.opened),
      opened
    )
  })
})
