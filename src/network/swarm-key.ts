import { generateKey } from '@libp2p/pnet'

/** A pre-shared key of a network, in libp2p's own form: three lines of text. */

const LENGTH = 95

export function newSwarmKey(): Uint8Array {
  const key = new Uint8Array(LENGTH)
  generateKey(key)
  return key
}

/** Whether libp2p can use it: `/key/swarm/psk/1.0.0/`, `/base16/` and 64 hex digits, a line each. */
export function isSwarmKey(bytes: Uint8Array): boolean {
  const lines = new TextDecoder().decode(bytes).trimEnd().split(/\r?\n/)
  const [tag, encoding, digits, ...more] = lines
  return (
    tag === '/key/swarm/psk/1.0.0/' &&
    encoding === '/base16/' &&
    /^[0-9a-f]{64}$/.test(digits ?? '') &&
    more.length === 0
  )
}
