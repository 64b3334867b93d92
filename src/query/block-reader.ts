import { genesisCursor } from '../chain/cursor.js'
import { type Block, type CheckpointedHeader, decodeBlockParts, readBlockHeader } from '../core/block.js'
import { equal } from '../core/bytes.js'
import type { VerifierCache } from '../core/keys.js'
import type { Rules } from '../rules/rules.js'
import { InvalidAnswer } from './query-errors.js'

/**
 * Reads blocks and headers of one network as they come over the wire. What it gives is signed by who may
 * produce; whether it stands where it says, `advance` judges. Throws Untrue, or DecodeError.
 */
export class BlockReader {
  constructor(
    private readonly rules: Rules,
    private readonly verifiers: VerifierCache
  ) {}

  block(bytes: Uint8Array): Block {
    const { header, checkpoint, envelopes, document } = decodeBlockParts(bytes)
    if (header.length === 0) {
      if (!equal(document, this.rules.network.canonical))
        throw InvalidAnswer.fault({ kind: 'genesis', height: 0, detail: 'it is not the network document' })
      return { signed: genesisCursor(this.rules).signed, envelopes: [] }
    }
    return { signed: this.header(header, checkpoint), envelopes }
  }

  header(bytes: Uint8Array, checkpoint: Uint8Array): CheckpointedHeader {
    const read = readBlockHeader(bytes, checkpoint, this.verifiers, this.rules.ordering)
    if (!read.ok) throw InvalidAnswer.fault(read.fault)
    if (!equal(read.signed.header.network, this.rules.network.id))
      throw InvalidAnswer.fault({ kind: 'network', detail: 'it belongs to another network' })
    return read.signed
  }
}
