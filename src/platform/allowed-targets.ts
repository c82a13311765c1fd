import { isIP } from 'node:net'

/** An entry of an allowlist of targets. */
export interface AllowedTarget {
  /** Lower case, IPv6 without brackets; with a leading `*.` any name below it. */
  host: string
  /** Null: the protocol's own port, 443 or 80. */
  port: number | null
  /** Its name may resolve to a private or loopback address. An address that stands here itself may be any. */
  mayBePrivate: boolean
}

const entry = /^(\[[\da-f:.]+\]|(?:\*\.)?[a-z\d_](?:[a-z\d_.-]*[a-z\d_])?)(?::(\d{1,5}))?(\+private)?$/

/**
 * Reads an allowlist such as `hooks.example.com, *.example.org:8443, 10.0.0.7:9000, worker:8080+private`.
 * @returns the entries, or the first one that is none as text
 */
export function parseAllowedTargets(text: string): AllowedTarget[] | string {
  const targets: AllowedTarget[] = []
  const parts = text.toLowerCase().split(',')
  for (const part of parts.map((one) => one.trim()).filter(Boolean)) {
    const target = parseEntry(part)
    if (target === null) return part
    targets.push(target)
  }
  return targets
}

function parseEntry(text: string): AllowedTarget | null {
  const [, host, port, mark] = entry.exec(text) ?? []
  if (host === undefined) return null
  const below = host.startsWith('*.') ? '*.' : ''
  const address = `http://${host.slice(below.length)}:${port ?? 1}`
  if (!URL.canParse(address) || port === '0') return null
  const name = hostOf(new URL(address)) // as URLs print addresses, so that they compare
  if (below !== '' && isIP(name) !== 0) return null
  return {
    host: below + name,
    port: port === undefined ? null : Number(port),
    mayBePrivate: mark !== undefined,
  }
}

/** The entry that allows an address of HTTP or HTTPS; null when none does. */
export function allowedTarget(targets: readonly AllowedTarget[], url: URL): AllowedTarget | null {
  const host = hostOf(url)
  const port = url.port === '' ? null : Number(url.port)
  const own = url.protocol === 'https:' ? 443 : 80
  const fits = (target: AllowedTarget) =>
    (target.port === null ? port === null : target.port === (port ?? own)) &&
    (target.host.startsWith('*.')
      ? isIP(host) === 0 && host.endsWith(target.host.slice(1))
      : host === target.host)
  return targets.find(fits) ?? null
}

/** A URL's host: lower case, without an IPv6 address's brackets and a name's final dot. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
}
