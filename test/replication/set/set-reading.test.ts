import assert from 'node:assert/strict'
import { TransferSet, transferId } from '#src/applications/ledger/transfer-set.js'
import { type EnvelopeBytes, type Hash, toHex } from '#src/core/bytes.js'
import { decodeEnvelope } from '#src/core/envelope.js'
import type { Fault } from '#src/core/fault.js'
import { LIMITS } from '#src/core/limits.js'
import { EMPTY_ROOT } from '#src/core/merkle.js'
import { encodeMessage } from '#src/core/message.js'
import type { Summary } from '#src/core/set-summary.js'
import { QueryFailed } from '#src/query/query-errors.js'
import type { SetQueries } from '#src/replication/set/set-queries.js'
import { transfersOf } from '#src/replication/set/set-reading.js'
import type { Made } from '../../helpers/authors.js'
import { present } from '../../helpers/changes.js'
import { Payer } from '../../helpers/payers.js'
import { makeUnorderedNetwork } from '../../helpers/unordered.js'

type Source = Pick<SetQueries, 'status' | 'summary' | 'transfers'>

/** More than one summary tells, and more than one query asks for. */
const MANY = 300

describe('the whole set of one peer', () => {
  let made: readonly Made[]

  before(async () => {
    const alice = await Payer.create(await makeUnorderedNetwork({}), 'alice')
    made = Array.from({ length: MANY }, () => alice.pay(alice, 1n))
  })

  const idOf = ({ message }: Made): Hash => transferId(encodeMessage(message))

  /** A peer that has these, and gets others by `add`. */
  class Held implements Source {
    readonly #envelopes = new Map<string, EnvelopeBytes>()
    #set = TransferSet.empty()

    constructor(transfers: readonly Made[]) {
      this.add(...transfers)
    }

    add(...transfers: readonly Made[]): void {
      for (const transfer of transfers) {
        this.#set = this.#set.add(idOf(transfer))
        this.#envelopes.set(toHex(idOf(transfer)), transfer.envelope)
      }
    }

    status = async (): ReturnType<Source['status']> => ({
      count: this.#set.size,
      digest: this.#set.digest()
    })
    summary: Source['summary'] = async prefix => this.#set.summary(prefix)
    transfers: Source['transfers'] = async ids => ids.map(id => present(this.#envelopes.get(toHex(id))))
  }

  interface Read {
    readonly ids: readonly string[]
    readonly fault: Fault | undefined
  }

  /** `after`: runs each time some have come. */
  async function read(source: Source, after: () => void = () => undefined): Promise<Read> {
    let have = TransferSet.empty()
    let fault: Fault | undefined
    const ids: string[] = []
    for await (const some of transfersOf(source, () => have)) {
      if ('fault' in some) fault = some.fault
      else
        for (const envelope of some.envelopes) {
          const id = transferId(decodeEnvelope(envelope).payload)
          have = have.add(id)
          ids.push(toHex(id))
        }
      after()
    }
    return { ids, fault }
  }

  const all = (): string[] => made.map(made => toHex(idOf(made))).toSorted()

  it('is read once, in the order of the ids', async () => {
    assert.deepEqual(await read(new Held(made)), { ids: all(), fault: undefined })
    assert.deepEqual(await read(new Held([])), { ids: [], fault: undefined })
  })

  it('is read until the digests agree where it grows meanwhile', async () => {
    const rest = [...made]
    const held = new Held(rest.splice(0, 150))
    const { ids, fault } = await read(held, () => held.add(...rest.splice(0, 60)))
    assert.equal(fault, undefined)
    assert.deepEqual(ids.toSorted(), all())
  })

  it('is not read to its end where it grows faster than it is read, and it is said so', async () => {
    const rest = [...made]
    const held = new Held(rest.splice(0, 10))
    await assert.rejects(
      read(held, () => held.add(...rest.splice(0, 1))),
      error => error instanceof QueryFailed && /grows faster/.test(error.message)
    )
  })

  for (const [what, nothing] of [
    ['no ids', { kind: 'ids', ids: [] }],
    ['parts that are empty', { kind: 'parts', digests: Array.from({ length: 16 }, () => EMPTY_ROOT) }]
  ] as const satisfies readonly (readonly [string, Summary])[])
    it(`is not looked for without an end in parts that have digests and then ${what}`, async () => {
      const held = new Held(made)
      let asked = 0
      const parts = Array.from({ length: 16 }, () => new Uint8Array(32).fill(1) as Hash)
      const source: Source = {
        ...held,
        summary: async prefix => {
          asked += 1
          if (asked > 1_000) throw new Error('it was asked a thousand times')
          return prefix.length < LIMITS.summaryDigits - 1 ? { kind: 'parts', digests: parts } : nothing
        }
      }
      const found = await read(source)
      assert.match(present(found.fault).detail, /it said, and shows none/)
      assert.ok(asked <= LIMITS.summaryDigits)
    })

  for (const [what, lie, fault] of [
    [
      'a digest of other transfers',
      held => async () => ({ ...(await held.status()), digest: new Uint8Array(32) as Hash }),
      /do not have the digest/
    ],
    [
      'another number of them',
      held => async () => ({ ...(await held.status()), count: 2 * MANY }),
      /tells of 600 transfers, and its digest is that of 300/
    ],
    [
      'fewer of them than it gives',
      held => async () => ({ ...(await held.status()), count: 3 }),
      /more transfers than the 3/
    ]
  ] as const satisfies readonly (readonly [string, (held: Held) => Source['status'], RegExp])[])
    it(`is not valid where the peer tells of ${what}`, async () => {
      const held = new Held(made)
      const { summary, transfers } = held
      const found = await read({ status: lie(held), summary, transfers })
      assert.match(present(found.fault).detail, fault)
    })
})
