import assert from 'node:assert/strict'
import { toHex } from '#src/core/bytes.js'
import { readCertificate } from '#src/core/encryption-key.js'
import { VerifierCache } from '#src/core/keys.js'
import { type DatedKey, type DatedKeys, KeyRing } from '#src/node/key-ring.js'
import { encryptionKey, makeNetwork, type TestNetwork } from '../helpers/networks.js'

const GRACE = 1000

describe('the key ring', () => {
  let net: TestNetwork
  let now: number

  beforeEach(async () => {
    net = await makeNetwork()
    now = 1_700_000_000_000
  })

  function ringOf(...keys: DatedKeys): KeyRing {
    return new KeyRing(keys, { network: net.network.id, signer: net.signer, graceMs: GRACE, now: () => now })
  }

  async function key(name: string, made?: number): Promise<DatedKey> {
    return { ...(await encryptionKey(name)), ...(made !== undefined && { made }) }
  }

  function opens(ring: KeyRing): string[] {
    return ring.open().keys.map(({ keyId }) => toHex(keyId))
  }

  function ids(...keys: DatedKey[]): string[] {
    return keys.map(({ keyId }) => toHex(keyId))
  }

  function announced(ring: KeyRing): string {
    const { network, sequencer } = net
    return toHex(readCertificate(ring.certificate, network.id, sequencer, new VerifierCache()).keyId)
  }

  it('announces the first key, and another one as soon as it has one', async () => {
    const [old, young] = [await key('old'), await key('young', now)]
    const ring = ringOf(old)
    assert.deepEqual([announced(ring)], ids(old))
    ring.replace([young, old])
    assert.deepEqual([announced(ring)], ids(young))
    assert.deepEqual(opens(ring), ids(young, old))
  })

  it('an older key opens until the grace after its successor was made is over', async () => {
    const [old, middle, young] = [
      await key('old', 5),
      await key('middle', now - 600),
      await key('young', now)
    ]
    const ring = ringOf(young, middle, old)
    assert.deepEqual(opens(ring), ids(young, middle, old))
    now += 399
    assert.deepEqual(opens(ring), ids(young, middle, old))
    now += 1
    assert.deepEqual(opens(ring), ids(young, middle))
    now += 600
    assert.deepEqual(opens(ring), ids(young))
    now += 10 * GRACE
    assert.deepEqual(opens(ring), ids(young))
  })

  it('the moment at which a key expires is the same after a restart', async () => {
    const keys: DatedKeys = [await key('young', now), await key('old')]
    assert.deepEqual(opens(ringOf(...keys)), ids(...keys))
    now += GRACE
    assert.deepEqual(opens(ringOf(...keys)), ids(keys[0]))
  })

  it('a key without a date counts as made when it was first seen', async () => {
    const [old, young] = [await key('old'), await key('young')]
    const ring = ringOf(old)
    now += 10 * GRACE
    ring.replace([young, old])
    now += GRACE - 1
    assert.deepEqual(opens(ring), ids(young, old))
    ring.replace([young, old])
    now += 1
    assert.deepEqual(opens(ring), ids(young))
  })

  it('a key that has expired opens no more, whatever the clock says', async () => {
    const [old, young] = [await key('old'), await key('young', now)]
    const ring = ringOf(young, old)
    now += GRACE
    assert.deepEqual(opens(ring), ids(young))
    now -= GRACE
    ring.replace([young, old])
    assert.deepEqual(opens(ring), ids(young))
  })

  it('a key that is not there any more opens no more; the first one always does', async () => {
    const [old, young] = [await key('old'), await key('young', now)]
    const ring = ringOf(young, old)
    now += GRACE
    ring.replace([old])
    assert.deepEqual([announced(ring)], ids(old))
    assert.deepEqual(opens(ring), ids(old))
  })

  it('names another generation when other keys open, and the same one as long as none does', async () => {
    const ring = ringOf(await key('young', now), await key('old'))
    const { generation } = ring.open()
    now += GRACE - 1
    assert.equal(ring.open().generation, generation)
    now += 1
    assert.notEqual(ring.open().generation, generation)
  })
})
