import assert from 'node:assert/strict'
import { quiet } from '#src/cli/terminal/progress.js'
import type { OrderingName } from '#src/rules/network-document.js'
import { contestChecks } from '#tools/demo/ledger/contest-checks.js'
import { GRANT, LEAST_FEE, REWARD } from '#tools/demo/ledger/grants.js'
import type { Outcome } from '#tools/demo/ledger/outcome.js'
import { senderChecks } from '#tools/demo/ledger/sender-checks.js'
import type { SignedTransfer } from '#tools/demo/ledger/signed-transfer.js'
import { stateChecks } from '#tools/demo/ledger/state-checks.js'
import type { Told } from '#tools/demo/ledger/stranger.js'
import type { View } from '#tools/demo/ledger/view.js'
import { rightIn, wrongIn } from '#tools/demo/ledger/wrong-transfers.js'
import { runChecks } from '#tools/scenario/checks.js'
import { present } from '../../helpers/changes.js'

const ACCEPTED: Told = { kind: 'accepted' }

function pays(author: string, to: string, amount: bigint, sequence = 1n): SignedTransfer {
  return { author, sequence, to, amount, fee: LEAST_FEE }
}

function toldOf(told: string): Told {
  return told === 'known' ? { kind: told } : { kind: 'refused', reason: told, detail: 'no' }
}

/** All of a spender's balance, to two others. */
function pairOf(spender: string): readonly [SignedTransfer, SignedTransfer] {
  const all = GRANT - LEAST_FEE
  return [pays(spender, 'alice', all), pays(spender, 'bob', all)]
}

interface Scene {
  readonly outcome: Outcome
  readonly views: readonly View[]
}

/** A run in which all went as it should: alice paid bob, a forger paid alice, and two balances were spent twice. */
function sceneOf(ordering: OrderingName): Scene {
  const [paid, forged] = [pays('alice', 'bob', 100n), pays('forger', 'alice', 7n)]
  const counted = rightIn(ordering).map((wrong, index) => ({
    wrong,
    told: ACCEPTED,
    transfer: pays('forger', 'bob', BigInt(index + 1), BigInt(index + 2))
  }))
  const doubleSpend = { pair: pairOf('spender'), told: [ACCEPTED, ACCEPTED] as const }
  const divided = {
    pair: pairOf('divided'),
    told: [ACCEPTED, ACCEPTED] as const,
    digests: ['11', '22'] as const
  }
  const contests = ordering === 'sequencer' ? [doubleSpend] : [doubleSpend, divided]
  const winners = contests.flatMap(({ pair: [one, other] }) => (ordering === 'none' ? [one, other] : [one]))
  const outcome: Outcome = {
    ordering,
    grants: new Map(['alice', 'forger', 'spender', 'divided'].map(name => [name, GRANT])),
    clients: [
      {
        name: 'client-1',
        account: 'alice',
        payments: 1,
        taken: [paid],
        reasons: ['bad amount'],
        refused: [{ event: 'refused', sequence: null, reason: 'bad amount', detail: 'no' }]
      }
    ],
    exits: [{ code: 0, signal: null }],
    forgers: [
      {
        paid: forged,
        attempts: wrongIn(ordering).map(wrong => ({ wrong, told: toldOf(wrong.told) })),
        counted
      }
    ],
    doubleSpend,
    divided: ordering === 'sequencer' ? undefined : divided,
    late: 'late'
  }
  const transfers = [paid, forged, ...counted.map(({ transfer }) => transfer), ...winners]
  const view: View = {
    peer: 'first',
    digest: 'aa',
    head: ordering === 'none' ? undefined : 'bb',
    balances: balancesAfter(outcome.grants, transfers, ordering),
    transfers,
    blocks: ordering === 'none' ? [] : [{ producer: 'producer', count: transfers.length }]
  }
  return { outcome, views: [view, { ...view, peer: 'late' }] }
}

function balancesAfter(
  grants: ReadonlyMap<string, bigint>,
  transfers: readonly SignedTransfer[],
  ordering: OrderingName
): Map<string, bigint> {
  const balances = new Map(grants)
  const add = (name: string, units: bigint): unknown => balances.set(name, (balances.get(name) ?? 0n) + units)
  for (const { author, to, amount, fee } of transfers) {
    add(author, -amount - fee)
    add(to, amount)
    if (ordering !== 'none') add('producer', fee)
  }
  if (ordering === 'work') add('producer', REWARD)
  return balances
}

async function failuresIn({ outcome, views }: Scene): Promise<string[]> {
  const shown = async (): Promise<readonly View[]> => views
  const checks = [...senderChecks(outcome), ...stateChecks(outcome, shown), ...contestChecks(outcome, shown)]
  const results = await runChecks([{ checks }], quiet, new AbortController().signal)
  return results.filter(({ ok }) => !ok).map(({ name }) => name)
}

/** The scene in which one of the peers shows something else. */
function shownOtherwise(scene: Scene, change: (view: View) => Partial<View>): Scene {
  const views = scene.views.map((view, index) => (index === 0 ? view : { ...view, ...change(view) }))
  return { ...scene, views }
}

function told(scene: Scene, name: string, said: Told): Scene {
  const forgers = scene.outcome.forgers.map(forger => ({
    ...forger,
    attempts: forger.attempts.map(each => (each.wrong.name === name ? { ...each, told: said } : each))
  }))
  return { ...scene, outcome: { ...scene.outcome, forgers } }
}

function clientOtherwise(scene: Scene, change: Partial<Outcome['clients'][number]>): Scene {
  const clients = scene.outcome.clients.map(client => ({ ...client, ...change }))
  return { ...scene, outcome: { ...scene.outcome, clients } }
}

function moved(
  balances: ReadonlyMap<string, bigint>,
  ...changes: readonly [string, bigint][]
): Map<string, bigint> {
  const copy = new Map(balances)
  for (const [name, units] of changes) copy.set(name, (copy.get(name) ?? 0n) + units)
  return copy
}

interface Alteration {
  readonly what: string
  readonly orderings: readonly OrderingName[]
  readonly alter: (scene: Scene) => Scene
  readonly fails: readonly string[]
}

const ALL: readonly OrderingName[] = ['sequencer', 'work', 'none']
const ORDERED: readonly OrderingName[] = ['sequencer', 'work']

const ALTERATIONS: readonly Alteration[] = [
  {
    what: 'a peer has another digest',
    orderings: ALL,
    alter: scene => shownOtherwise(scene, () => ({ digest: 'cc' })),
    fails: ['one digest']
  },
  {
    what: 'a peer has another head',
    orderings: ORDERED,
    alter: scene => shownOtherwise(scene, () => ({ head: 'cc' })),
    fails: ['one digest']
  },
  {
    what: 'a peer has moved one unit from one account to another',
    orderings: ALL,
    alter: scene =>
      shownOtherwise(scene, ({ balances }) => ({ balances: moved(balances, ['alice', 1n], ['bob', -1n]) })),
    fails: ['balances']
  },
  {
    what: 'a peer has made one unit',
    orderings: ALL,
    alter: scene => shownOtherwise(scene, ({ balances }) => ({ balances: moved(balances, ['alice', 1n]) })),
    fails: ['supply', 'balances']
  },
  {
    what: 'a peer has a transfer twice',
    orderings: ['sequencer', 'work'],
    alter: scene =>
      shownOtherwise(scene, ({ transfers }) => ({ transfers: [...transfers, present(transfers[0])] })),
    fails: ['exactly once', 'late peer']
  },
  {
    what: 'a peer has lost a transfer, and shows its sums all the same',
    orderings: ORDERED,
    alter: scene =>
      shownOtherwise(scene, ({ transfers, blocks: [block] }) => ({
        transfers: transfers.slice(1),
        blocks: [{ ...present(block), count: transfers.length - 1 }]
      })),
    fails: ['exactly once', 'balances', 'late peer']
  },
  {
    what: 'a peer has what nobody accepted in place of something',
    orderings: ['none'],
    alter: scene =>
      shownOtherwise(scene, ({ transfers }) => ({
        transfers: [pays('forger', 'bob', 9n, 9n), ...transfers.slice(1)]
      })),
    fails: ['exactly once']
  },
  {
    what: 'a peer has the other one of two transfers of one balance',
    orderings: ORDERED,
    alter: scene =>
      shownOtherwise(scene, ({ transfers, balances }) => {
        const [one, other] = scene.outcome.doubleSpend.pair
        return {
          transfers: transfers.map(each => (each === one ? other : each)),
          balances: moved(balances, ['alice', -one.amount], ['bob', one.amount])
        }
      }),
    fails: ['double spend']
  },
  {
    what: 'only one of two transfers of one balance counts where nobody orders',
    orderings: ['none'],
    alter: scene =>
      shownOtherwise(scene, ({ transfers, balances }) => {
        const [one] = scene.outcome.doubleSpend.pair
        return {
          transfers: transfers.filter(each => each !== one),
          balances: moved(balances, ['spender', GRANT], ['alice', -one.amount])
        }
      }),
    fails: ['double spend', 'late peer']
  },
  {
    what: 'nobody accepted either of two transfers of one balance',
    orderings: ALL,
    alter: scene => {
      const silent: Told = { kind: 'silent', why: 'nobody answers' }
      const doubleSpend = { ...scene.outcome.doubleSpend, told: [silent, silent] as const }
      return { ...scene, outcome: { ...scene.outcome, doubleSpend } }
    },
    fails: ['double spend']
  },
  ...[undefined, ['11', '11'] as const].map(
    (digests): Alteration => ({
      what: digests === undefined ? 'a side of the divided network agreed on nothing' : 'both sides were one',
      orderings: ['work', 'none'],
      alter: scene => {
        const divided = { ...present(scene.outcome.divided), digests }
        return { ...scene, outcome: { ...scene.outcome, divided } }
      },
      fails: ['partition']
    })
  ),
  {
    what: 'nobody knows that the network was divided',
    orderings: ['work', 'none'],
    alter: scene => ({ ...scene, outcome: { ...scene.outcome, divided: undefined } }),
    fails: ['exactly once', 'balances', 'partition']
  },
  {
    what: 'the late peer was not asked',
    orderings: ALL,
    alter: scene => ({ ...scene, views: scene.views.slice(0, 1) }),
    fails: ['late peer']
  },
  {
    what: 'a transfer that is not valid was accepted',
    orderings: ALL,
    alter: scene => told(scene, 'bad signature', ACCEPTED),
    fails: ['bad signature']
  },
  {
    what: 'a transfer that is not valid was refused with another reason',
    orderings: ORDERED,
    alter: scene => told(scene, 'overdraft', toldOf('sequence gap')),
    fails: ['overdraft']
  },
  {
    what: 'a replay was accepted once more',
    orderings: ALL,
    alter: scene => told(scene, 'replay', ACCEPTED),
    fails: ['replay']
  },
  {
    what: 'a payment of a client was not taken',
    orderings: ALL,
    alter: scene => clientOtherwise(scene, { payments: 2 }),
    fails: ['clients']
  },
  {
    what: 'a client signed what it should have refused',
    orderings: ALL,
    alter: scene =>
      clientOtherwise(scene, {
        refused: [{ event: 'refused', sequence: 2, reason: 'bad amount', detail: 'no' }]
      }),
    fails: ['client refuses']
  },
  {
    what: 'a client refused nothing',
    orderings: ALL,
    alter: scene => clientOtherwise(scene, { refused: [] }),
    fails: ['client refuses']
  },
  {
    what: 'a client ended with an error',
    orderings: ALL,
    alter: scene => ({ ...scene, outcome: { ...scene.outcome, exits: [{ code: 1, signal: null }] } }),
    fails: ['clients']
  }
]

describe("the checks of a ledger's demo", () => {
  for (const ordering of ALL)
    it(`hold where all went as it should, ordering ${ordering}`, async () => {
      assert.deepEqual(await failuresIn(sceneOf(ordering)), [])
    })

  for (const { what, orderings, alter, fails } of ALTERATIONS)
    for (const ordering of orderings)
      it(`fail where ${what}, ordering ${ordering}`, async () => {
        assert.deepEqual(await failuresIn(alter(sceneOf(ordering))), fails)
      })
})
