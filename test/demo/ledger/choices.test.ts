import assert from 'node:assert/strict'
import type { OrderingName } from '#src/rules/network-document.js'
import { GRANT } from '#tools/demo/ledger/grants.js'
import type { LedgerDemoOptions } from '#tools/demo/ledger/options.js'
import { Choices } from '#tools/demo/ledger/sending.js'
import { rightIn, wrongIn } from '#tools/demo/ledger/wrong-transfers.js'

function optionsOf(seed: number, ordering: OrderingName = 'work'): LedgerDemoOptions {
  return { ordering, clients: 2, followers: 1, rate: 10, duration: 100, seed }
}

function choicesOf(options: LedgerDemoOptions): string[] {
  const choices = new Choices(options, ['alice', 'bob', 'carol'])
  return Array.from({ length: 1_000 }, () => {
    if (choices.isNextWrong()) return choices.wrong().name
    const { to, amount, fee } = choices.payment()
    return `${amount} to ${to}, fee ${fee}`
  })
}

describe("the choices of a ledger's demo", () => {
  it('follow from the seed', () => {
    assert.deepEqual(choicesOf(optionsOf(7)), choicesOf(optionsOf(7)))
    assert.notDeepEqual(choicesOf(optionsOf(7)), choicesOf(optionsOf(8)))
  })

  it('make one in four not valid, of every kind alike', () => {
    const chosen = choicesOf(optionsOf(7))
    const counts = wrongIn('work').map(({ name }) => chosen.filter(each => each === name).length)
    const all = counts.reduce((sum, count) => sum + count)
    assert.ok(all > 200 && all < 300, String(all))
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, counts.join(', '))
  })

  it('leave out what is valid where nobody orders', () => {
    const names = (ordering: OrderingName): string[] => wrongIn(ordering).map(({ name }) => name)
    assert.deepEqual(
      rightIn('none').map(({ name }) => name),
      ['overdraft', 'amount near a u64', 'number used twice', 'gap in numbers']
    )
    assert.deepEqual(names('work'), [...names('none'), ...rightIn('none').map(({ name }) => name)])
    assert.deepEqual(names('sequencer'), names('work'))
  })

  it('never let a client pay more than it has at first, however long it pays', () => {
    for (const rate of [0.1, 1, 50, 10_000]) {
      const options = { ...optionsOf(7), rate, duration: 60 }
      const choices = new Choices(options, ['alice'])
      const payments = Array.from({ length: 500 }, () => choices.payment())
      const most = payments.reduce((sum, { amount, fee }) => (amount + fee > sum ? amount + fee : sum), 0n)
      assert.ok(most * BigInt(Math.ceil(rate * 60)) <= GRANT, `${most} at rate ${rate}`)
    }
  })
})
