import type { Random } from './random.js'

/** Who keeps connected to whom. `random`: everybody to so many others at least. */
export type Topology =
  | { readonly kind: 'full' | 'ring' | 'line' | 'star' }
  | { readonly kind: 'random'; readonly degree: number }

/** As people write it: full, ring, line, star or random:D. Undefined for anything else. */
export function parseTopology(text: string): Topology | undefined {
  const [, degree] = /^random:([1-9]\d{0,3})$/.exec(text) ?? []
  if (degree !== undefined) return { kind: 'random', degree: Number(degree) }
  return text === 'full' || text === 'ring' || text === 'line' || text === 'star' ? { kind: text } : undefined
}

export function describeTopology(topology: Topology): string {
  return topology.kind === 'random' ? `random:${topology.degree}` : topology.kind
}

/**
 * Of each of `count` peers, counted from 0, those it is connected to, in ascending order. Whoever is a neighbour
 * has this one for a neighbour, too, and there is a way from each to every other. The first one is the hub of a
 * star.
 */
export function neighboursIn(
  topology: Topology,
  count: number,
  random: Random
): readonly (readonly number[])[] {
  const graph = new Graph(count)
  switch (topology.kind) {
    case 'full':
      for (let peer = 0; peer < count; peer += 1)
        for (let other = 0; other < peer; other += 1) graph.connect(peer, other)
      break
    case 'star':
      for (let peer = 1; peer < count; peer += 1) graph.connect(peer, 0)
      break
    case 'ring':
      if (count > 2) graph.connect(count - 1, 0)
      graph.line()
      break
    case 'line':
      graph.line()
      break
    case 'random':
      graph.fill(topology.degree, random)
  }
  return graph.neighbours()
}

class Graph {
  readonly #neighbours: readonly Set<number>[]

  constructor(count: number) {
    this.#neighbours = Array.from({ length: count }, () => new Set())
  }

  neighbours(): readonly (readonly number[])[] {
    return this.#neighbours.map(of => [...of].sort((a, b) => a - b))
  }

  connect(peer: number, other: number): void {
    this.#neighbours[peer]?.add(other)
    this.#neighbours[other]?.add(peer)
  }

  line(): void {
    for (let peer = 1; peer < this.#neighbours.length; peer += 1) this.connect(peer, peer - 1)
  }

  /** A random tree, which connects all, and then edges until everybody has `degree` neighbours, or all others. */
  fill(degree: number, random: Random): void {
    const all = this.#neighbours.map((_, peer) => peer)
    const shuffled = random.some(all, all.length)
    for (const [index, peer] of shuffled.entries()) {
      const earlier = random.pick(shuffled.slice(0, index))
      if (earlier !== undefined) this.connect(peer, earlier)
    }
    const wanting = (peer: number): number => degree - (this.#neighbours[peer]?.size ?? 0)
    for (const peer of shuffled)
      while (wanting(peer) > 0) {
        const others = all.filter(other => other !== peer && !this.#neighbours[peer]?.has(other))
        // Those who want some themselves first, so that nobody gets many more than he must.
        const most = Math.max(...others.map(wanting))
        const other = random.pick(others.filter(candidate => wanting(candidate) === most))
        if (other === undefined) break
        this.connect(peer, other)
      }
  }
}
