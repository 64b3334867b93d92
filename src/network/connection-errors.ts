import { systemCode, TallystickError } from '../core/errors.js'

/**
 * libp2p's errors say what broke. Where a peer was turned away on purpose, this says what that may mean: the
 * other side tells strangers nothing. The message of the cause is kept.
 */
export function explained(reason: unknown, hasSwarmKey: boolean): Error {
  const error = asError(reason)
  const why = reasonOf(error, hasSwarmKey)
  return why === undefined ? error : new Error(`${why} (${error.message})`, { cause: error })
}

/** The address itself is wrong: nothing is mended where it leads. Its message names the address. */
export class WrongAddress extends TallystickError {
  override name = 'WrongAddress'

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_WRONG_ADDRESS', message, options)
  }
}

/** Why a dial failed. */
export function explainedDial(reason: unknown, address: string, hasSwarmKey: boolean): Error {
  const error = asError(reason)
  const { found, expected } = OTHER_IDENTITY.exec(error.message)?.groups ?? {}
  if (found !== undefined)
    return new WrongAddress(
      `${address} names ${expected}, but the peer there is ${found}; ask its operator which PeerId is right`,
      { cause: error }
    )
  if (error.name === 'NoValidAddressesError') return notOverTcp(address)
  return explained(error, hasSwarmKey)
}

export function notOverTcp(address: string): WrongAddress {
  return new WrongAddress(`${address} is no address over TCP, and this program dials no other one`)
}

/** What is told of an address that was dialled without success. */
export function dialProblem(address: string, error: unknown): string {
  const { message } = asError(error)
  return error instanceof WrongAddress ? message : `${address} does not answer (${message})`
}

/** The PeerId that was found stands nowhere but in the words of the handshake. */
const OTHER_IDENTITY =
  /identity key (?<found>\w+) does not match expected remote identity key (?<expected>\w+)/

class StreamEnded extends Error {
  override name = 'StreamEnded'
}

/** Where a stream or connection ends, libp2p may throw the event that tells of it; its error, if any, says why. */
export function asError(reason: unknown): Error {
  if (reason instanceof Error) return reason
  if (!(reason instanceof Event)) return new Error(String(reason))
  const error: unknown = 'error' in reason ? reason.error : undefined
  return error instanceof Error ? error : new StreamEnded('the stream was ended')
}

function reasonOf(error: Error, hasSwarmKey: boolean): string | undefined {
  const { name } = error
  const isReset = systemCode(error) === 'ECONNRESET'
  if (name === 'DialDeniedError') return 'this peer was told to avoid that one'
  if (name === 'ConnectionInterceptedError')
    return 'that peer is no member, and this peer takes members only (--allow PEERID makes an exception), or anyone can sign for its key'
  if (name === 'EncryptionFailedError' || (hasSwarmKey && isReset))
    return hasSwarmKey
      ? 'no encrypted connection came about: that peer may have another pre-shared key than this one, or none'
      : 'no encrypted connection came about: that peer may want a pre-shared key, which --swarm-key FILE gives'
  if (ENDED.has(name) || isReset)
    return 'that peer ended the connection at once: it may take members only and not know this key, or take no more connections from this host'
  return undefined
}

/** How it shows that the other side has gone before it said anything. */
const ENDED: ReadonlySet<string> = new Set([
  'StreamEnded',
  'UnexpectedEOFError',
  'StreamResetError',
  'ConnectionClosedError',
  'ConnectionClosingError',
  'MuxerClosedError',
  'MuxerUnavailableError'
])
