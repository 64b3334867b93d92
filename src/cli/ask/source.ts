import type { PeerIdBytes } from '../../core/bytes.js'
import { describeFault, type Fault } from '../../core/fault.js'
import type { Network } from '../../core/network.js'
import { Failure } from '../failure.js'
import type { Destination } from '../files/frame-file.js'
import type { MessagePrinter } from '../terminal/message-printer.js'
import type { ReadingWishes } from './message-range.js'

/**
 * All that was said in a network, wherever it is: in the folder of a stopped peer, in a file, or with a peer that is
 * asked. It hides whether that is a chain or a set. Everything is verified before it is shown or written. To
 * be used once.
 */
export interface Source {
  readonly network: Network
  /** `keyFile`: encryption keys, with which sealed messages must open. */
  verify(keyFile?: string): Promise<Verified>
  /** No file is left where something does not hold. */
  exportTo(destination: Destination): Promise<Told>
  /** Prints messages; gives a sentence on what they were taken from. Throws UsageError where such wishes make no sense. */
  read(wishes: ReadingWishes, printer: MessagePrinter): Promise<string>
  /** Shows all that changed an account, then what it has. */
  history(id: PeerIdBytes, show: (told: Told) => void): Promise<void>
}

/** For programs, and for people. */
export interface Told {
  readonly facts: Readonly<Record<string, unknown>>
  readonly sentence: string
}

/** What holds, up to the first thing that does not. */
export interface Verified extends Told {
  readonly fault: Fault | undefined
  readonly height: number
  readonly size: number
  /** Beside the sentence. */
  readonly lines: readonly string[]
}

/** Parts that hold. Throws Failure at the first that does not; `what` ends there. */
export async function* holding<T extends object>(
  parts: AsyncIterable<T | { readonly fault: Fault }>,
  what: string
): AsyncIterable<T> {
  for await (const part of parts) {
    if ('fault' in part)
      throw new Failure('ERR_NOT_VALID', `the ${what} ends here: ${describeFault(part.fault)}`)
    yield part
  }
}
