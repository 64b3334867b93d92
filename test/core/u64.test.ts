import assert from 'node:assert/strict'
import fc from 'fast-check'
import { decodeAccount, encodeAccount } from '#src/applications/ledger/account-proof.js'
import { decodeTransfer, encodeTransfer } from '#src/applications/ledger/transfer.js'
import { toHex } from '#src/core/bytes.js'
import { decodeMessage, encodeMessage } from '#src/core/message.js'
import { U64_MAX } from '#src/core/u64.js'
import { Receipt } from '#src/core/wire/tallystick.js'
import { assertSame, runs, seedOf } from '../helpers/core.js'
import { holder } from '../helpers/ledger.js'
import { varint } from './protobuf.js'

/** As many bits, each as often as the others: of numbers that are drawn evenly almost all have 60 or more. */
const ofAnyLength = fc
  .integer({ min: 1, max: 64 })
  .chain(bits => fc.bigInt({ min: 2n ** BigInt(bits - 1), max: 2n ** BigInt(bits) - 1n }))

const BORDERS = Array.from({ length: 64 }, (_, bits) => 2n ** BigInt(bits)).flatMap(power => [
  power,
  2n * power - 1n
])

describe('a u64 on the wire', () => {
  it('is a varint, of whatever length, in every message that has one', async () => {
    const { id } = await holder('alice')
    const check = (value: bigint): void => {
      const transfer = { to: id, amount: value, fee: U64_MAX - value }
      const encoded = encodeTransfer(transfer)
      assertSame(decodeTransfer(encoded), transfer)
      assert.ok(toHex(encoded).includes(`10${toHex(varint(value))}`), `${value} in ${toHex(encoded)}`)

      const account = { id, balance: value, sequence: value }
      assertSame(decodeAccount(encodeAccount(account)), account)

      const message = {
        network: seedOf('network'),
        author: id,
        sequence: value,
        time: 1_700_000_000_000,
        body: { kind: 'open', bytes: new Uint8Array(1) }
      } as const
      assertSame(decodeMessage(encodeMessage(message)), message)

      const entries = [{ sequence: value, position: 7, leaf: seedOf('leaf') }]
      const receipt = { network: seedOf('network'), author: id, time: 1, entries }
      assertSame(Receipt.decode(Receipt.encode(receipt)), receipt)
    }
    for (const border of BORDERS) check(border)
    fc.assert(fc.property(ofAnyLength, check), runs(500))
  })
})
