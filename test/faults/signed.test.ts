import assert from 'node:assert/strict'
import { cp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { genesisCursor } from '#src/chain/cursor.js'
import { SequencerMark } from '#src/chain/signed-mark.js'
import { Outbox } from '#src/client/outbox.js'
import { SequenceMark } from '#src/client/sequence-mark.js'
import { Wallet } from '#src/client/wallet.js'
import type { ShownAccount } from '#src/query/account-queries.js'
import { Author } from '../helpers/authors.js'
import { ChainMaker } from '../helpers/blocks.js'
import { deadline, present } from '../helpers/changes.js'
import { type CheckedPeer, checkPeer, expectReceiptsHold, openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork, type TestNetwork } from '../helpers/networks.js'
import { RunningClient } from '../helpers/peers.js'
import { Program, SEQUENCER_OPTIONS, tool, writeSequencerFiles } from '../helpers/program.js'

const BLOCK_SIZE = 10
const ANY_PORT = ['--listen', '/ip4/127.0.0.1/tcp/0'] as const
const NETWORK = ['--network', 'network.json'] as const

/** A sequencer, a follower and a client in processes of their own, on the files of one folder. */
class Stage {
  readonly #sequencerPort: string[] = [...ANY_PORT]

  private constructor(
    private readonly cleanup: Cleanup,
    readonly net: TestNetwork,
    readonly home: string
  ) {}

  static async of(cleanup: Cleanup): Promise<Stage> {
    const net = await makeNetwork({ blockSize: BLOCK_SIZE })
    const home = await cleanup.folder()
    await writeSequencerFiles(home, net)
    return new Stage(cleanup, net, home)
  }

  at(name: string): string {
    return join(this.home, name)
  }

  get mark(): string {
    return this.at('sequencer.signed')
  }

  run(...args: readonly string[]): Program {
    return Program.start(this.cleanup, this.home, args)
  }

  sequencerOn(data: string, ...more: readonly string[]): Program {
    const options = SEQUENCER_OPTIONS.map((option, index) =>
      SEQUENCER_OPTIONS[index - 1] === '--data' ? data : option
    )
    return this.run(...options, ...this.#sequencerPort, ...more)
  }

  /** A sequencer that listens. The next one listens at the same address. */
  async sequencer(
    data = 'sequencer',
    ...more: readonly string[]
  ): Promise<{ readonly program: Program; readonly address: string }> {
    const program = this.sequencerOn(data, ...more)
    await program.times('started', 1)
    const address = addressOf(program)
    this.#sequencerPort[1] = address.replace(/\/p2p\/.*$/, '')
    return { program, address }
  }

  async follower(address: string): Promise<{ readonly program: Program; readonly address: string }> {
    const program = this.run(
      '--role',
      'follower',
      ...NETWORK,
      '--key',
      'follower.key',
      '--data',
      'follower',
      '--json',
      ...ANY_PORT,
      '--connect',
      address
    )
    await program.times('started', 1)
    return { program, address: addressOf(program) }
  }

  /** A start that must be refused; gives what it says. */
  async refused(program: Program): Promise<string> {
    assert.deepEqual(await program.exit(), { code: 1, signal: null }, program.stderr.join('\n'))
    return program.stderr.join('\n')
  }

  /** As a version without marks leaves a folder. */
  async forgetMark(data: string): Promise<void> {
    const path = join(this.at(data), 'OWNER.json')
    await writeFile(path, (await readFile(path, 'utf8')).replace(/,"mark":"[0-9a-f]{32}"/, ''))
  }

  /** As who takes them for left-overs of a crash. */
  async deleteLocks(data: string): Promise<void> {
    const marks = (await readdir(this.mark)).map(name => join(this.mark, name))
    for (const folder of [this.at(data), ...marks]) await rm(join(folder, 'LOCK'))
  }

  check(data = 'sequencer'): Promise<CheckedPeer> {
    return checkPeer(this.at(data), this.net, { openingKeys: 'sealed' })
  }
}

function addressOf(program: Program): string {
  return present(program.of('started')[0]?.addresses?.[0], 'its address')
}

describe('what a key has signed', () => {
  const cleanup = new Cleanup(afterEach)

  it('a sequencer is not started with less than that: an older copy, an empty folder; the newest one is never in doubt', async () => {
    const stage = await Stage.of(cleanup)
    const first = await stage.sequencer()
    const client = await RunningClient.connected(cleanup, stage.net, first.address)
    await client.send(BLOCK_SIZE + 3)
    await client.receipted(BLOCK_SIZE + 3)
    await first.program.times('block', 1)
    await first.program.kill('SIGTERM')
    await cp(stage.at('sequencer'), stage.at('older'), { recursive: true })

    const second = await stage.sequencer()
    await client.send(1)
    await client.receipted(BLOCK_SIZE + 4)
    await second.program.kill('SIGKILL')
    for (const data of ['older', 'empty']) {
      const said = await stage.refused(stage.sequencerOn(data))
      assert.match(
        said,
        /this is not the newest folder of this sequencer: it holds (13|0) messages and [01] blocks, but this key has signed receipts for 14 messages, and 1 blocks/
      )
      assert.match(said, /convicts.*tallystick restore --connect/)
    }
    assert.equal((await readdir(stage.home)).includes('empty'), false, 'nothing is made')
    // The newest folder is the one to go on with, and was never in doubt.
    const third = await stage.sequencer()
    await client.send(6)
    await client.receipted(BLOCK_SIZE + 10)
    await third.program.times('block', 1)
    await third.program.kill('SIGTERM')
    const checked = await stage.check()
    assert.deepEqual([checked.height, checked.size, checked.pending], [2, 20, 0])
    expectReceiptsHold(checked, client.receipts)
  })

  it('SIGKILL at any moment leaves a folder that the mark covers, and no receipt has left before the mark', async () => {
    const stage = await Stage.of(cleanup)
    let { program, address } = await stage.sequencer()
    const client = await RunningClient.connected(cleanup, stage.net, address)
    let receipts = 0
    for (let round = 0; round < 6; round += 1) {
      await client.send(15)
      // In the middle of what it writes.
      await client.receipted(receipts + 1 + round)
      await program.kill('SIGKILL')
      const markDatabase = await openDatabase(join(stage.mark, present((await readdir(stage.mark))[0])))
      const { positions, height } = present((await SequencerMark.open(markDatabase, stage.net.network)).last)
      await markDatabase.close()
      const checked = await stage.check()
      assert.ok(positions <= checked.messages.length && height <= checked.height)
      assert.ok(
        client.receipts.every(({ position }) => position < positions),
        'no receipt has left before the mark'
      )
      ;({ program } = await stage.sequencer())
      await client.receipted((round + 1) * 15)
      receipts = (round + 1) * 15
    }
    await program.kill('SIGTERM')
    expectReceiptsHold(await stage.check(), client.receipts)
  })

  it('two processes with one key on different folders: the second one is refused', async () => {
    const stage = await Stage.of(cleanup)
    const { program, address } = await stage.sequencer()
    const said = await stage.refused(stage.run(...SEQUENCER_OPTIONS, ...ANY_PORT, '--data', 'other'))
    assert.match(
      said,
      /the key sequencer.key is in use by another process in this network.*stop that one first: a network has one sequencer/
    )
    assert.doesNotMatch(said, /--key FILE/)
    const client = [
      '--role',
      'client',
      ...NETWORK,
      '--key',
      'client.key',
      '--duration',
      '0',
      '--connect',
      address,
      '--json'
    ]
    const one = stage.run(...client, '--data', 'one')
    await one.times('started', 1)
    assert.match(
      await stage.refused(stage.run(...client, '--data', 'two')),
      /the key client.key is in use by another process/
    )
    // The lock ends with its process, also where that is killed.
    await one.kill('SIGKILL')
    await program.kill('SIGKILL')
    await (await stage.sequencer()).program.kill('SIGTERM')
  })

  it('two processes with one key whose locks are deleted, or do not hold: the one that came last has the key, the other signs nothing more and says why', async () => {
    const stage = await Stage.of(cleanup)
    const first = await stage.sequencer()
    const client = await RunningClient.connected(cleanup, stage.net, first.address)
    await client.send(BLOCK_SIZE + 2)
    await client.receipted(BLOCK_SIZE + 2)
    await first.program.times('block', 1)
    await stage.deleteLocks('sequencer')
    const second = stage.run(...SEQUENCER_OPTIONS, ...ANY_PORT)
    await second.times('started', 1)
    const said = await stage.refused(first.program)
    assert.match(said, /another process signs with the key sequencer.key \(process \d+ on host .*\)/)
    assert.match(said, /this one signs nothing more.*delete no LOCK file/)
    const other = await RunningClient.connected(cleanup, stage.net, addressOf(second), 'other')
    await other.send(BLOCK_SIZE)
    await other.receipted(BLOCK_SIZE)
    await second.times('block', 1)
    await second.kill('SIGTERM')
    const checked = await stage.check()
    expectReceiptsHold(checked, client.receipts)
    expectReceiptsHold(checked, other.receipts)
    assert.equal(checked.size + checked.pending, 2 * BLOCK_SIZE + 2)
  })

  it('the folder that says what a key has signed is removed under a running sequencer: it signs nothing more, and says why', async () => {
    const stage = await Stage.of(cleanup)
    const { program } = await stage.sequencer()
    await rm(stage.mark, { recursive: true })
    assert.match(
      await stage.refused(program),
      /that says what it has signed is gone.*Put that folder back before the next start/
    )
  })

  it('a folder of a version without marks is taken, and it is said that the mark is made of it', async () => {
    const stage = await Stage.of(cleanup)
    const first = await stage.sequencer()
    const client = await RunningClient.connected(cleanup, stage.net, first.address)
    await client.send(BLOCK_SIZE + 2)
    await client.receipted(BLOCK_SIZE + 2)
    await first.program.kill('SIGTERM')
    await rm(stage.mark, { recursive: true })
    await stage.forgetMark('sequencer')
    await cp(stage.at('sequencer'), stage.at('older'), { recursive: true })
    const second = await stage.sequencer()
    await second.program.says(/not written down beside the key.*beginning with the 1 blocks and 12 messages/)
    await client.send(1)
    await client.receipted(BLOCK_SIZE + 3)
    await second.program.kill('SIGTERM')
    assert.match(
      await stage.refused(stage.sequencerOn('older')),
      /holds 12 messages .* receipts for 13 messages/
    )
  })

  it('a folder that had a mark is not taken without it, nor with another one: the mark deleted, the key moved alone, another --marks', async () => {
    const stage = await Stage.of(cleanup)
    const first = await stage.sequencer()
    const client = await RunningClient.connected(cleanup, stage.net, first.address)
    await client.send(BLOCK_SIZE + 2)
    await client.receipted(BLOCK_SIZE + 2)
    await first.program.kill('SIGTERM')
    // A key that is reached by another name, and a link to it, has the same mark.
    await symlink('sequencer.key', stage.at('link.key'))
    await symlink('sequencer.encryption.key', stage.at('link.encryption.key'))
    const linked = await stage.sequencer('sequencer', '--key', 'link.key')
    await linked.program.kill('SIGTERM')
    for (const name of ['sequencer.key', 'sequencer.encryption.key'])
      await cp(stage.at(name), stage.at(`moved/${name}`))
    const withoutMark = /the one that goes with sequencer is missing, or another one is in its place/
    for (const more of [
      ['--marks', 'elsewhere'],
      ['--key', 'moved/sequencer.key']
    ]) {
      const said = await stage.refused(stage.sequencerOn('sequencer', ...more))
      assert.match(said, withoutMark)
      assert.match(said, /Put the mark back .*--marks DIR.* tallystick restore --connect/)
    }
    // A mark that has served another folder of the same key.
    const other = await stage.sequencer('other', '--marks', 'elsewhere')
    await other.program.kill('SIGTERM')
    assert.match(await stage.refused(stage.sequencerOn('sequencer', '--marks', 'elsewhere')), withoutMark)
    await rename(stage.mark, stage.at('put-away'))
    assert.match(await stage.refused(stage.sequencerOn('sequencer')), withoutMark)
    // Who knows that the folder is the newest one says so once.
    const insisting = await stage.sequencer('sequencer', '--sign-positions-again-and-risk-conviction')
    await insisting.program.says(/went with another mark/)
    await insisting.program.kill('SIGTERM')
    const last = await stage.sequencer()
    await client.send(1)
    await client.receipted(BLOCK_SIZE + 3)
    await last.program.kill('SIGTERM')
    expectReceiptsHold(await stage.check(), client.receipts)
  })

  it('an older folder together with a mark as old, as a restored backup has them: a follower shows what the key has signed, the sequencer stops, and no start takes them', async () => {
    const stage = await Stage.of(cleanup)
    const first = await stage.sequencer()
    const follower = await stage.follower(first.address)
    const client = await RunningClient.connected(cleanup, stage.net, first.address)
    await client.send(BLOCK_SIZE + 3)
    await client.receipted(BLOCK_SIZE + 3)
    await follower.program.times('block', 1)
    await first.program.kill('SIGTERM')
    const [folder, mark] = [stage.at('sequencer'), stage.mark]
    for (const each of [folder, mark]) await cp(each, `${each}.backup`, { recursive: true })
    const second = await stage.sequencer()
    await client.send(BLOCK_SIZE)
    await client.receipted(2 * BLOCK_SIZE + 3)
    await follower.program.times('block', 2)
    await second.program.kill('SIGTERM')
    await client.stop()

    const putBack = async (): Promise<void> => {
      for (const each of [folder, mark]) {
        await rm(each, { recursive: true })
        await cp(`${each}.backup`, each, { recursive: true })
      }
    }
    const older =
      /not the newest folder of this sequencer: it holds 1 blocks, and a follower has block 2, [0-9a-f]{64}, which this key has signed.*tallystick restore --connect/
    // A follower that is named is asked before anything is signed; this one does not know the address.
    await putBack()
    const asking = stage.run(...SEQUENCER_OPTIONS, ...ANY_PORT, '--connect', follower.address)
    assert.match(await stage.refused(asking), older)
    assert.deepEqual(asking.of('started'), [])
    await putBack()
    const behind = (await stage.sequencer()).program
    assert.match(await stage.refused(behind), older)
    assert.match(
      await stage.refused(stage.sequencerOn('sequencer')),
      /it holds 13 messages and 1 blocks, but this key has signed receipts for 20 messages, and 2 blocks/
    )
    await rename(folder, stage.at('older'))
    const restored = await tool(
      stage.home,
      'restore',
      ...NETWORK,
      '--key',
      'sequencer.key',
      '--data',
      'sequencer',
      '--connect',
      follower.address,
      '--json'
    )
    assert.equal(restored.code, 0, restored.stderr)
    const last = await stage.sequencer()
    assert.equal((await last.program.kill('SIGTERM')).code, 0)
    await follower.program.kill('SIGTERM')
  })

  it('the flag with the frightening name goes on from less, says so, and the next start needs it no more', async () => {
    const stage = await Stage.of(cleanup)
    const first = await stage.sequencer()
    const client = await RunningClient.connected(cleanup, stage.net, first.address)
    await client.send(2)
    await client.receipted(2)
    await first.program.kill('SIGTERM')
    const second = await stage.sequencer('empty', '--sign-positions-again-and-risk-conviction')
    await second.program.says(/positions are signed a second time now/)
    await second.program.kill('SIGTERM')
    const third = await stage.sequencer('empty')
    assert.equal((await third.program.kill('SIGTERM')).code, 0)
  })

  it('a sequencer that has lost its folder gets it back from a follower and from beside its key, whole: no receipt is broken', async () => {
    const stage = await Stage.of(cleanup)
    const first = await stage.sequencer()
    const follower = await stage.follower(first.address)
    const client = await RunningClient.connected(cleanup, stage.net, first.address)
    await client.send(2 * BLOCK_SIZE + 7)
    await client.receipted(2 * BLOCK_SIZE + 7)
    await follower.program.times('block', 2)
    await first.program.kill('SIGKILL')
    await rm(stage.at('sequencer'), { recursive: true })

    assert.match(await stage.refused(stage.sequencerOn('sequencer')), /tallystick restore/)
    // As a restore that was killed leaves it.
    await cp(stage.at('follower'), stage.at('sequencer.restoring'), { recursive: true })
    const restored = await tool(
      stage.home,
      'restore',
      ...NETWORK,
      '--key',
      'sequencer.key',
      '--data',
      'sequencer/',
      '--connect',
      follower.address,
      '--json'
    )
    assert.equal(restored.code, 0, restored.stderr)
    const { height, size, pending } = { pending: undefined, ...restored.json() }
    assert.deepEqual([height, size, pending], [2, 20, 7])
    expectReceiptsHold(await stage.check(), client.receipts)
    assert.equal((await readdir(stage.home)).includes('sequencer.restoring'), false)

    const second = await stage.sequencer()
    await client.send(3)
    await client.receipted(3 * BLOCK_SIZE)
    await second.program.times('block', 1)
    await second.program.kill('SIGTERM')
    await follower.program.kill('SIGTERM')
    const checked = await stage.check()
    assert.deepEqual([checked.height, checked.pending], [3, 0])
    expectReceiptsHold(checked, client.receipts)
  })

  it('a follower that has less than the key has signed is not enough, and no folder is left', async () => {
    const stage = await Stage.of(cleanup)
    const first = await stage.sequencer()
    const follower = await stage.follower(first.address)
    const client = await RunningClient.connected(cleanup, stage.net, first.address)
    await client.send(BLOCK_SIZE)
    await follower.program.times('block', 1)
    await follower.program.kill('SIGTERM')
    await client.send(BLOCK_SIZE + 5)
    await client.receipted(2 * BLOCK_SIZE + 5)
    await first.program.times('block', 2)
    await first.program.kill('SIGTERM')
    await rename(stage.at('sequencer'), stage.at('lost'))
    const restored = await tool(
      stage.home,
      'restore',
      ...NETWORK,
      '--key',
      'sequencer.key',
      '--data',
      'sequencer',
      '--from',
      'follower'
    )
    assert.equal(restored.code, 1)
    assert.match(
      restored.stderr,
      /not all that this sequencer has signed: it holds 10 messages and 1 blocks, but .* 25 messages, and 2 blocks; .*another follower|a follower that has more/
    )
    const made = (await readdir(stage.home)).filter(name => /^sequencer(\.restoring)?$/.test(name))
    assert.deepEqual(made, [], 'nothing was made')
    // The folder that is there is not overwritten.
    const over = await tool(
      stage.home,
      'restore',
      ...NETWORK,
      '--key',
      'sequencer.key',
      '--data',
      'lost',
      '--from',
      'follower'
    )
    assert.match(over.stderr, /lost is there already/)
  })
})

describe('the mark of a sequencer', () => {
  const cleanup = new Cleanup(afterEach)

  it('has both the positions and the block where a batch and a block are marked at the same time', async () => {
    const net = await makeNetwork({ blockSize: 3 })
    const messages = (await Author.create(net, 'alice')).says(9)
    const placed = messages.map(({ envelope }, position) => ({ position, envelope }))
    const maker = new ChainMaker(net)
    maker.addAll(messages)
    for (let round = 0; round < 10; round += 1) {
      const database = await openDatabase(await cleanup.folder())
      const mark = await SequencerMark.open(database, net.network)
      await mark.taken(placed.slice(0, 3))
      const [first, second] = maker.blocks
      await Promise.all([mark.cut(present(first).signed), mark.taken(placed.slice(3, 6))])
      await Promise.all([mark.taken(placed.slice(6)), mark.cut(present(second).signed)])
      const { last } = await SequencerMark.open(database, net.network)
      const id = Uint8Array.from(present(second).signed.id)
      assert.deepEqual(last, { positions: 9, height: 2, id })
      await database.close()
    }
  })

  it('lets nothing leave once another process has the key: no receipt, no block, no certificate', async () => {
    const net = await makeNetwork({ blockSize: 3 })
    const messages = (await Author.create(net, 'alice')).says(3)
    const placed = messages.map(({ envelope }, position) => ({ position, envelope }))
    const maker = new ChainMaker(net)
    maker.addAll(messages)
    const database = await openDatabase(await cleanup.folder())
    cleanup.add(() => database.close())
    let isHeld = true
    const mark = await SequencerMark.open(database, net.network, async () => {
      if (!isHeld) throw new Error('another process has the key')
    })
    await mark.taken(placed.slice(0, 1))
    await mark.certified(1)
    isHeld = false
    const lost = /another process has the key/
    await assert.rejects(mark.taken(placed.slice(1)), lost)
    await assert.rejects(mark.cut(present(maker.blocks[0]).signed), lost)
    await assert.rejects(mark.certified(2), lost)
  })

  it('knows another block or another pending message at a place that was signed, and keeps what is in no block', async () => {
    const net = await makeNetwork({ blockSize: 3 })
    const messages = (await Author.create(net, 'alice')).says(5)
    const database = await openDatabase(await cleanup.folder())
    cleanup.add(() => database.close())
    const mark = await SequencerMark.open(database, net.network)
    const placed = messages.map(({ envelope }, position) => ({ position, envelope }))
    const nothing = { positions: 0, height: 0, idAt: () => undefined, pending: [] }
    assert.equal(mark.missingIn(nothing), undefined)
    await mark.taken(placed.slice(0, 2))
    await mark.taken(placed.slice(2))
    const maker = new ChainMaker(net)
    maker.addAll(messages.slice(0, 3))
    const { signed } = present(maker.blocks[0])
    await mark.cut(signed)
    const kept = placed.map(({ position }) => mark.pendingAt(position) !== undefined)
    assert.deepEqual(kept, [false, false, false, true, true])
    const reopened = await SequencerMark.open(database, net.network)
    assert.deepEqual(reopened.last, { positions: 5, height: 1, id: Uint8Array.from(signed.id) })
    const whole = { positions: 5, height: 1, idAt: () => signed.id, pending: placed.slice(3) }
    assert.equal(reopened.missingIn(whole), undefined)
    const [third, fourth] = [present(placed[3]), present(placed[4])]
    const exchanged = [
      { position: 3, envelope: fourth.envelope },
      { position: 4, envelope: third.envelope }
    ]
    for (const [held, why] of [
      [{ ...whole, positions: 4 }, /holds 4 messages/],
      [{ ...whole, height: 0 }, /and 0 blocks/],
      [{ ...whole, idAt: () => net.network.id }, /its block 1 is .*, but this key has signed/],
      [{ ...whole, pending: exchanged }, /its message at position 3 is another one/]
    ] as const)
      assert.match(present(reopened.missingIn(held)), why)
  })
})

describe('the numbers that a client has used', () => {
  const cleanup = new Cleanup(afterEach)

  it('an older copy of its folder, or an empty one, is gone on with above them: no number gets a second message', async () => {
    const stage = await Stage.of(cleanup)
    const { program, address } = await stage.sequencer()
    const send = async (data: string, text: string): Promise<Program> => {
      const client = Program.start(
        cleanup,
        stage.home,
        [
          '--role',
          'client',
          ...NETWORK,
          '--key',
          'client.key',
          '--data',
          data,
          '--stdin',
          '--json',
          '--connect',
          address
        ],
        text
      )
      assert.deepEqual(await client.exit(), { code: 0, signal: null }, client.stderr.join('\n'))
      assert.equal(client.of('refused').length, 0, client.stderr.join('\n'))
      return client
    }
    await send('client', 'one\ntwo\n')
    await cp(stage.at('client'), stage.at('older'), { recursive: true })
    await send('client', 'three\nfour\nfive\n')
    for (const data of ['older', 'empty']) {
      const client = await send(data, `from ${data}\n`)
      assert.equal(client.of('receipt').length, 1)
      assert.ok(
        client.stderr.some(line => /this folder does not know of/.test(line)),
        client.stderr.join('\n')
      )
    }
    const again = await send('empty', 'again\n')
    assert.ok(!again.stderr.some(line => /does not know of/.test(line)))
    await program.kill('SIGTERM')
    const { messages } = await stage.check()
    assert.deepEqual(
      messages.map(({ sequence }) => Number(sequence)),
      [1, 2, 3, 4, 5, 6, 7, 8]
    )
  })

  it('the mark is raised before a message leaves the outbox, and also covers what a crash left above it', async () => {
    const net = await makeNetwork()
    const author = await Author.create(net, 'alice')
    const [folder, marks] = [
      await openDatabase(await cleanup.folder()),
      await openDatabase(await cleanup.folder())
    ]
    cleanup.add(() => folder.close())
    cleanup.add(() => marks.close())
    const open = async (mark?: SequenceMark): Promise<Outbox> =>
      Outbox.open(folder, net.network, author.signer, () => Date.now(), mark)
    const mark = await SequenceMark.open(marks, net.network)
    const outbox = await open(mark)
    await outbox.add([{ body: new Uint8Array(2) }], 'open')
    assert.equal((await SequenceMark.open(marks, net.network)).last.next, 2n)
    // As where a crash came between the two writes.
    await (await open()).add([{ body: new Uint8Array(2) }], 'open')
    const reopened = await open(mark)
    assert.equal(reopened.isOld, false)
    assert.equal(mark.last.next, 3n)
    await outbox.add([{ body: new Uint8Array(2), payment: { sequence: 41n, units: 1n } }], 'open')
    assert.deepEqual((await SequenceMark.open(marks, net.network)).last, { next: 3n, nextPayment: 42n })
    const empty = await openDatabase(await cleanup.folder())
    cleanup.add(() => empty.close())
    const other = await Outbox.open(empty, net.network, author.signer, () => Date.now(), mark)
    assert.deepEqual([other.isOld, other.unknownPayments], [true, 42n])
  })

  it('without what is kept beside its key, and with an older folder, a client that gives used numbers out is told what to do', async () => {
    const stage = await Stage.of(cleanup)
    const { address } = await stage.sequencer()
    await goesOnAfterACopy(stage.home, address, 'receipt')
  })

  it('the same among equals, where work orders', async () => {
    const home = await cleanup.folder()
    const made = await tool(home, 'init', '--network', 'network.json', '--ordering', 'work')
    assert.equal(made.code, 0, made.stderr)
    const equal = ['--role', 'follower', ...NETWORK, '--key', 'equal.key', '--data', 'equal', '--json']
    const program = Program.start(cleanup, home, [...equal, ...ANY_PORT, '--no-connect'])
    await program.times('started', 1)
    await goesOnAfterACopy(home, addressOf(program), 'accepted')
  })

  /** A client's folder and what is kept beside its key are put back from a copy together. */
  async function goesOnAfterACopy(home: string, address: string, taken: string): Promise<void> {
    const files = ['client', 'client.signed'] as const
    const send = async (text: string, code: number): Promise<Program> => {
      const options = ['--role', 'client', ...NETWORK, '--key', 'client.key', '--data', 'client', '--stdin']
      const client = Program.start(cleanup, home, [...options, '--json', '--connect', address], text)
      assert.deepEqual(await client.exit(), { code, signal: null }, client.stderr.join('\n'))
      return client
    }
    await send('one\n', 0)
    for (const name of files) await cp(join(home, name), join(home, `${name}.copy`), { recursive: true })
    await send('two\nthree\n', 0)
    for (const name of files) {
      await rm(join(home, name), { recursive: true })
      await rename(join(home, `${name}.copy`), join(home, name))
    }
    const client = await send('again\nand again\n', 1)
    assert.deepEqual(
      client.of('refused').map(({ reason, sequence }) => [reason, sequence]),
      [
        ['sequence taken', 2],
        ['sequence taken', 3]
      ]
    )
    const told = client.stderr.filter(line => /has signed another message under number 2/.test(line))
    assert.equal(told.length, 1, client.stderr.join('\n'))
    assert.match(
      told[0] ?? '',
      /Put the newest of both back.* goes on with higher numbers: say again what was refused/
    )
    assert.match(
      client.stderr.at(-1) ?? '',
      /^error: messages that were refused .* under their numbers: 2; say them again/
    )
    const again = await send('again\nand again\n', 0)
    assert.deepEqual(
      again.of(taken).map(({ sequence }) => sequence),
      [1026, 1027]
    )
  }

  it('no message leaves the outbox once another process has the key', async () => {
    const net = await makeNetwork()
    const author = await Author.create(net, 'alice')
    const [folder, marks] = [
      await openDatabase(await cleanup.folder()),
      await openDatabase(await cleanup.folder())
    ]
    cleanup.add(() => folder.close())
    cleanup.add(() => marks.close())
    let isHeld = true
    const mark = await SequenceMark.open(marks, net.network, async () => {
      if (!isHeld) throw new Error('another process has the key')
    })
    const outbox = await Outbox.open(folder, net.network, author.signer, () => Date.now(), mark)
    await outbox.add([{ body: new Uint8Array(2) }], 'open')
    isHeld = false
    await assert.rejects(outbox.add([{ body: new Uint8Array(2) }], 'open'))
    assert.equal(outbox.size, 1)
  })

  it('a client whose lock is deleted ends when another process takes its key, and says why', async () => {
    const stage = await Stage.of(cleanup)
    const { address } = await stage.sequencer()
    const client = (data: string): Program =>
      stage.run(
        ...['--role', 'client', ...NETWORK, '--key', 'client.key', '--data', data, '--duration', '0'],
        ...['--connect', address, '--json']
      )
    const one = client('one')
    await one.times('receipt', 1)
    const marks = stage.at('client.signed')
    for (const name of await readdir(marks)) await rm(join(marks, name, 'LOCK'))
    const two = client('two')
    assert.match(await stage.refused(one), /another process signs with the key client.key \(process/)
    await two.times('receipt', 1)
    await two.kill('SIGTERM')
    assert.equal(two.of('refused').length, 0, two.stderr.join('\n'))
  })

  it('a number of a transfer that another folder may have used is not used again before it stands in a block', async () => {
    const net = await makeNetwork({ blockSize: 1 })
    const shown = (sequence: bigint): ShownAccount => ({
      signed: genesisCursor(net.rules).signed,
      account: { id: net.sequencer, balance: 1_000n, sequence }
    })
    let sequence = 4n
    const database = await openDatabase(await cleanup.folder())
    cleanup.add(() => database.close())
    const wallet = await Wallet.open({
      database,
      maxReorg: undefined,
      account: async () => shown(sequence),
      distrust: () => undefined,
      unknownBelow: 7n
    })
    const refused = await wallet.reserve(1n, deadline())
    assert.ok(!refused.ok)
    assert.match(refused.refusal.detail, /signed transfers up to number 6 .* number 5 may be one of them/)
    sequence = 6n
    assert.deepEqual(await wallet.reserve(1n, deadline()), { ok: true, payment: { sequence: 7n, units: 1n } })
  })
})
