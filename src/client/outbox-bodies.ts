import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { type Database, StoreError, type Write, writeDurably } from '../chain/store.js'
import { concat, type Hash, toHex } from '../core/bytes.js'
import type { Signer } from '../core/keys.js'
import { bigEndian, LAST_SEQUENCE, numbered } from './outbox-entries.js'

const CIPHER = 'aes-256-gcm'
/** The first byte of a stored body that is encrypted. No JSON begins with it, which is how earlier versions stored one. */
const ENCRYPTED = 0x01
const NONCE_BYTES = 12
const TAG_BYTES = 16
/** Says that no body lies open in the folder any more, not even one that was deleted. */
const ALL_ENCRYPTED = Uint8Array.of(0x63)
const ALL_BODIES = { gte: numbered('p', 0n), lte: numbered('p', LAST_SEQUENCE) }

/**
 * Bodies as they lie on the disk of their author, encrypted under a key that follows from the identity key: a copy
 * of the folder, or what the database still holds of a deleted body, tells nothing without the key file.
 */
export class StoredBodies {
  readonly #key: Uint8Array

  constructor(signer: Signer, network: Hash) {
    this.#key = signer.secretFor(`tallystick outbox bodies ${toHex(network)}`)
  }

  /** 1 ‖ nonce(12) ‖ ciphertext ‖ tag(16), bound to `place`: which body it is. */
  encrypt(place: Uint8Array, body: Uint8Array): Uint8Array {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv(CIPHER, this.#key, nonce)
    cipher.setAAD(place)
    const ciphertext = cipher.update(body)
    cipher.final()
    return concat(Uint8Array.of(ENCRYPTED), nonce, ciphertext, cipher.getAuthTag())
  }

  /** Throws StoreError where it was encrypted under another key, for another place, or is damaged. */
  decrypt(place: Uint8Array, stored: Uint8Array): Uint8Array {
    if (!isEncrypted(stored)) return stored
    if (stored.length < 1 + NONCE_BYTES + TAG_BYTES) throw new StoreError('a body in the outbox is cut short')
    const decipher = createDecipheriv(CIPHER, this.#key, stored.subarray(1, 1 + NONCE_BYTES))
    decipher.setAAD(place)
    decipher.setAuthTag(stored.subarray(-TAG_BYTES))
    try {
      const body = decipher.update(stored.subarray(1 + NONCE_BYTES, -TAG_BYTES))
      decipher.final()
      return Uint8Array.from(body)
    } catch {
      throw new StoreError('a body in the outbox is damaged, or was encrypted under another key')
    }
  }

  /**
   * Encrypts the bodies of an earlier version, which lay open, and has the database drop what it still holds of them and
   * of those that were deleted. After a crash it is done again.
   */
  async encryptAll(database: Database): Promise<void> {
    if ((await database.get(ALL_ENCRYPTED)) !== undefined) return
    let writes: Write[] = []
    for await (const [key, value] of database.iterator(ALL_BODIES)) {
      if (isEncrypted(value)) continue
      const sequence = Buffer.from(key).readBigUInt64BE(1)
      writes.push({ type: 'put', key, value: this.encrypt(bigEndian(sequence), value) })
      if (writes.length < ENCRYPTED_AT_ONCE) continue
      await writeDurably(database, writes)
      writes = []
    }
    // LevelDB leaves a table alone that nothing newer overlaps: the ends of the range are written, so that all are merged.
    const ends: Write[] = [ALL_BODIES.gte, ALL_BODIES.lte].map(key => ({ type: 'del', key }))
    await writeDurably(database, [...writes, ...ends])
    if (canCompact(database)) await database.compactRange(ALL_BODIES.gte, ALL_BODIES.lte)
    await writeDurably(database, [{ type: 'put', key: ALL_ENCRYPTED, value: new Uint8Array(0) }])
  }
}

const ENCRYPTED_AT_ONCE = 256

function isEncrypted(stored: Uint8Array): boolean {
  return stored[0] === ENCRYPTED
}

interface Compacting {
  compactRange(start: Uint8Array, end: Uint8Array): Promise<void>
}

/** LevelDB on a disk can; a database in memory leaves nothing behind. */
function canCompact(database: Database): database is Database & Compacting {
  return 'compactRange' in database && typeof database.compactRange === 'function'
}
