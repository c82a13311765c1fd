import type { ByteRange } from '../platform/byte-ranges.ts'
import { storageProblems } from './errors.ts'

/**
 * Refuses what isn't a range in any object; S3 would answer it with the whole object.
 * @throws STORE_RANGE_INVALID
 */
export function checkRange({ start, end }: ByteRange): void {
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end) return
  throw storageProblems.STORE_RANGE_INVALID(`From byte ${start} to byte ${end} is not a range.`)
}

/** The problem of a range that starts at the end of the object or behind it. */
export function beyondTheEnd(key: string, { start }: ByteRange) {
  return storageProblems.STORE_RANGE_INVALID(`The object "${key}" has no byte ${start}.`)
}
