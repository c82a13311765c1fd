/**
 * The canonical form of a JSON value, RFC 8785: no white space, members sorted by their names' UTF-16 code units,
 * numbers as ECMAScript prints them. Members that are undefined are left out; what PostgreSQL's text cannot hold (NUL,
 * lone surrogates) becomes U+FFFD, and so does a number that is not finite.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(storable(value))
  if (typeof value === 'bigint') return JSON.stringify(String(value))
  if (typeof value === 'number') return Number.isFinite(value) ? JSON.stringify(value) : '"\ufffd"'
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  if (value instanceof Date) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => [storable(name), member] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`
}

/** Text as PostgreSQL can hold it. */
export function storable(text: string): string {
  return text.replaceAll('\0', '\ufffd').toWellFormed()
}
