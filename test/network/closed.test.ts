import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { privateKeyToProtobuf, publicKeyFromRaw } from '@libp2p/crypto/keys'
import { type Ed25519PrivateKey, StreamCloseEvent, StreamResetError } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { asking } from '#src/cli/ask/asking.js'
import { withLog } from '#src/cli/ask/chain-source.js'
import { UsageError } from '#src/cli/failure.js'
import { makeSwarmKey, readSwarmKey } from '#src/cli/files/key-files.js'
import { unreached } from '#src/cli/peer/client-command.js'
import { closedNetwork } from '#src/cli/peer/closed-network.js'
import { concat } from '#src/core/bytes.js'
import { asError, explained } from '#src/network/connection-errors.js'
import { Host } from '#src/network/host.js'
import { newSwarmKey } from '#src/network/swarm-key.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { littleEndian } from '../helpers/ed25519-rule.js'
import { identity, makeNetwork, nameOf, type TestNetwork } from '../helpers/networks.js'
import { RunningClient, RunningFollower, RunningSequencer } from '../helpers/peers.js'
import { Program, tool } from '../helpers/program.js'

/** Writes the document and a private key as the commands read them. */
async function filesOf(
  cleanup: Cleanup,
  net: TestNetwork,
  who: string
): Promise<{ network: string; key: string; data: string }> {
  const folder = await cleanup.folder()
  const files = {
    network: join(folder, 'network.json'),
    key: join(folder, 'key'),
    data: join(folder, 'data')
  }
  await mkdir(files.data)
  await writeFile(files.network, JSON.stringify(net.network.document))
  await writeFile(files.key, privateKeyToProtobuf(await identity(who)), { mode: 0o600 })
  return files
}

/** How high the head is that an asking command verifies. */
async function askedHeight(options: Parameters<typeof asking>[0]): Promise<number> {
  let height = -1
  await asking(options, async (_, head) => {
    height = head.header.height
  })
  return height
}

/** The last warning of a client that cannot get in. */
async function warningOf(client: RunningClient): Promise<string> {
  await client.events.times('warning', 1)
  return present(client.events.of('warning').at(-1)).message
}

describe('a network closed to all but its members', () => {
  const cleanup = new Cleanup(afterEach)

  it('serves members and who is allowed beside them, and turns everybody else away, who is told what that may mean', async () => {
    const [alice, bob, follower] = await Promise.all(['alice', 'bob', 'follower'].map(identity))
    const net = await makeNetwork({ blockSize: 2, members: [present(alice)] })
    const allow = [nameOf(present(follower))]
    const { admitted } = await closedNetwork({ membersOnly: true, allow }, net.network)
    const wishes = { admitted: present(admitted) }
    const sequencer = await RunningSequencer.start(cleanup, net, wishes)
    const stranger = await RunningClient.start(cleanup, net, sequencer.address, present(bob), wishes)
    const between = await RunningFollower.start(cleanup, net, [sequencer.address], 'follower', wishes)
    const member = await RunningClient.connected(cleanup, net, between.address, present(alice), wishes)
    await member.send(2)
    await member.receipted(2)
    await between.has(1)
    assert.match(await warningOf(stranger), /it may take members only/)
    assert.match(present(stranger.client.problem()).message, /it may take members only/)

    const files = await filesOf(cleanup, net, 'alice')
    const { key, ...asStranger } = files
    assert.equal(await askedHeight({ ...files, connect: [sequencer.address] }), 1)
    await assert.rejects(
      askedHeight({ ...asStranger, connect: [between.address] }),
      /it may take members only/
    )
    await sequencer.check()
  })

  it('is verified, and a sequencer restored from it, by who asks with a key that it admits', async () => {
    const alice = await identity('alice')
    const net = await makeNetwork({ blockSize: 2, members: [alice] })
    const files = await filesOf(cleanup, net, 'alice')
    const { admitted } = await closedNetwork({ membersOnly: true }, net.network)
    const wishes = { admitted: [...present(admitted), nameOf(await identity('follower'))] }
    const sequencer = await RunningSequencer.start(cleanup, net, wishes)
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address], 'follower', wishes)
    const member = await RunningClient.connected(cleanup, net, sequencer.address, alice, wishes)
    await member.send(4)
    await member.receipted(4)
    await follower.has(2)
    const home = await cleanup.folder()
    await writeFile(join(home, 'sequencer.key'), privateKeyToProtobuf(net.key), { mode: 0o600 })
    const run = (name: string, ...args: readonly string[]): ReturnType<typeof tool> =>
      tool(home, name, ...args, '--network', files.network, '--json')
    const asMember = ['--ask-with', files.key]

    const stranger = await run('verify', follower.address)
    assert.deepEqual([stranger.code, stranger.json().valid], [1, undefined])
    assert.match(stranger.stdout, /it may take members only/)
    const verified = await run('verify', follower.address, ...asMember)
    assert.equal(verified.code, 0, verified.stderr)
    assert.deepEqual([verified.json().valid, verified.json().size], [true, 4])

    await sequencer.stop()
    const from = ['--connect', follower.address, '--key', 'sequencer.key']
    for (const [data, as] of [
      ['restored', []],
      ['by-member', asMember]
    ] as const) {
      const restored = await run('restore', ...from, '--data', data, '--marks', `${data}.signed`, ...as)
      assert.equal(restored.code, 0, restored.stderr)
      assert.deepEqual([restored.json().height, restored.json().size], [2, 4])
    }
    const whole = await run('verify', 'restored')
    assert.deepEqual([whole.code, whole.json().valid, whole.json().height], [0, true, 2], whole.stderr)
  })

  it('is named as the reason to a client that it keeps out, not as an object or as silence', () => {
    for (const ended of [new Event('close'), new StreamCloseEvent(false)]) {
      assert.equal(asError(ended).message, 'the stream was ended')
      assert.match(explained(ended, false).message, /it may take members only/)
    }
    const reset = new StreamResetError('reset by the peer')
    assert.equal(asError(new StreamCloseEvent(false, reset)), reset)
    const said = unreached(['/ip4/192.0.2.1/tcp/4100'], new Error('that peer takes members only'))
    assert.match(said, /^no peer was ready .* within 60 s: that peer takes members only; /)
    assert.match(
      unreached(['/ip4/192.0.2.1/tcp/4100'], undefined),
      /^no peer answered at .* within 60 s; start a peer/
    )
    assert.match(
      unreached([], undefined),
      /^no peer has connected to this client within 60 s, and it was given no address/
    )
  })

  it('connects to no stranger either', async () => {
    const net = await makeNetwork({ members: [await identity('alice')] })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const member = await RunningClient.start(cleanup, net, sequencer.address, 'alice', {
      admitted: [nameOf(await identity('alice'))]
    })
    assert.match(await warningOf(member), /that peer is no member.*--allow/)
  })

  it('is refused as wrong usage where there are no members, or where somebody is allowed for nothing', async () => {
    const { network } = await makeNetwork()
    await assert.rejects(closedNetwork({ membersOnly: true }, network), UsageError)
    await assert.rejects(closedNetwork({ allow: [nameOf(await identity('bob'))] }, network), UsageError)
    assert.deepEqual(await closedNetwork({}, network), {})
    const folder = await cleanup.folder()
    const program = Program.start(cleanup, folder, ['--role', 'sequencer', '--members-only'])
    assert.equal((await program.exit()).code, 2)
    assert.match(program.stderr.join('\n'), /init --member/)
    await assert.rejects(stat(join(folder, 'config')), 'nothing was made')
  })
})

describe('a network with a pre-shared key', () => {
  const cleanup = new Cleanup(afterEach)

  it('lets in who has it, for messages and for queries, and nobody who has another one or none', async () => {
    const net = await makeNetwork({ blockSize: 2 })
    const files = await filesOf(cleanup, net, 'alice')
    const path = join(files.data, 'swarm.key')
    await makeSwarmKey(path)
    const swarmKey = await readSwarmKey(path)
    let read = 0
    const sequencer = await RunningSequencer.start(cleanup, net, { swarmKey })
    const without = await RunningClient.start(cleanup, net, sequencer.address, 'without')
    const wrong = await RunningClient.start(cleanup, net, sequencer.address, 'wrong', {
      swarmKey: newSwarmKey()
    })
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address], 'follower', { swarmKey })
    const client = await RunningClient.connected(cleanup, net, follower.address, 'alice', { swarmKey })
    await client.send(4)
    await client.receipted(4)
    await follower.has(2)
    assert.equal(await askedHeight({ ...files, swarmKey: path, connect: [sequencer.address] }), 2)
    const source = { network: files.network, data: files.data, swarmKey: path }
    await withLog({ kind: 'peer', connect: [sequencer.address] }, source, async ({ blocks }) => {
      for await (const _ of blocks) read += 1
    })
    assert.equal(read, 2, 'the blocks after the genesis are read for an export')
    assert.match(await warningOf(without), /may want a pre-shared key/)
    assert.match(await warningOf(wrong), /may have another pre-shared key/)
    await sequencer.check()
  })

  it('keeps the key in a file of its owner alone, and takes no other text for one', async () => {
    const folder = await cleanup.folder()
    const path = join(folder, 'swarm.key')
    await makeSwarmKey(path)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.match(await readFile(path, 'utf8'), /^\/key\/swarm\/psk\/1\.0\.0\/\n\/base16\/\n[0-9a-f]{64}$/)
    await assert.rejects(makeSwarmKey(path), /exists already/)
    const other = join(folder, 'other')
    await writeFile(other, '/key/swarm/psk/1.0.0/\n/base16/\nabc\n', { mode: 0o600 })
    await assert.rejects(readSwarmKey(other), /holds no pre-shared key/)
    // As other programs write it, with an end of the last line.
    await writeFile(other, `${await readFile(path, 'utf8')}\n`)
    assert.ok((await readSwarmKey(other)).length > 0)
    await chmod(path, 0o644)
    await assert.rejects(readSwarmKey(path), /can be read by others/)
  })
})

describe('a peer whose key anyone can sign for', () => {
  const cleanup = new Cleanup(afterEach)
  /** The neutral element: any message has the signature of it and zero, for OpenSSL and so for Noise. */
  const NEUTRAL = littleEndian(1n)

  function anybody(): Ed25519PrivateKey {
    const publicKey = publicKeyFromRaw(NEUTRAL)
    assert.ok(publicKey.type === 'Ed25519')
    return {
      type: 'Ed25519',
      publicKey,
      raw: concat(new Uint8Array(32), NEUTRAL),
      equals: () => false,
      sign: () => concat(NEUTRAL, new Uint8Array(32))
    }
  }

  async function knocks(address: string): Promise<void> {
    const host = await Host.create({ key: anybody(), listen: [], topics: [] })
    await host.start()
    cleanup.add(() => host.stop())
    // It may take itself for connected before the other side has looked at its key.
    const peer = await host.connect(address, deadline()).catch(() => undefined)
    if (peer !== undefined) await host.whenDisconnected(peer, deadline())
    assert.deepEqual(host.peers(), [])
  }

  it('is refused at the door of every peer, also where somebody has named it a member', async () => {
    const net = await makeNetwork({ members: [await identity('alice')] })
    const open = await RunningSequencer.start(cleanup, net)
    await knocks(open.address)
    const admitted = [nameOf(await identity('alice')), String(peerIdFromPublicKey(anybody().publicKey))]
    const closed = await RunningSequencer.start(cleanup, net, { admitted })
    await knocks(closed.address)
  })

  it('is not dialled, and not spoken to where it answers', async () => {
    const host = await Host.create({ key: anybody(), listen: ['/ip4/127.0.0.1/tcp/0'], topics: [] })
    await host.start()
    cleanup.add(() => host.stop())
    const [address = ''] = host.addresses()
    const caller = await Host.create({ key: await identity('alice'), listen: [], topics: [] })
    await caller.start()
    cleanup.add(() => caller.stop())
    await assert.rejects(caller.connect(address, deadline()), /no address of a peer/)
    const unnamed = address.replace(/\/p2p\/.*$/, '')
    await assert.rejects(caller.connect(unnamed, deadline()), /anyone can sign for its key/)
  })
})
