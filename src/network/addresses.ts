import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { tryGetNetConfig } from '@libp2p/utils'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { peerIdFromText } from '../core/keys.js'

/** Addresses as people write them, and as libp2p does. */

/**
 * The multiaddr of a text like `127.0.0.1:4100`, `[::1]:4100`, `example.org:4100`, or of one that is one already and goes
 * over TCP.
 */
export function addressFrom(text: string): string | undefined {
  if (text.startsWith('/')) {
    const given = parsedAddress(text)
    return given && isOverTcp(given) ? given.toString() : undefined
  }
  const { host = '', port = '' } = /^(?<host>\[.+\]|[^\s:]+)[\s:]+(?<port>\d{1,5})$/.exec(text)?.groups ?? {}
  if (port === '' || Number(port) > 65_535) return undefined
  return hostAddress(host)?.concat(`/tcp/${Number(port)}`)
}

/** Why a text is no address that this program can use. */
export function addressProblem(text: string): string {
  const given = text.startsWith('/') ? parsedAddress(text) : undefined
  return given === undefined || isOverTcp(given)
    ? `it must be ${ADDRESS_FORMS}; a PeerId in it must be that of a public key`
    : `this program goes over TCP alone, and /${wayOf(given).replaceAll(' ', '/')} does not; it must be ${ADDRESS_FORMS}`
}

const ADDRESS_FORMS =
  'host:port, such as 127.0.0.1:4100 or [::1]:4100, or a multiaddr, such as /ip4/127.0.0.1/tcp/4100'

/** Whether this program can dial it, or find by DNS what to dial. */
export function isOverTcp(address: Multiaddr): boolean {
  return /^((ip4|(ip6zone )?ip6|dns[46]?) tcp|dnsaddr|unix)( p2p)?$/.test(wayOf(address))
}

/** What it is made of, such as `ip4 tcp p2p`. */
function wayOf(address: Multiaddr): string {
  return address
    .getComponents()
    .map(({ name }) => name)
    .join(' ')
}

/** Whether a port is all that a text lacks to be an address. */
export function isHost(text: string): boolean {
  return hostAddress(text) !== undefined
}

/** As people write it, without the PeerId: `127.0.0.1:4100`. A text that is no address stays as it is. */
export function hostAndPort(address: string): string {
  const { host, port } = configOf(address) ?? {}
  if (host === undefined || port === undefined) return address
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
}

/** Host and port alone, as a multiaddr: it does not say who is there. Undefined for what is no address over TCP. */
export function withoutPeerId(address: string): string | undefined {
  const { type, host, port, protocol } = configOf(address) ?? {}
  return protocol === 'tcp' && port !== undefined && port > 0 ? `/${type}/${host}/tcp/${port}` : undefined
}

/** Whether it names a host by its number. */
export function isIp(address: string): boolean {
  return /^\/ip[46]\//.test(address)
}

/** Whether it leads to the machine on which it is used. */
export function isLoopback(address: string): boolean {
  const { host = '' } = configOf(address) ?? {}
  return OWN.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')
}

/** An IPv4 address within an IPv6 one is found, too. */
const OWN = new BlockList()
for (const network of ['127.0.0.0', '0.0.0.0']) OWN.addSubnet(network, 8, 'ipv4')
for (const address of ['::1', '::']) OWN.addAddress(address, 'ipv6')

function configOf(address: string): ReturnType<typeof tryGetNetConfig> {
  const found = parsedAddress(address)
  return found === undefined ? null : tryGetNetConfig(found)
}

function hostAddress(host: string): string | undefined {
  const inner = /^\[(.+)\]$/.exec(host)?.[1]
  if (inner !== undefined) return isIPv6(inner) ? parsedAddress(`/ip6/${inner}`)?.toString() : undefined
  if (isIPv4(host)) return `/ip4/${host}`
  // All digits and dots is an IPv4 address gone wrong.
  return HOST_NAME.test(host) && !/^[\d.]+$/.test(host) ? `/dns/${host}` : undefined
}

/** Names as DNS has them, with or without a dot at the end. */
const LABEL = /[a-z\d_]([a-z\d_-]{0,61}[a-z\d_])?/.source
const HOST_NAME = new RegExp(`^(?=.{1,253}$)(${LABEL}\\.)*${LABEL}\\.?$`, 'i')

/** Undefined for a text that is no multiaddr, and for one that leads to a peer that no key can be. */
export function parsedAddress(text: string): Multiaddr | undefined {
  try {
    const address = multiaddr(text)
    for (const { name, value } of address.getComponents()) if (name === 'p2p') peerIdFromText(value ?? '')
    return address
  } catch {
    return undefined
  }
}
