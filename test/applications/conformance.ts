import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type Application, applyBlock } from '#src/applications/application.js'
import type { Header } from '#src/core/block.js'
import { type PeerIdBytes, toHex } from '#src/core/bytes.js'
import type { Message } from '#src/core/message.js'
import { REASONS, type Reason } from '#src/core/refusal.js'
import { present } from '../helpers/changes.js'
import { arbitrary, runs } from '../helpers/core.js'
import { blockBy } from '../helpers/ledger.js'

/** A message that an application must not take where another one is valid. */
interface WrongMessage {
  readonly what: string
  readonly reason: Reason
  readonly message: Message
}

interface Step<State> {
  readonly state: State
  readonly message: Message | undefined
}

/** What a suite needs to know of one application to try it. */
export interface ApplicationCase<State> {
  /** Makes it anew: it remembers nothing. */
  make(): Application<State>
  readonly producer: PeerIdBytes
  /** Valid one after the other, from the genesis on. */
  readonly valid: readonly Message[]
  /** None of them is valid after the genesis; an application without a state has none. */
  readonly wrong: readonly WrongMessage[]
  /** What can be said, in JSON, and what cannot. */
  readonly sayable: readonly unknown[]
  readonly unsayable: readonly unknown[]
}

/** What every application must do, whatever its messages mean. */
export function describeApplication<State>(
  name: string,
  prepare: () => Promise<ApplicationCase<State>>
): void {
  describe(`the application "${name}"`, () => {
    let given: ApplicationCase<State>
    let application: Application<State>
    let header: Header
    before(async () => {
      given = await prepare()
      application = given.make()
      header = blockBy({ id: given.producer })
    })

    /** Before each message in turn, and after the last one. */
    const stepsOf = (messages: readonly Message[]): Step<State>[] => {
      let state = application.genesis()
      const steps: Step<State>[] = []
      for (const message of messages) {
        steps.push({ state, message })
        const outcome = application.applyMessage(state, message)
        assert.ok(outcome.ok, 'a valid message was refused')
        state = outcome.state
      }
      return [...steps, { state, message: undefined }]
    }
    const digestAfter = ({ state }: Pick<Step<State>, 'state'>): string =>
      toHex(application.digest(application.endBlock(state, header)))

    it('begins the same each time', () => {
      const digests = [application, application, given.make()].map(one => toHex(one.digest(one.genesis())))
      assert.equal(new Set(digests).size, 1)
    })

    it('comes to the same state from the same messages, on any machine', () => {
      const other = given.make()
      const states = [application, other].map(one => {
        const applied = applyBlock(one, one.genesis(), header, given.valid)
        assert.ok(applied.ok)
        return toHex(one.digest(applied.state))
      })
      assert.equal(states[0], states[1])
    })

    it('applies a block as its messages one by one, and then its end', () => {
      for (let count = 0; count <= given.valid.length; count += 1) {
        const messages = given.valid.slice(0, count)
        const applied = applyBlock(application, application.genesis(), header, messages)
        assert.ok(applied.ok)
        assert.equal(toHex(application.digest(applied.state)), digestAfter(present(stepsOf(messages).at(-1))))
      }
    })

    it('leaves every state as it was', () => {
      const steps = stepsOf(given.valid)
      const before = steps.map(digestAfter)
      for (const { state } of steps) {
        for (const message of [...given.valid, ...given.wrong.map(({ message }) => message)])
          application.applyMessage(state, message)
        applyBlock(application, state, header, given.valid)
      }
      assert.deepEqual(steps.map(digestAfter), before)
    })

    it('changes its state by what is said, or is stateless', () => {
      const digests = new Set(stepsOf(given.valid).map(digestAfter))
      assert.equal(digests.size, application.isStateless ? 1 : given.valid.length + 1)
    })

    it('takes no valid message for a wrong one because a block ended before it', () => {
      for (const { state, message } of stepsOf(given.valid))
        if (message !== undefined)
          assert.ok(application.applyMessage(application.endBlock(state, header), message).ok)
    })

    it('names what is wrong with a message, and its index in a block', () => {
      assert.equal(given.wrong.length === 0, application.isStateless)
      for (const { what, reason, message } of given.wrong) {
        const outcome = application.applyMessage(application.genesis(), message)
        assert.ok(!outcome.ok, `a message ${what} was taken`)
        assert.equal(outcome.refusal.reason, reason, what)
        assert.notEqual(outcome.refusal.detail, '')
        const first = applyBlock(application, application.genesis(), header, [message, ...given.valid])
        assert.deepEqual(first, { ...outcome, index: 0 })
        const second = applyBlock(application, application.genesis(), header, [
          ...given.valid.slice(0, 1),
          message
        ])
        assert.ok(!second.ok)
        assert.equal(second.index, 1, what)
      }
    })

    it('reads any body without a crash, and what it refuses it applies nowhere', () => {
      const valid = present(given.valid[0])
      assert.ok(valid.body.kind === 'open')
      const right = valid.body.bytes
      const slips = fc
        .tuple(fc.nat(right.length - 1), fc.integer({ min: 0, max: 255 }))
        .map(([index, byte]) => right.with(index, byte))
      fc.assert(
        fc.property(fc.oneof(arbitrary.bytes(), slips), bytes => {
          const refused = application.checkBody(bytes)
          if (refused === undefined) return
          assert.ok(REASONS.includes(refused.reason))
          const message: Message = { ...valid, body: { kind: 'open', bytes } }
          assert.equal(application.applyMessage(application.genesis(), message).ok, application.isStateless)
        }),
        runs(500)
      )
    })

    it('encodes what can be said, and takes it', () => {
      for (const value of given.sayable) {
        const encoded = application.encodeBody(value)
        assert.ok('body' in encoded, JSON.stringify(value))
        assert.equal(application.checkBody(encoded.body), undefined)
      }
    })

    it('says what is wrong with what cannot be said', () => {
      for (const value of given.unsayable) {
        const encoded = application.encodeBody(value)
        assert.ok('refusal' in encoded, JSON.stringify(value))
        assert.notEqual(encoded.refusal.detail, '')
      }
      fc.assert(
        fc.property(fc.jsonValue(), value => {
          const encoded = application.encodeBody(value)
          if ('body' in encoded) assert.equal(application.checkBody(encoded.body), undefined)
        }),
        runs(200)
      )
    })
  })
}
