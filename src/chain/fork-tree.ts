import { type Hash, toHex } from '../core/bytes.js'
import type { Ordering } from '../orderings/ordering.js'
import type { Cursor } from './cursor.js'

/** A verified block near the head, on the main chain or beside it. */
export interface ForkNode {
  readonly cursor: Cursor
  /** None below the root: what a reorg cannot reach any more is let go. */
  parent: ForkNode | undefined
  readonly children: Set<ForkNode>
  /** Whether the head descends from it, or is it. */
  isMain: boolean
  /** Names of its messages, while it stands beside the main chain: those on it are found on disk. */
  names: ReadonlySet<string>
}

/** From one head to a better one: the blocks that leave the main chain, highest first, and those that join it, lowest first. */
export interface Switch {
  readonly fork: ForkNode
  readonly detached: readonly ForkNode[]
  readonly attached: readonly ForkNode[]
}

const NO_NAMES: ReadonlySet<string> = new Set()

/**
 * The blocks from which the next head may come: the main chain as deep as a reorg may go, and all branches
 * beside it. One fork choice for all orderings: most total weight, ties by the ordering's own total order.
 */
export class ForkTree {
  readonly #nodes = new Map<string, ForkNode>()
  #root: ForkNode
  #head: ForkNode
  #sides = 0

  constructor(
    genesis: Cursor,
    private readonly ordering: Ordering,
    /** How many blocks may stand beside the main chain. */
    private readonly mostSides: number
  ) {
    this.#root = { cursor: genesis, parent: undefined, children: new Set(), isMain: true, names: NO_NAMES }
    this.#head = this.#root
    this.#nodes.set(nameOf(this.#root), this.#root)
  }

  get head(): ForkNode {
    return this.#head
  }

  /** The deepest block that a branch may fork off. */
  get root(): ForkNode {
    return this.#root
  }

  get(id: Hash): ForkNode | undefined {
    return this.#nodes.get(toHex(id))
  }

  /** Adds a verified block beside the main chain. It joins it by `follow`. */
  add(parent: ForkNode, cursor: Cursor, names: ReadonlySet<string>): ForkNode {
    const node: ForkNode = { cursor, parent, children: new Set(), isMain: false, names }
    parent.children.add(node)
    this.#nodes.set(nameOf(node), node)
    this.#sides += 1
    return node
  }

  /** Whether a block would be the head rather than the present one. */
  isPreferred({ weight, signed }: Cursor): boolean {
    const head = this.#head.cursor
    if (weight !== head.weight) return weight > head.weight
    return this.ordering.compare(signed, head.signed) < 0
  }

  /** Moves the head to a child of it, of a chain that has nothing beside it. */
  extend(cursor: Cursor): Switch {
    const plan = this.reorgTo(this.add(this.#head, cursor, NO_NAMES))
    this.follow(plan, new Map())
    return plan
  }

  /** What it takes to make `to` the head. */
  reorgTo(to: ForkNode): Switch {
    const attached: ForkNode[] = []
    let fork: ForkNode = to
    while (!fork.isMain) {
      attached.unshift(fork)
      fork = parentOf(fork)
    }
    const detached: ForkNode[] = []
    for (let node = this.#head; node !== fork; node = parentOf(node)) detached.push(node)
    return { fork, detached, attached }
  }

  /**
   * Moves the head, once the switch is on disk. `names`: of the messages of each detached block. Gives the
   * blocks beside that no head can come from any more.
   */
  follow({ detached, attached }: Switch, names: ReadonlyMap<ForkNode, ReadonlySet<string>>): ForkNode[] {
    for (const node of detached) {
      node.isMain = false
      node.names = names.get(node) ?? NO_NAMES
    }
    for (const node of attached) {
      node.isMain = true
      node.names = NO_NAMES
    }
    this.#sides += detached.length - attached.length
    this.#head = attached.at(-1) ?? this.#head
    return this.#forget()
  }

  /**
   * Makes room for one more block beside, by dropping the lightest tip where it must. Gives what was dropped;
   * undefined where there is no room for a child of `parent` of this weight.
   */
  makeRoom(parent: ForkNode, weight: bigint): readonly ForkNode[] | undefined {
    if (this.#sides < this.mostSides) return []
    const lightest = this.#lightestTip(parent)
    if (lightest === undefined || lightest.cursor.weight > weight) return undefined
    this.#drop(lightest)
    return [lightest]
  }

  /** Of those beside the main chain, `except` left out. */
  #lightestTip(except?: ForkNode): ForkNode | undefined {
    let lightest: ForkNode | undefined
    for (const node of this.#nodes.values()) {
      if (node.isMain || node.children.size > 0 || node === except) continue
      if (lightest === undefined || node.cursor.weight < lightest.cursor.weight) lightest = node
    }
    return lightest
  }

  /** Raises the root to where a reorg may still reach, and drops what forks off below it or has no room beside. */
  #forget(): ForkNode[] {
    const dropped: ForkNode[] = []
    const height = this.#head.cursor.signed.header.height - this.ordering.maxReorg
    while (this.#root.cursor.signed.header.height < height) {
      const old = this.#root
      for (const child of [...old.children])
        if (child.isMain) this.#root = child
        else dropped.push(...this.#dropAll(child))
      this.#root.parent = undefined
      this.#nodes.delete(nameOf(old))
    }
    while (this.#sides > this.mostSides) {
      const lightest = this.#lightestTip()
      if (lightest === undefined) break
      this.#drop(lightest)
      dropped.push(lightest)
    }
    return dropped
  }

  #dropAll(node: ForkNode): ForkNode[] {
    const below = [...node.children].flatMap(child => this.#dropAll(child))
    this.#drop(node)
    return [...below, node]
  }

  #drop(node: ForkNode): void {
    node.parent?.children.delete(node)
    this.#nodes.delete(nameOf(node))
    this.#sides -= 1
  }
}

function parentOf({ parent }: ForkNode): ForkNode {
  if (parent === undefined) throw new Error('the root is on the main chain')
  return parent
}

function nameOf({ cursor }: ForkNode): string {
  return toHex(cursor.signed.id)
}
