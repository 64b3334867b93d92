import { randomUUID } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { getNetConfig, isNetworkAddress } from '@libp2p/utils'
import { isMultiaddr, type Multiaddr } from '@multiformats/multiaddr'
import type { Bringer } from '../core/shares.js'

/**
 * Where a connection comes from, as limits count it. With IPv6 a user that has one address has at least the 2^64 of its
 * /64, and often a /48. So a /64 counts as one host.
 */
export interface Origin {
  /** An IPv4 address, or an IPv6 /64. */
  readonly host: string
  /** What one customer may be given: an IPv4 /24, or an IPv6 /48. */
  readonly site: string
}

/** Undefined for what does not come over a network. */
export function originOf(address: Multiaddr): Origin | undefined {
  return isNetworkAddress(address) ? originOfHost(getNetConfig(address).host) : undefined
}

/** The same of a connection as it comes from its socket. */
export function originOfConnection(connection: object): Origin | undefined {
  return 'remoteAddr' in connection && isMultiaddr(connection.remoteAddr)
    ? originOf(connection.remoteAddr)
    : undefined
}

/** A connection as shares count it while its peer is not known: as a peer of its own. */
export function bringerOfConnection(connection: object): Bringer {
  return bringerFrom(randomUUID(), originOfConnection(connection))
}

/** A peer, as shares count it. What comes over no network is a host and a site of its own. */
export function bringerFrom(peer: string, origin: Origin | undefined): Bringer {
  const { host, site } = origin ?? { host: peer, site: peer }
  return { peer, host, site }
}

/** `host`: an IP address as text. Any other name counts as it stands. */
export function originOfHost(host: string): Origin {
  if (!isIPv6(host)) return { host, site: prefixOf(host.split('.'), 3, '.') }
  const groups = groupsOf(host)
  const mapped = mappedIn(groups)
  if (mapped !== undefined) return originOfHost(mapped)
  const words = groups.map(group => group.toString(16))
  return { host: prefixOf(words, 4, ':'), site: prefixOf(words, 3, ':') }
}

function prefixOf(parts: readonly string[], count: number, separator: string): string {
  return parts.slice(0, count).join(separator)
}

/** The eight groups of 16 bits of an IPv6 address. */
function groupsOf(address: string): number[] {
  const [withoutZone = ''] = address.split('%')
  const hex = withoutZone.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number)
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  })
  const [before = '', after = ''] = hex.split('::')
  const parts = (text: string): number[] =>
    text === '' ? [] : text.split(':').map(part => parseInt(part, 16))
  const [first, last] = [parts(before), parts(after)]
  return [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last]
}

/** An IPv4 address in the form in which IPv6 sockets show it: ::ffff:192.0.2.1. */
function mappedIn(groups: readonly number[]): string | undefined {
  if (groups.slice(0, 5).some(group => group !== 0) || groups[5] !== 0xffff) return undefined
  return groups
    .slice(6)
    .flatMap(group => [group >> 8, group & 0xff])
    .join('.')
}
