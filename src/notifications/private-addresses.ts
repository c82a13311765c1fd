import { BlockList, isIPv4 } from 'node:net'

type Range = [network: string, prefix: number]

/** Inside a network: loopback, private use, shared by carriers (RFC 1122, 1918, 6598, 4193). */
const inside: Range[] = [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['::1', 128],
  ['fc00::', 7],
]

/** Never a target: unspecified, link-local with clouds' metadata, documentation, benchmarks, multicast, reserved (RFC 6890). */
const never: Range[] = [
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['fd00:ec2::', 32],
]

const [private_, forbidden] = [listOf(inside), listOf(never)]

/** Of IPv6 only what is routed on the internet, without what carries IPv4 inside it or documents (RFC 4291, 3056, 4380). */
const routed = listOf([['2000::', 3]])
const notRouted = listOf([
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
])

/** What an address is to a request that goes out: on the internet, inside some network, or never a target. */
export function kindOfAddress(address: string): 'public' | 'private' | 'forbidden' {
  const bare = plain(address)
  const family = isIPv4(bare) ? 'ipv4' : 'ipv6'
  if (forbidden.check(bare, family)) return 'forbidden'
  if (private_.check(bare, family)) return 'private'
  if (family === 'ipv4') return 'public'
  return routed.check(bare, family) && !notRouted.check(bare, family) ? 'public' : 'forbidden'
}

/** An IPv4 address that is written as an IPv6 one counts as what it is; a zone is no part of it. */
function plain(address: string): string {
  const bare = address.replace(/%.*$/, '').toLowerCase()
  const dotted = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(bare)?.[1]
  if (dotted !== undefined) return dotted
  const [, high, low] = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(bare) ?? []
  if (high === undefined || low === undefined) return bare
  const bytes = Buffer.alloc(4)
  bytes.writeUInt16BE(parseInt(high, 16), 0)
  bytes.writeUInt16BE(parseInt(low, 16), 2)
  return [...bytes].join('.')
}

function listOf(ranges: Range[]): BlockList {
  const list = new BlockList()
  for (const [network, prefix] of ranges) list.addSubnet(network, prefix, isIPv4(network) ? 'ipv4' : 'ipv6')
  return list
}
