import { type EnvelopeBytes, equal, type PeerIdBytes } from '../core/bytes.js'
import { readCertificate } from '../core/encryption-key.js'
import { VerifierCache } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import { type Network, sequencerOf } from '../core/network.js'
import { type Receipt, readReceipt } from '../core/receipt.js'
import type { Host } from '../network/host.js'
import { QueryClient, unexpected } from './query-client.js'
import { InvalidAnswer, QueryFailed } from './query-errors.js'

/**
 * Asks one peer for what a sequencer has signed beside its blocks, and for what shows that it lied. Each is
 * checked before it is given on, unless it is said otherwise. Throws NotFound where the answer is no, Untrue or DecodeError where it does not hold.
 */
export class SequencerQueries {
  readonly #verifiers = new VerifierCache()
  readonly #client: QueryClient
  readonly #sequencer: PeerIdBytes

  constructor(
    host: Host,
    readonly peer: PeerIdBytes,
    private readonly network: Network
  ) {
    this.#client = new QueryClient(host, peer, network.id)
    this.#sequencer = sequencerOf(network)
  }

  /** The certificate of the encryption key, verified. Whether it is the newest one is for those to say who have seen others. */
  async certificate(): Promise<EnvelopeBytes> {
    const answer = await this.#client.one({ kind: 'key' })
    if (answer.kind !== 'key') return unexpected(answer)
    readCertificate(answer.certificate, this.network.id, this.#sequencer, this.#verifiers)
    return answer.certificate
  }

  /** The pieces that the peer takes for evidence, not checked. */
  async shownEvidence(): Promise<Uint8Array[]> {
    const all: Uint8Array[] = []
    for await (const bytes of this.evidencePieces()) all.push(bytes)
    return all
  }

  /** The same one by one: a caller that takes no more of them reads no more. */
  async *evidencePieces(): AsyncGenerator<Uint8Array, void> {
    let count = 0
    for await (const answer of this.#client.all({ kind: 'evidence' })) {
      if (answer.kind === 'notFound' || answer.kind === 'done') return
      count += 1
      if (answer.kind !== 'evidence' || count > LIMITS.evidence) return unexpected(answer)
      if (answer.evidence.length > LIMITS.evidenceBytes)
        throw new InvalidAnswer(`a piece of evidence of ${answer.evidence.length} bytes is too long`)
      yield answer.evidence
    }
    throw new QueryFailed('the peer ended the stream before the end of the evidence')
  }

  async receipt(author: PeerIdBytes, sequence: bigint): Promise<Receipt> {
    return (await this.signedReceipt(author, sequence)).receipt
  }

  /** The same with its envelope. */
  async signedReceipt(
    author: PeerIdBytes,
    sequence: bigint
  ): Promise<{ readonly receipt: Receipt; readonly envelope: EnvelopeBytes }> {
    const answer = await this.#client.one({ kind: 'receipt', author, sequence })
    if (answer.kind !== 'receipt') return unexpected(answer)
    const receipt = readReceipt(answer.receipt, this.network.id, this.#sequencer, this.#verifiers)
    const isAsked =
      equal(receipt.author, author) && receipt.entries.some(entry => entry.sequence === sequence)
    if (!isAsked) throw new InvalidAnswer('that is the receipt of something else')
    return { receipt, envelope: answer.receipt }
  }
}
