import assert from 'node:assert/strict'
import fc from 'fast-check'
import { concat, type Hash, toHex } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { EMPTY_ROOT } from '#src/core/merkle.js'
import {
  byteString,
  bytesOf,
  hashString,
  type LeafKind,
  MerkleTrie,
  NotShown,
  verifyTriePath
} from '#src/core/merkle-trie.js'
import { arbitrary, assertSame, flipped, runs, seedOf } from '../helpers/core.js'
import { agree, type TrieEntry, trieRoot } from '../helpers/tries.js'

const KIND: LeafKind<TrieEntry> = { place: ({ place }) => byteString(place), data: ({ data }) => data }

function trieOf(entries: readonly TrieEntry[]): MerkleTrie<TrieEntry> {
  return entries.reduce<MerkleTrie<TrieEntry>>(
    (trie, entry) => trie.change(KIND.place(entry), () => entry),
    MerkleTrie.empty(KIND)
  )
}

/** Random places, and others that agree with them in many bits: up to the last one. */
const places = fc.oneof(
  arbitrary.hash(),
  fc.tuple(fc.integer({ min: 0, max: 3 }), fc.nat(255)).map(([name, index]) => {
    const place = seedOf(`place ${name}`)
    return flipped(place, index >> 3, 1 << (index & 7)) as Hash
  })
)
const entries = fc.uniqueArray(fc.record({ place: places, data: arbitrary.bytes(0, 20) }), {
  selector: ({ place }) => toHex(place),
  maxLength: 30
})

describe('a Merkle trie', () => {
  it('has the root that its leaves have by definition, in whatever order they came', () => {
    fc.assert(
      fc.property(
        entries.chain(list =>
          fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))
        ),
        ([list, shuffled]) => {
          assertSame(trieOf(list).root(), trieRoot(list))
          assertSame(trieOf(shuffled).root(), trieRoot(list))
        }
      ),
      runs(200)
    )
  })

  it('is a value: what is changed is another trie, and the hashes that it knows already stay true', () => {
    fc.assert(
      fc.property(entries, entries, (before, changes) => {
        const trie = trieOf(before)
        const root = trie.root()
        const byPlace = new Map([...before, ...changes].map(entry => [toHex(entry.place), entry]))
        const changed = changes.reduce((next, entry) => next.change(KIND.place(entry), () => entry), trie)
        assertSame(changed.root(), trieRoot([...byPlace.values()]))
        assertSame(trie.root(), root)
        assertSame([...trie.values()].length, before.length)
      }),
      runs(200)
    )
  })

  it('hands over what stands at a place, and gives back what is there', () => {
    fc.assert(
      fc.property(entries, places, (list, other) => {
        const trie = trieOf(list)
        for (const entry of list) {
          assertSame(trie.get(KIND.place(entry)), entry)
          trie.change(KIND.place(entry), before => {
            assertSame(before, entry)
            return entry
          })
        }
        const expected = list.find(({ place }) => toHex(place) === toHex(other))
        assertSame(trie.get(byteString(other)), expected)
      }),
      runs(200)
    )
  })

  it('asks whoever knows a quicker way whether a value is there, and finds the same', () => {
    fc.assert(
      fc.property(entries, entries, (list, changes) => {
        const trie = trieOf(list)
        for (const entry of changes) {
          const place = KIND.place(entry)
          const isThere = (other: TrieEntry): boolean => toHex(other.place) === toHex(entry.place)
          assertSame(trie.get(place, isThere), trie.get(place))
          const next = (): TrieEntry => entry
          assertSame(trie.change(place, next, isThere).root(), trie.change(place, next).root())
        }
      }),
      runs(200)
    )
  })

  it('gives its values in the order of their places', () => {
    fc.assert(
      fc.property(entries, list => {
        const sorted = list.toSorted((a, b) => Buffer.compare(a.place, b.place))
        assertSame([...trieOf(list).values()], sorted)
      }),
      runs(100)
    )
  })

  it('gives the values behind any place, be there one or not', () => {
    fc.assert(
      fc.property(entries, places, (list, place) => {
        const trie = trieOf(list)
        for (const at of [place, ...list.map(entry => entry.place)])
          assertSame(
            [...trie.valuesAfter(byteString(at))],
            [...trie.values()].filter(entry => Buffer.compare(entry.place, at) > 0)
          )
      }),
      runs(100)
    )
  })

  it('has under any prefix the leaves that begin with it, and their root from there on', () => {
    fc.assert(
      fc.property(entries, places, fc.nat(256), (list, place, depth) => {
        const branch = trieOf(list).branch(byteString(place), depth)
        const inside = list.filter(entry => agree(entry.place, place, depth))
        assert.deepEqual(
          [...branch.values()].map(entry => toHex(entry.place)),
          inside.map(entry => toHex(entry.place)).sort()
        )
        assertSame(branch.root(), trieRoot(inside, depth))
      }),
      runs(500)
    )
  })

  it('agrees with a tree of SHA-256 that was written down by hand', () => {
    const [zero, one] = [0x00, 0x80].map(first => concat(Uint8Array.of(first), new Uint8Array(31)) as Hash)
    assert.ok(zero && one)
    const data = Uint8Array.of(7)
    assertSame(trieOf([]).root(), sha256(new Uint8Array(0)))
    assertSame(trieOf([{ place: zero, data }]).root(), sha256(Uint8Array.of(0, 7)))
    const leaf = sha256(Uint8Array.of(0, 7))
    const both = trieOf([
      { place: zero, data },
      { place: one, data }
    ])
    assertSame(both.root(), sha256(concat(Uint8Array.of(1), leaf, leaf)))
    const near = concat(Uint8Array.of(0x40), new Uint8Array(31)) as Hash
    const deep = trieOf([
      { place: zero, data },
      { place: near, data }
    ])
    const under = sha256(concat(Uint8Array.of(1), leaf, leaf))
    assertSame(deep.root(), sha256(concat(Uint8Array.of(1), under, sha256(new Uint8Array(0)))))
  })
})

describe('a path in a Merkle trie', () => {
  it('proves what stands at a place, and that nothing does', () => {
    fc.assert(
      fc.property(entries, places, (list, other) => {
        const trie = trieOf(list)
        for (const place of [...list.map(entry => entry.place), other]) {
          const { leaf, siblings } = trie.path(byteString(place))
          assert.ok(verifyTriePath(place, leaf, siblings, trie.root()))
          const isThere = list.some(entry => toHex(entry.place) === toHex(place))
          assert.equal(leaf !== undefined && toHex(leaf.place) === toHex(place), isThere)
        }
      }),
      runs(200)
    )
  })

  it('proves nothing else: no other leaf, none where there is one, no other path, no other root', () => {
    fc.assert(
      fc.property(entries, arbitrary.bytes(0, 20), fc.nat(), (list, data, at) => {
        const trie = trieOf(list)
        const root = trie.root()
        for (const entry of list) {
          const { leaf, siblings } = trie.path(KIND.place(entry))
          assert.ok(leaf)
          const refused = (other: Parameters<typeof verifyTriePath>, what: string): void =>
            assert.equal(verifyTriePath(...other), false, what)
          refused([entry.place, undefined, siblings, root], 'no leaf')
          if (toHex(data) !== toHex(entry.data))
            refused([entry.place, { place: entry.place, data }, siblings, root], 'other data')
          refused([entry.place, leaf, [...siblings, EMPTY_ROOT], root], 'a sibling too many')
          refused([entry.place, leaf, siblings.map(hash => hash.subarray(1)), EMPTY_ROOT], 'short hashes')
          refused([entry.place, leaf, siblings, seedOf('another root')], 'another root')
          if (siblings.length === 0) continue
          refused([entry.place, leaf, siblings.slice(1), root], 'a sibling too few')
          const index = at % siblings.length
          const wrong = siblings.map((hash, place) => (place === index ? flipped(hash, at % 32) : hash))
          refused([entry.place, leaf, wrong, root], 'a wrong sibling')
          const elsewhere = flipped(entry.place, 0, 0x80)
          refused([elsewhere, leaf, siblings, root], 'another place')
          refused([elsewhere, { ...leaf, place: elsewhere }, siblings, root], 'a leaf moved')
        }
      }),
      runs(200)
    )
  })

  it('shows enough, with others, to change what stands at its place, and nothing of what they do not show', () => {
    fc.assert(
      fc.property(entries, fc.array(places, { maxLength: 5 }), places, (list, some, hidden) => {
        const whole = trieOf(list)
        const asked = [...some, ...list.slice(0, 5).map(({ place }) => place)].map(byteString)
        const paths = asked.map(place => ({ place, ...whole.path(place) }))
        const shown = MerkleTrie.shown(KIND, whole.root(), paths)
        assertSame(shown.root(), whole.root())
        const data = Uint8Array.of(7)
        let [one, other] = [shown, whole]
        for (const place of asked) {
          assertSame(shown.get(place), whole.get(place))
          const next = () => ({ place: bytesOf(place) as Hash, data })
          one = one.change(place, next)
          other = other.change(place, next)
          assertSame(one.root(), other.root())
        }
        // Either the paths show it after all, or nothing is said of it.
        try {
          assertSame(shown.get(byteString(hidden)), whole.get(byteString(hidden)))
        } catch (error) {
          assert.ok(error instanceof NotShown)
        }
      }),
      runs(200)
    )
  })

  it('shows nothing, with others, where one hash of it is wrong, whatever the others have shown of that', () => {
    fc.assert(
      fc.property(entries, fc.nat(), fc.nat(), (list, which, at) => {
        const trie = trieOf(list)
        const paths = list.map(({ place }) => ({ place: byteString(place), ...trie.path(byteString(place)) }))
        const altered = which % Math.max(paths.length, 1)
        const { siblings = [] } = paths[altered] ?? {}
        fc.pre(siblings.length > 0)
        const wrong = siblings.map((hash, index) =>
          index === at % siblings.length ? (flipped(hash, at % 32) as Hash) : hash
        )
        const shown = paths.map((path, index) => (index === altered ? { ...path, siblings: wrong } : path))
        MerkleTrie.shown(KIND, trie.root(), paths)
        assert.throws(() => MerkleTrie.shown(KIND, trie.root(), shown), NotShown)
      }),
      runs(200)
    )
  })

  it('shows nothing where it leads to another root', () => {
    fc.assert(
      fc.property(entries, places, arbitrary.hash(), (list, place, root) => {
        const path = { place: byteString(place), ...trieOf(list).path(byteString(place)) }
        assert.throws(() => MerkleTrie.shown(KIND, root, [path]), NotShown)
      }),
      runs(50)
    )
  })

  it('has no more than 256 siblings', () => {
    const [one, other] = [seedOf('place'), flipped(seedOf('place'), 31) as Hash]
    const trie = trieOf([one, other].map(place => ({ place, data: place })))
    const { leaf, siblings } = trie.path(byteString(one))
    assert.equal(siblings.length, 256)
    assert.ok(verifyTriePath(one, leaf, siblings, trie.root()))
    assert.equal(verifyTriePath(one, leaf, [EMPTY_ROOT, ...siblings], trie.root()), false)
  })
})

describe('strings of bytes', () => {
  it('hold any bytes, and hash to what the bytes hash to', () => {
    fc.assert(
      fc.property(arbitrary.bytes(), bytes => {
        assertSame(bytesOf(byteString(bytes)), bytes)
        assertSame(bytesOf(hashString(bytes)), sha256(bytes))
      }),
      runs(200)
    )
  })

  it('hold the part that a view shows, not the buffer behind it', () => {
    const whole = Uint8Array.of(1, 2, 3, 4)
    assertSame(bytesOf(byteString(whole.subarray(1, 3))), Uint8Array.of(2, 3))
  })
})
