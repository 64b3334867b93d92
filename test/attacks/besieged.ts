import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { equal, toHex } from '#src/core/bytes.js'
import { type CheckedPeer, checkPeer, expectReceiptsHold } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork, type NetworkWishes, type TestNetwork } from '../helpers/networks.js'
import { RunningClient } from '../helpers/peers.js'
import { SequencerProcess } from '../helpers/program.js'
import { HAS_PROC } from '../localnet/processes.js'

/** How long an honest message may wait for its receipt under attack, ms: a busy machine must not decide. */
const RECEIPT_MS = 20_000

/** Between two steps of a flood that goes at a walk, ms. */
const WALK_MS = 20

/** Bytes by which the sequencer may grow over what it takes at rest, whatever is done to it. */
const GROWTH = 400e6

interface Suffered {
  readonly attack: string
  readonly slowestMs: number
  readonly growth: number
}

/**
 * A sequencer in a process of its own that is attacked from all sides, and one honest client, whose messages
 * must get their receipts meanwhile. After each attack the sequencer's memory is looked at, and at the end all
 * that it has on disk. One for a whole `describe`.
 */
export class Besieged {
  readonly cleanup = new Cleanup(after)
  readonly #suffered: Suffered[] = []
  #parts: { readonly net: TestNetwork; readonly sequencer: SequencerProcess } | undefined
  #honest: RunningClient | undefined
  #sent = 0
  #slowest = 0
  #atRest = 0

  /** Registers the hooks of the `describe` it is called in. `entry`: where the honest client connects. */
  constructor(wishes: NetworkWishes = {}, entry?: (sequencer: SequencerProcess) => Promise<string>) {
    before(async () => {
      const net = await makeNetwork({ blockSize: 10, ...wishes })
      const sequencer = await SequencerProcess.start(this.cleanup, net)
      this.#parts = { net, sequencer }
      const address = entry === undefined ? sequencer.address : await entry(sequencer)
      this.#honest = await RunningClient.connected(this.cleanup, net, address, 'honest client')
      await this.serve(20)
      this.#atRest = await this.#memory('VmRSS')
    })
    beforeEach(async () => {
      this.#slowest = 0
      // Starts the count of the highest use of memory anew.
      if (HAS_PROC) await writeFile(`/proc/${this.sequencer.program.pid}/clear_refs`, '5')
    })
    const noteOf = (attack: string): Promise<void> => this.#note(attack)
    afterEach(async function () {
      if (this.currentTest?.isPassed()) await noteOf(this.currentTest.title)
    })
    after(() => this.#report())
  }

  get net(): TestNetwork {
    return this.#all.net
  }

  get sequencer(): SequencerProcess {
    return this.#all.sequencer
  }

  /** How many honest messages have their receipts. */
  get served(): number {
    return this.#sent
  }

  /** The honest client sends so many messages, one after the other, and each gets its receipt. */
  async serve(count = 3, text = 'honest'): Promise<void> {
    const honest = this.#honest
    assert.ok(honest)
    for (let index = 0; index < count; index += 1) {
      const before = performance.now()
      this.#sent += 1
      await honest.send(1, text)
      await honest.events.until(
        `the receipt of honest message ${this.#sent}`,
        () => honest.receipts.length >= this.#sent,
        RECEIPT_MS
      )
      this.#slowest = Math.max(this.#slowest, performance.now() - before)
    }
  }

  /**
   * Repeats a step of an attack, `rounds` times as fast as it goes, and then at a walk until the honest client
   * has been served: whoever floods here takes time from the honest client, which lives in this process too.
   */
  async flood(rounds: number, step: (round: number) => Promise<void>): Promise<void> {
    let isServed = false
    const served = this.serve().finally(() => {
      isServed = true
    })
    // Awaited below; a failure before that must not go unhandled.
    served.catch(() => undefined)
    for (let round = 0; round < rounds || !isServed; round += 1) {
      await step(round)
      if (round < rounds) await setImmediate()
      else await setTimeout(WALK_MS)
    }
    await served
  }

  /** The sequencer stops as told, and has on disk each honest message once and nothing else but `others`. */
  async outcome(others: readonly { readonly leaf: Uint8Array }[] = []): Promise<CheckedPeer> {
    const honest = this.#honest
    assert.ok(honest)
    await this.serve(1)
    assert.deepEqual(await this.sequencer.program.kill('SIGTERM'), { code: 0, signal: null })
    // It made its own encryption key: what is sealed to it is not opened here.
    const checked = await checkPeer(this.sequencer.data, this.net, { openingKeys: 'sealed' })
    expectReceiptsHold(checked, honest.receipts)
    const author = toHex(honest.peerId)
    const sequences = checked.messages.filter(message => message.author === author)
    assert.deepEqual(
      sequences.map(({ sequence }) => Number(sequence)).sort((a, b) => a - b),
      Array.from({ length: this.#sent }, (_, index) => index + 1),
      'no honest message is lost, none is there twice'
    )
    const rest = checked.messages.filter(message => message.author !== author)
    assert.equal(rest.length, others.length, 'nothing else was stored')
    for (const { leaf } of others) assert.ok(rest.some(message => equal(message.leaf, leaf)))
    assert.deepEqual(honest.events.of('refused'), [])
    return checked
  }

  async #note(attack: string): Promise<void> {
    const { program } = this.sequencer
    if (!program.isRunning) return
    const growth = (await this.#memory('VmHWM')) - this.#atRest
    assert.ok(growth < GROWTH, `the sequencer has grown by ${Math.round(growth / 1e6)} MB`)
    this.#suffered.push({ attack, slowestMs: this.#slowest, growth })
  }

  #report(): void {
    for (const { attack, slowestMs, growth } of this.#suffered)
      console.log(
        `      ${slowestMs.toFixed(0).padStart(6)} ms, ${(growth / 1e6).toFixed(0).padStart(4)} MB: ${attack}`
      )
  }

  /** Of the sequencer, in bytes; 0 where the system does not say. */
  async #memory(field: 'VmRSS' | 'VmHWM'): Promise<number> {
    if (!HAS_PROC) return 0
    const status = await readFile(`/proc/${this.sequencer.program.pid}/status`, 'utf8')
    return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024
  }

  get #all(): { readonly net: TestNetwork; readonly sequencer: SequencerProcess } {
    if (this.#parts === undefined) throw new Error('the siege has not begun')
    return this.#parts
  }
}
