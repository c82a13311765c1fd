/** Bytes counted from 0, both ends included. */
export interface ByteRange {
  start: number
  end: number
}

/**
 * Reads a `Range` header (RFC 9110, section 14) for content of `bytes` bytes.
 * @returns the one range that is asked for, cut to the content; `unsatisfiable` when no byte of the content is in it;
 *   null when the header is to be passed over: another unit, malformed, or several ranges, which the whole answers too
 */
export function parseRange(header: string, bytes: number): ByteRange | 'unsatisfiable' | null {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/i.exec(header.replaceAll(/[ \t]/g, '')) ?? []
  if (first === undefined || last === undefined || first + last === '') return null
  const start = first === '' ? Math.max(0, bytes - Number(last)) : Number(first)
  const end = first === '' || last === '' ? bytes - 1 : Math.min(Number(last), bytes - 1)
  if (first !== '' && last !== '' && Number(last) < start) return null
  return start < bytes ? { start, end } : 'unsatisfiable'
}
