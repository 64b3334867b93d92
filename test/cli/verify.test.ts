import assert from 'node:assert/strict'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { keys } from '#src/chain/store.js'
import { concat, type PeerIdBytes, utf8 } from '#src/core/bytes.js'
import { forkEvidence } from '#src/core/evidence.js'
import { sha256 } from '#src/core/hash.js'
import { signReceipt } from '#src/core/receipt.js'
import { Author, envelopesOf } from '../helpers/authors.js'
import { ChainMaker } from '../helpers/blocks.js'
import { flipped } from '../helpers/bytes.js'
import { present } from '../helpers/changes.js'
import { openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { fromHex } from '../helpers/core.js'
import { foldedLogEvidence } from '../helpers/false-evidence.js'
import { makeNetwork, type TestNetwork } from '../helpers/networks.js'
import { RunningSequencer } from '../helpers/peers.js'
import { type ToolAnswer, tool } from '../helpers/program.js'
import { RawPeer } from '../helpers/raw-peer.js'

/** One running sequencer with two blocks of five and two messages pending; the files that are made of it. */
describe('tallystick export and verify', () => {
  const cleanup = new Cleanup(after)
  let net: TestNetwork
  let sequencer: RunningSequencer
  let folder: string
  let connect: readonly string[]
  const whole = { valid: true, height: 2, size: 10 }

  before(async () => {
    net = await makeNetwork({ blockSize: 5 })
    folder = await cleanup.folder()
    await writeFile(join(folder, 'network.json'), JSON.stringify(net.network.document))
    sequencer = await RunningSequencer.start(cleanup, net)
    const alice = await Author.create(net, 'alice')
    const peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    await peer.publish(...envelopesOf(alice.says(12)))
    await sequencer.events.times('block', 2)
    await peer.receipted(12)
    connect = ['--connect', sequencer.address, '--network', 'network.json']
    const exported = await tool(folder, 'export', 'log.tally', ...connect, '--json')
    assert.equal(exported.code, 0, exported.stderr)
    const { bytes, ...facts } = exported.json()
    assert.deepEqual(facts, { file: 'log.tally', height: 2, size: 10 })
    assert.equal(bytes, (await readFile(join(folder, 'log.tally'))).length)
  })

  const verdictOn = async (...args: readonly string[]): Promise<ToolAnswer> => {
    const result = await tool(folder, 'verify', ...args, '--json')
    const verdict = result.json()
    assert.equal(result.code, verdict.valid ? 0 : 1, result.stderr)
    return verdict
  }

  async function changed(name: string, change: (bytes: Buffer) => Uint8Array): Promise<string> {
    await writeFile(join(folder, `changed-${name}`), change(await readFile(join(folder, name))))
    return `changed-${name}`
  }

  it('verify a log in a file that carries its own network document', async () => {
    const { network, ...verdict } = await verdictOn('log.tally')
    assert.deepEqual(verdict, whole)
    assert.equal(network, Buffer.from(net.network.id).toString('hex'))
  })

  it('refuse a log of another network than the document that is named', async () => {
    const other = await makeNetwork({ name: 'another' })
    await writeFile(join(folder, 'other.json'), JSON.stringify(other.network.document))
    const { code, stderr } = await tool(folder, 'verify', 'log.tally', '--network', 'other.json')
    assert.equal(code, 1)
    assert.match(stderr, /another network/)
  })

  it('name the first fault of a file in which a bit was changed, and of one that was cut short', async () => {
    const size = (await readFile(join(folder, 'log.tally'))).length
    const inMessage = await changed('log.tally', bytes => flipped(bytes, size - 50))
    const damaged = await verdictOn(inMessage)
    assert.deepEqual([damaged.valid, damaged.height, damaged.size], [false, 1, 5])
    assert.equal(present(damaged.fault).height, 2)
    const short = await verdictOn(await changed('log.tally', bytes => bytes.subarray(0, size - 50)))
    assert.deepEqual([short.valid, short.height], [false, 1])
  })

  it('verify the log of a running peer, by its address', async () => {
    const { network: _, ...verdict } = await verdictOn(sequencer.address, '--network', 'network.json')
    assert.deepEqual(verdict, whole)
  })

  it('verify the proof of one message, and no other in its place', async () => {
    const proof = await tool(folder, 'export', 'seven.tlog-proof', '--proof', '7', ...connect, '--json')
    assert.equal(proof.code, 0, proof.stderr)
    const verdict = await verdictOn('seven.tlog-proof', '--network', 'network.json')
    assert.deepEqual(
      [verdict.valid, verdict.height, verdict.size, verdict.position, verdict.sequence],
      [true, 2, 10, 7, '8']
    )
    const text = (await readFile(join(folder, 'seven.tlog-proof'))).toString()
    assert.match(text, /^c2sp\.org\/tlog-proof@v1\nextra [A-Za-z0-9+/=]+\nindex 7\n/)
    for (const [from, to] of [
      ['index 7', 'index 6'],
      ['\n10\n', '\n11\n'],
      ['index 7\n', 'index 7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n']
    ] as const) {
      assert.ok(text.includes(from))
      await writeFile(join(folder, 'forged'), text.replace(from, to))
      assert.equal((await verdictOn('forged', '--network', 'network.json')).valid, false, to)
    }
  })

  it('print the checkpoint of the head, as transparency-log tools read it', async () => {
    const { code, stdout, stderr } = await tool(folder, 'checkpoint', ...connect)
    assert.equal(code, 0, stderr)
    const [origin, size, log, empty, signature] = stdout.split('\n')
    assert.equal(origin, `tallystick/${Buffer.from(net.network.id).toString('hex')}`)
    const { header } = present(sequencer.blocks[1])
    assert.deepEqual([size, log, empty], ['10', Buffer.from(header.log).toString('base64'), ''])
    assert.match(present(signature), new RegExp(`^— ${origin} `))
    assert.match(stderr, /verifier key: tallystick\//)
  })

  it('verify evidence with nothing but the network document, and refuse what proves nothing', async () => {
    const maker = new ChainMaker(net)
    const messages = (await Author.create(net, 'bob')).says(5)
    const one = maker.forge(messages)
    const other = maker.forge(messages, { header: ({ time }) => ({ time: time + 1 }) })
    const magic = utf8('tallystick evidence 1\n')
    await writeFile(join(folder, 'lie'), Buffer.concat([magic, forkEvidence(one.signed, other.signed)]))
    const { evidence, ...verdict } = await verdictOn('lie', '--network', 'network.json')
    assert.deepEqual([verdict.valid, verdict.height], [true, 1])
    assert.equal(present(evidence).kind, 'fork')
    await writeFile(join(folder, 'no-lie'), Buffer.concat([magic, forkEvidence(one.signed, one.signed)]))
    assert.equal((await verdictOn('no-lie', '--network', 'network.json')).valid, false)
    await writeFile(join(folder, 'forged'), Buffer.concat([magic, foldedLogEvidence(undefined, one, [])]))
    const forged = await verdictOn('forged', '--network', 'network.json')
    assert.match(present(forged.fault).detail, /3 leaves of a block of 5 messages/)
    const { code, stdout } = await tool(folder, 'verify', 'forged', '--network', 'network.json')
    assert.equal(code, 1)
    assert.match(stdout, /NOT VALID: .* 3 leaves of a block of 5 messages\nthe evidence does not hold/)
  })

  it('refuse a receipt for an author that no key can have, and say so in a sentence', async () => {
    const { network, signer } = net
    const entries = [{ sequence: 1n, position: 0, leaf: sha256(utf8('a message')) }]
    const magic = utf8('tallystick receipt 1\n')
    const small = concat(fromHex('0024080112200100'), new Uint8Array(31))
    for (const bytes of [new Uint8Array(0), utf8('abc'), new Uint8Array(40).fill(1), small]) {
      const receipt = signReceipt(
        { network: network.id, author: bytes as PeerIdBytes, time: 1, entries },
        signer
      )
      await writeFile(join(folder, 'nobody.receipt'), concat(magic, receipt))
      const { code, stdout, stderr } = await tool(
        folder,
        'verify',
        'nobody.receipt',
        '--network',
        'network.json'
      )
      assert.equal(code, 1)
      assert.match(stdout, /^NOT VALID: proof: receipt author: /)
      assert.equal(stderr, '')
    }
  })

  it('leave out of a folder what proves nothing, and say why', async () => {
    const maker = new ChainMaker(net)
    const messages = (await Author.create(net, 'bob')).says(5)
    const one = maker.forge(messages)
    const pieces = [
      foldedLogEvidence(undefined, one, []),
      forkEvidence(one.signed, maker.forge(messages, { header: ({ time }) => ({ time: time + 1 }) }).signed)
    ]
    const stopped = join(folder, 'stopped')
    const exported = () =>
      tool(
        folder,
        'export',
        'found',
        '--evidence',
        '--from',
        'stopped',
        '--network',
        'network.json',
        '--json'
      )
    for (const [index, piece] of pieces.entries()) {
      const database = await openDatabase(stopped)
      await database.put(keys.evidence(sha256(piece)), piece)
      await database.close()
      const result = await exported()
      assert.match(result.stderr, /proves nothing, and is left out: evidence: 3 leaves/)
      assert.equal(result.code, index === 0 ? 1 : 0, result.stderr)
    }
    const found = await verdictOn('found', '--network', 'network.json')
    assert.deepEqual([found.valid, present(found.evidence).kind], [true, 'fork'])
  })

  it('say no where a peer knows no evidence, and where a file is nothing of theirs', async () => {
    const none = await tool(folder, 'export', '--evidence', ...connect)
    assert.equal(none.code, 1)
    assert.match(none.stderr, /no evidence against this sequencer/)
    const foreign = await tool(folder, 'verify', 'network.json')
    assert.equal(foreign.code, 1)
    assert.match(foreign.stderr, /no log, no set, no proof, no receipt and no evidence/)
    const nothing = await tool(folder, 'verify', 'not-there')
    assert.equal(nothing.code, 2)
    assert.match(nothing.stderr, /no folder, no file and no address/)
  })

  it('verify the folder of a stopped sequencer, what waits in it included, and export the same file from it', async () => {
    await sequencer.stop()
    await cp(sequencer.folder, join(folder, 'data'), { recursive: true })
    const { network: _, ...verdict } = await verdictOn('data', '--network', 'network.json')
    assert.deepEqual(verdict, { ...whole, pending: 2 })
    const exported = await tool(
      folder,
      'export',
      'again.tally',
      '--from',
      'data',
      '--network',
      'network.json'
    )
    assert.equal(exported.code, 0, exported.stderr)
    const files = await Promise.all(['log.tally', 'again.tally'].map(name => readFile(join(folder, name))))
    assert.ok(present(files[0]).equals(present(files[1])))
  })
})
