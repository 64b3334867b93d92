import assert from 'node:assert/strict'
import { SequencerMark } from '#src/chain/signed-mark.js'
import { CERTIFICATE_KEY, type Database } from '#src/chain/store.js'
import { KeyRenewal } from '#src/client/key-renewal.js'
import { expectCurrent, NewestCertificate } from '#src/client/newest-certificate.js'
import type { EnvelopeBytes } from '#src/core/bytes.js'
import { type CertifiedKey, certifyKey, readCertificate } from '#src/core/encryption-key.js'
import type { PeerEvent } from '#src/core/events.js'
import { VerifierCache } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { CertificateIssuer } from '#src/intake/certificate-issuer.js'
import { assertBytes } from '../helpers/bytes.js'
import { dated, undated } from '../helpers/certificates.js'
import { Changes, present } from '../helpers/changes.js'
import { FailingWrites } from '../helpers/failing-writes.js'
import { memoryDatabase } from '../helpers/memory-database.js'
import { encryptionKey, makeNetwork, type TestNetwork } from '../helpers/networks.js'

const LIFE = LIMITS.certificateLifeMs
const SKEW = LIMITS.clockSkewMs

describe('certificates of the encryption key', () => {
  let net: TestNetwork
  let database: Database
  let now: number
  let clock: number

  before(async () => {
    net = await makeNetwork()
  })

  beforeEach(async () => {
    database = await memoryDatabase()
    now = 1_700_000_000_000
    clock = 0
  })

  function certificateOf(key: CertifiedKey): EnvelopeBytes {
    return certifyKey(key, net.network.id, net.signer)
  }

  function read(certificate: EnvelopeBytes): CertifiedKey {
    return readCertificate(certificate, net.network.id, net.sequencer, new VerifierCache())
  }

  describe('as the sequencer signs them', () => {
    function issuer(): Promise<CertificateIssuer> {
      const { network, signer } = net
      return CertificateIssuer.open({ database, network, signer, now: () => now, clock: () => clock })
    }

    it('have a serial that only grows: with another key, over restarts, and where the clock was set back', async () => {
      const serials: number[] = []
      for (const name of ['first', 'second', 'first']) {
        const certified = read(await (await issuer()).certify(await encryptionKey(name)))
        serials.push(certified.serial)
        assert.equal(certified.until, now + LIFE)
        now -= 10 * LIFE
      }
      const running = await issuer()
      for (const name of ['third', 'fourth', 'third'])
        serials.push(read(await running.certify(await encryptionKey(name))).serial)
      assert.deepEqual(
        serials,
        [...new Set(serials)].sort((one, other) => one - other)
      )
    })

    it('have a higher serial than before even where the folder was lost', async () => {
      const key = await encryptionKey('first')
      const before = read(await (await issuer()).certify(key))
      database = await memoryDatabase()
      now += 1
      assert.ok(read(await (await issuer()).certify(key)).serial > before.serial)
    })

    it('have a higher serial than before where the folder was lost and the clock was set back, by what is kept beside the key', async () => {
      const beside = await memoryDatabase()
      const started = async (): Promise<CertificateIssuer> => {
        const { network, signer } = net
        const mark = await SequencerMark.open(beside, network)
        return CertificateIssuer.open({ database, network, signer, now: () => now, clock: () => clock, mark })
      }
      const serials: number[] = []
      for (const name of ['first', 'second', 'second']) {
        const { serial } = read(await (await started()).certify(await encryptionKey(name)))
        serials.push(serial)
        assert.equal((await SequencerMark.open(beside, net.network)).lastSerial, serial)
        database = await memoryDatabase()
        now -= 10 * LIFE
      }
      const [first = 0] = serials
      assert.deepEqual(serials, [first, first + 1, first + 2])
    })

    it('are kept beside the key before anybody sees them', async () => {
      const beside = await memoryDatabase()
      const { network, signer } = net
      const mark = await SequencerMark.open(beside, network)
      const running = await CertificateIssuer.open({
        ...{ database, network, signer, mark },
        now: () => now,
        clock: () => clock
      })
      new FailingWrites(beside, 1, 'before')
      await assert.rejects(running.certify(await encryptionKey('first')))
      assert.equal(read(await running.certify(await encryptionKey('first'))).serial, mark.lastSerial)
    })

    it('are signed anew when half of their time is over, by either clock, and not before', async () => {
      const key = await encryptionKey('first')
      const running = await issuer()
      const first = await running.certify(key)
      now += LIFE / 2 - 1
      clock += LIFE / 2 - 1
      assertBytes(await running.certify(key), first)
      clock += 1
      const second = await running.certify(key)
      assert.ok(read(second).serial > read(first).serial)
      assert.ok(read(second).until > read(first).until)
      now += LIFE / 2
      const third = await running.certify(key)
      assert.ok(read(third).until > read(second).until)
      // One that was signed while the clock was ahead would last too long.
      now -= LIFE
      const fourth = read(await running.certify(key))
      assert.equal(fourth.until, now + LIFE)
      assert.ok(fourth.serial > read(third).serial)
    })

    it('are on disk before anybody sees them: where that fails, no serial is used twice', async () => {
      const running = await issuer()
      const key = await encryptionKey('first')
      new FailingWrites(database, 1, 'before')
      await assert.rejects(running.certify(key))
      const certificate = await running.certify(key)
      assertBytes(present(await database.get(CERTIFICATE_KEY)), certificate)
      const all = await Promise.all(Array.from({ length: 10 }, () => running.certify(key)))
      for (const other of all) assertBytes(other, certificate)
    })
  })

  describe('as others keep the newest', () => {
    let events: PeerEvent[]

    beforeEach(() => {
      events = []
    })

    function kept(...beside: readonly Database[]): Promise<NewestCertificate> {
      return NewestCertificate.open([database, ...beside], net.network, event => events.push(event))
    }

    it('an older one is refused once a newer one was seen, also after a restart', async () => {
      const [old, young] = [
        dated(await encryptionKey('old'), 3, now),
        dated(await encryptionKey('young'), 5, now)
      ]
      const newest = await kept()
      assert.equal((await newest.take(certificateOf(old))).serial, 3)
      assert.equal((await newest.take(certificateOf(young))).serial, 5)
      for (const keeper of [newest, await kept()]) {
        for (const older of [old, undated(old), undated(young), { ...old, serial: 4 }])
          await assert.rejects(keeper.take(certificateOf(older)), {
            name: 'OutdatedCertificate',
            message: new RegExp(`older certificate of the encryption key: serial ${older.serial} after 5`)
          })
        assert.equal((await keeper.take(certificateOf(young))).serial, 5)
      }
    })

    it('an older one is also refused where the folder is an older copy, or an empty one: the newest stands beside the key as well', async () => {
      const mark = await memoryDatabase()
      const [old, young] = [
        dated(await encryptionKey('old'), 3, now),
        dated(await encryptionKey('young'), 5, now)
      ]
      // One that an earlier version has seen is put beside the key at the start.
      await (await kept()).take(certificateOf(old))
      const newest = await kept(mark)
      assert.equal(read(present(await mark.get(CERTIFICATE_KEY)) as EnvelopeBytes).serial, 3)
      await newest.take(certificateOf(young))
      await database.put(CERTIFICATE_KEY, certificateOf(old))
      await assert.rejects((await kept(mark)).take(certificateOf(old)), /serial 3 after 5/)
      await database.del(CERTIFICATE_KEY)
      await assert.rejects((await kept(mark)).take(certificateOf(old)), /serial 3 after 5/)
    })

    it('two with one serial are not both taken', async () => {
      const newest = await kept()
      await newest.take(certificateOf(dated(await encryptionKey('one'), 5, now)))
      for (const other of [
        dated(await encryptionKey('other'), 5, now),
        dated(await encryptionKey('one'), 5, now + 1)
      ])
        await assert.rejects(newest.take(certificateOf(other)), /another certificate .* with the serial 5/)
    })

    it('those of before there were serials are taken while none with a serial was seen, and named old', async () => {
      const newest = await kept()
      const [one, other] = [await encryptionKey('one'), await encryptionKey('other')]
      for (const key of [one, other, one]) {
        assertBytes((await newest.take(certificateOf(undated(key)))).keyId, key.keyId)
        assert.match(JSON.stringify(events.pop()), /old one, without serial and end.*update the sequencer/)
      }
      assert.equal((await newest.take(certificateOf(dated(one, 1, now)))).serial, 1)
      await assert.rejects(newest.take(certificateOf(undated(one))), /serial 0 after 1/)
    })

    it('the newest is on disk before it is used, whichever comes first', async () => {
      const newest = await kept()
      const key = await encryptionKey('one')
      const serials = [1, 4, 9, 16, 25]
      await Promise.all(serials.map(serial => newest.take(certificateOf(dated(key, serial, now)))))
      assert.equal(read(present(await database.get(CERTIFICATE_KEY)) as EnvelopeBytes).serial, 25)
      new FailingWrites(database, 1, 'before')
      await assert.rejects(newest.take(certificateOf(dated(key, 36, now))))
      await newest.take(certificateOf(dated(key, 36, now)))
      assert.equal(read(present(await database.get(CERTIFICATE_KEY)) as EnvelopeBytes).serial, 36)
    })

    it('one that is over is refused, and the sentence names the clocks; a little skew is allowed', async () => {
      const key = dated(await encryptionKey('one'), 3, now)
      expectCurrent(key, key.until + SKEW)
      assert.throws(() => expectCurrent(key, key.until + SKEW + 1), {
        name: 'OutdatedCertificate',
        message:
          /serial 3\) ended at 2023-11-15T22:13:20.000Z, and by the clock of this machine it is 2023-11-15T22:23:20.001Z.*check the clock of this machine, then that of the sequencer/
      })
      assert.throws(() => expectCurrent({ ...key, until: 1 }, Number.MAX_SAFE_INTEGER), /ms after 1970/)
      expectCurrent(undated(key), Number.MAX_SAFE_INTEGER)
    })

    it('a folder with something else in its place is not opened', async () => {
      const { sequencer } = await makeNetwork({ sequencer: 'somebody else' })
      assert.notDeepEqual(sequencer, net.sequencer)
      await database.put(CERTIFICATE_KEY, Uint8Array.of(1, 2, 3))
      await assert.rejects(kept(), {
        name: 'StoreError',
        message: /certificate of the encryption key is damaged/
      })
    })
  })

  describe('as a client seals under them', () => {
    /** The peer, its answers, and what came of it. Time passes as soon as it is waited for. */
    class Stage extends Changes {
      key: (() => CertifiedKey) | undefined
      asked = 0
      readonly renewed: Uint8Array[] = []
      readonly ended: string[] = []
      readonly waits: number[] = []
      /** No wait comes to its end. */
      isAsleep = false
      readonly renewal: KeyRenewal

      constructor() {
        super()
        this.renewal = new KeyRenewal({
          keyOf: async () => {
            this.asked += 1
            if (this.key === undefined) throw new Error('nobody answers')
            return this.key()
          },
          agree: async ({ keyId }) => {
            const zeros = new Uint8Array(32)
            return { keyId, enc: zeros, secret: zeros, refusalSecret: zeros }
          },
          renewed: ({ keyId }) => {
            this.renewed.push(keyId)
            this.changed()
          },
          ended: why => {
            this.ended.push(why)
            this.changed()
          },
          now: () => now,
          elapsed: async (ms, signal) => {
            this.waits.push(ms)
            if (this.isAsleep || this.waits.length > 40) {
              this.changed()
              await new Promise(resolve => signal.addEventListener('abort', resolve))
            }
            now += ms
          },
          report: () => undefined
        })
      }
    }

    it('the next one is asked for well before the end of the last, as long as the client runs', async () => {
      const stage = new Stage()
      const key = await encryptionKey('one')
      const started = now
      stage.key = () => dated(key, now, now)
      await stage.renewal.prepare(net.sequencer)
      await stage.until('forty times', () => stage.renewed.length === 40)
      await stage.renewal.stop()
      assert.deepEqual(stage.ended, [])
      assert.ok(Math.max(...stage.waits) <= (LIFE + SKEW) / 2)
      assert.ok(now - started > 10 * LIFE)
    })

    it('nothing is sealed any more once the last one is over and there is no next one', async () => {
      for (const answer of ['nothing', 'the same one']) {
        const stage = new Stage()
        const last = dated(await encryptionKey('one'), 3, now)
        stage.key = () => last
        await stage.renewal.prepare(net.sequencer)
        if (answer === 'nothing') stage.key = undefined
        await stage.until('the end', () => stage.ended.length > 0)
        await stage.renewal.stop()
        assert.match(present(stage.ended[0]), /serial 3\) ended at/)
        assert.ok(now > last.until + SKEW)
        assert.ok(now <= last.until + SKEW + LIMITS.certificateAgainMs, 'soon after it')
      }
    })

    it('nothing is sealed under one that is over, however late the timers are', async () => {
      const stage = new Stage()
      const last = dated(await encryptionKey('one'), 3, now)
      stage.key = () => last
      stage.isAsleep = true
      const context = await stage.renewal.prepare(net.sequencer)
      now = last.until + SKEW
      assert.equal(stage.renewal.maySeal(context), true)
      now += 1
      assert.equal(stage.renewal.maySeal(context), false)
      assert.match(present(stage.ended[0]), /serial 3\) ended at/)
      await stage.renewal.stop()
    })

    it('one whose end is far away, as the clock was set back, is asked for again all the same', async () => {
      const stage = new Stage()
      const far = { ...dated(await encryptionKey('one'), 3, now), until: now + 1000 * LIFE }
      stage.key = () => far
      await stage.renewal.prepare(net.sequencer)
      await stage.until('forty times', () => stage.waits.length > 40)
      await stage.renewal.stop()
      assert.ok(Math.max(...stage.waits) <= LIFE / 2)
      assert.ok(stage.asked > 40)
    })

    it('a connection to a peer that has only one that is over comes to nothing', async () => {
      const stage = new Stage()
      const over = dated(await encryptionKey('one'), 3, now - LIFE - SKEW - 1)
      stage.key = () => over
      await assert.rejects(stage.renewal.prepare(net.sequencer), { name: 'OutdatedCertificate' })
      assert.deepEqual(stage.waits, [])
      await stage.renewal.stop()
    })
  })
})
