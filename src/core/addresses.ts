import { asHash, type Hash } from './bytes.js'
import { decodeCanonical, decodeText, expectLength } from './codec.js'
import { LIMITS } from './limits.js'
import { Addresses as WireAddresses } from './wire/tallystick.js'

/** Where peers of a network listen. Anyone may say anything: an address is worth a try, and no more. */
export interface Addresses {
  readonly network: Hash
  readonly addresses: readonly string[]
}

export function encodeAddresses({ network, addresses }: Addresses): Uint8Array {
  return WireAddresses.encode({ network, addresses: [...addresses] })
}

/** Throws DecodeError. */
export function decodeAddresses(bytes: Uint8Array): Addresses {
  const { network, addresses } = decodeCanonical('addresses', WireAddresses, bytes)
  expectLength('addresses network', network, 32)
  return {
    network: asHash(network),
    addresses: addresses.map(text => decodeText('addresses', text, LIMITS.addressCharacters))
  }
}
