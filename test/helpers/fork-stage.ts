import assert from 'node:assert/strict'
import type { ImportResult } from '#src/chain/chain.js'
import { cursorAfter } from '#src/chain/cursor.js'
import type { Database } from '#src/chain/store.js'
import { type Block, signHeader } from '#src/core/block.js'
import { toHex } from '#src/core/bytes.js'
import type { ValidationPool } from '#src/validation/validation-pool.js'
import { type Made, OpenAuthor } from './authors.js'
import { present } from './changes.js'
import { EqualLog } from './equals.js'
import { FAULTS } from './false-blocks.js'
import { type BlockWishes, ForkMaker } from './fork-maker.js'
import type { RuledNetwork } from './networks.js'
import type { ReadMessage } from './raw-tables.js'
import { mined } from './work.js'

const PACES: Readonly<Record<string, number>> = { fast: 1, slow: 3_000 }

/** What became of a block, in words. */
export function outcomeOf(imported: ImportResult): string {
  switch (imported.kind) {
    case 'reorganized':
      return `replaces ${imported.depth}`
    case 'invalid':
      return `invalid: ${imported.fault.kind}`
    default:
      return imported.kind
  }
}

/**
 * Runs the commands of transcripts against the chain and the pool of one peer, and checks all that is on disk after
 * each. Blocks and messages have names: `alice/2` is what Alice says as her second message, `alice/2*` is something
 * else that she says as that, `alice/2-4` are three messages.
 *
 *     make NAME [on PARENT] [fast|slow] [below BLOCK] [above BLOCK] [with MESSAGE…] [false FAULT]
 *     import NAME…      as gossip brings them
 *     submit MESSAGE…   into the pool
 *     mine NAME         a block over what waits, found on the head and imported
 *     show              the main chain, what is beside it, what waits, and the lowest block a branch may fork off
 *     reopen            as a peer that was stopped and has come back
 */
export class ForkStage {
  readonly #messages = new Map<string, Made>()
  /** Names of messages by their leaves. */
  readonly #names = new Map<string, string>()

  private constructor(
    private readonly net: RuledNetwork,
    private readonly database: Database,
    private readonly validation: ValidationPool,
    private readonly maker: ForkMaker,
    private readonly authors: ReadonlyMap<string, OpenAuthor>,
    private log: EqualLog
  ) {}

  static async create(net: RuledNetwork, database: Database, validation: ValidationPool): Promise<ForkStage> {
    const names = ['alice', 'bob', 'carol']
    const authors = new Map<string, OpenAuthor>()
    for (const name of names) authors.set(name, await OpenAuthor.create(net, name))
    const log = await EqualLog.open(net, database, validation)
    return new ForkStage(net, database, validation, await ForkMaker.create(net), authors, log)
  }

  /** What a command prints. Throws where all is not in order afterwards. */
  async run(line: string): Promise<string> {
    const [command = '', ...words] = line.split(' ')
    switch (command) {
      case 'make':
        return this.#make(words)
      case 'import':
        return this.#after(await this.#import(words))
      case 'submit':
        return this.#after(await this.#submit(words))
      case 'mine':
        return this.#after(await this.#mine(words))
      case 'show':
        return this.#show()
      case 'reopen':
        this.log = await EqualLog.open(this.net, this.database, this.validation)
        return this.#show()
      default:
        throw new Error(`no command: ${line}`)
    }
  }

  #make([name = '', ...words]: readonly string[]): string {
    const wishes = this.#wishes(words)
    const { header } = this.maker.make(name, wishes).signed
    const own = this.maker.weightOf(name) - this.maker.weightOf(wishes.on ?? 'genesis')
    return `block ${header.height}, weight ${own}, ${this.maker.weightOf(name)} in all`
  }

  #wishes(words: readonly string[]): BlockWishes {
    let wishes: BlockWishes = {}
    const left = [...words]
    for (let word = left.shift(); word !== undefined; word = left.shift())
      if (word === 'on' || word === 'below' || word === 'above') wishes = { ...wishes, [word]: left.shift() }
      else if (word in PACES) wishes = { ...wishes, after: PACES[word] }
      else if (word === 'with') {
        const end = left.indexOf('false')
        const named = left.splice(0, end === -1 ? left.length : end)
        wishes = { ...wishes, messages: named.flatMap(each => this.#said(each)) }
      } else if (word === 'false') {
        const fault = left.shift() ?? ''
        wishes = { ...wishes, ...present(new Map(Object.entries(FAULTS)).get(fault), `the fault ${fault}`) }
      } else throw new Error(`no wish for a block: ${word}`)
    return wishes
  }

  async #import(names: readonly string[]): Promise<string[]> {
    const lines: string[] = []
    for (const name of names) {
      const { log } = this
      const before = log.moves.length
      const imported = await log.hear(this.maker.block(name))
      const own = log.moves[before]?.signed.id
      lines.push(`${name}: ${outcomeOf(imported)}`)
      const isOwn = own !== undefined && Buffer.compare(own, this.maker.idOf(name)) === 0
      for (const moved of log.moves.slice(isOwn ? before + 1 : before))
        lines.push(`then ${this.maker.nameOf(moved.signed.id)}: ${outcomeOf(moved)}`)
    }
    return lines
  }

  async #submit(words: readonly string[]): Promise<string[]> {
    const lines: string[] = []
    for (const word of words)
      for (const message of this.#said(word))
        lines.push(`${this.#nameOf(message)}: ${(await this.log.submit(message)).kind}`)
    return lines
  }

  async #mine([name = '']: readonly string[]): Promise<string[]> {
    const { chain } = this.log
    const { maker, net } = this
    const parent = chain.head()
    const proposed = chain.propose(maker.miner.peerId, parent.header.time + maker.interval)
    if (proposed === undefined) return [`${name}: none is due`]
    const signed = signHeader(mined(proposed.header), maker.miner, net.rules.ordering)
    const block: Block = { signed, envelopes: proposed.envelopes }
    maker.name(name, block, cursorAfter(maker.cursorOf(maker.nameOf(parent.id)), proposed, signed, net.rules))
    return [`${name}: ${outcomeOf(await this.log.hear(block))}`]
  }

  async #after(lines: readonly string[]): Promise<string> {
    const { head } = await this.log.check()
    return [...lines, `head ${this.maker.nameOf(head.id)}; ${this.#waiting()}`].join('\n')
  }

  async #show(): Promise<string> {
    const { chain } = this.log
    const checked = await this.log.check()
    const { headers, messages, sides } = checked
    const main = headers.map(({ header: { size, count }, id }) => {
      const inside = this.#listed(messages.slice(size - count, size))
      return inside === '' ? this.maker.nameOf(id) : `${this.maker.nameOf(id)} [${inside}]`
    })
    const beside = sides.map(({ id }) => this.maker.nameOf(id)).sort()
    assert.equal(checked.weight, this.maker.weightOf(this.maker.nameOf(checked.head.id)))
    return [
      `chain: ${main.join(', ') || 'nothing'}`,
      `side: ${beside.join(' ') || 'nothing'}`,
      this.#waiting(),
      `root: ${this.maker.nameOf(chain.root.id)}`
    ].join('\n')
  }

  /** In the order in which they are mined. */
  #waiting(): string {
    return `waiting: ${this.#listed([...this.log.pool.waiting()]) || 'nothing'}`
  }

  /** `alice/2-4` are three messages. */
  #said(word: string): Made[] {
    const [, name = '', first = '', last = first, other = ''] =
      /^(\w+)\/(\d+)(?:-(\d+))?(\*?)$/.exec(word) ?? []
    const author = present(this.authors.get(name), `the author in ${word}`)
    const said: Made[] = []
    for (let sequence = Number(first); sequence <= Number(last); sequence += 1) {
      const key = `${name}/${sequence}${other}`
      const made = this.#messages.get(key) ?? author.say({ text: key }, { sequence: BigInt(sequence) })
      this.#messages.set(key, made)
      this.#names.set(toHex(made.leaf), key)
      said.push(made)
    }
    return said
  }

  #nameOf({ leaf }: Pick<ReadMessage, 'leaf'>): string {
    return present(this.#names.get(toHex(leaf)), 'the name of a message')
  }

  /** With those of one author that follow one another in one. */
  #listed(messages: readonly Pick<ReadMessage, 'leaf'>[]): string {
    const spans: { author: string; first: number; last: number; other: string }[] = []
    for (const message of messages) {
      const [, author = '', number = '', other = ''] = /^(\w+)\/(\d+)(\*?)$/.exec(this.#nameOf(message)) ?? []
      const sequence = Number(number)
      const span = spans.at(-1)
      if (span?.author === author && span.other === other && sequence === span.last + 1) span.last = sequence
      else spans.push({ author, first: sequence, last: sequence, other })
    }
    return spans
      .map(
        ({ author, first, last, other }) => `${author}/${first === last ? first : `${first}-${last}`}${other}`
      )
      .join(' ')
  }
}
