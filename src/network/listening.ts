import type { Transport } from '@libp2p/interface'
import { TallystickError } from '../core/errors.js'
import { isOverTcp, parsedAddress } from './addresses.js'

/** This peer cannot listen at an address. The cause is what the system says; it says nothing of what is not over TCP. */
export class CannotListen extends TallystickError {
  override name = 'CannotListen'

  constructor(
    readonly address: string,
    options: ErrorOptions
  ) {
    super('ERR_LISTEN', `it cannot listen at ${address}`, options)
  }
}

/** Keeps why an address cannot be listened at: libp2p makes one text of it, without its code. */
export class Listening {
  #first: { readonly address: string; readonly error: unknown } | undefined

  over(transport: Transport): Transport {
    const createListener = transport.createListener.bind(transport)
    transport.createListener = options => {
      const listener = createListener(options)
      const listen = listener.listen.bind(listener)
      listener.listen = async address => {
        try {
          await listen(address)
        } catch (error) {
          this.#first ??= { address: address.toString(), error }
          throw error
        }
      }
      return listener
    }
    return transport
  }

  /** What a start has failed of, where that is an address; the error itself where it is not. */
  problem(error: unknown, addresses: readonly string[]): unknown {
    if (this.#first !== undefined) return new CannotListen(this.#first.address, { cause: this.#first.error })
    const wrong = addresses.find(address => {
      const parsed = parsedAddress(address)
      return parsed === undefined || !isOverTcp(parsed)
    })
    return wrong === undefined ? error : new CannotListen(wrong, { cause: error })
  }
}
