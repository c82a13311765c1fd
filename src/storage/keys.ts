import { storageProblems } from './errors.ts'

/** First segment of the keys that stores use for themselves: not listed, and refused to everybody else. */
export const RESERVED = '.holdfast'

/** What S3 allows a key to have, in bytes of UTF-8 (Amazon S3 User Guide, "Object key naming guidelines"). */
const MAX_BYTES = 1024

/** Characters that have no place in file names or in the XML of S3's listings. */
const UNPRINTABLE = /[\u0000-\u001f\u007f\ufffe\uffff]/

/**
 * Refuses a key that could mean another place than it says, in any kind of store.
 * @throws STORE_KEY_INVALID with what is wrong
 */
export function checkKey(key: string): void {
  const fault = keyFault(key)
  if (fault) throw keyProblem(key, fault)
}

/** Whether `checkKey` accepts it. */
export function isKey(key: string): boolean {
  return keyFault(key) === null
}

/**
 * Refuses a prefix that isn't the beginning of any key. Its last segment may be a part of a name.
 * @throws STORE_KEY_INVALID with what is wrong
 */
export function checkPrefix(prefix: string): void {
  const folders = prefix.split('/').slice(0, -1)
  const fault = textFault(prefix) ?? segmentsFault(folders)
  if (fault) throw keyProblem(prefix, fault)
}

/** The problem of a key that `fault` is true of; shows no more than its beginning. */
export function keyProblem(key: string, fault: string) {
  return storageProblems.STORE_KEY_INVALID(`The key ${JSON.stringify(key.slice(0, 100))} ${fault}.`)
}

/** Order of keys in a store: by their bytes in UTF-8, which differs from JavaScript's for characters beyond U+FFFF. */
export function sortKeys(keys: string[]): string[] {
  return keys
    .map((key) => ({ key, bytes: Buffer.from(key) }))
    .sort((a, b) => a.bytes.compare(b.bytes))
    .map(({ key }) => key)
}

function keyFault(key: string): string | null {
  if (key === '') return 'is empty'
  return textFault(key) ?? segmentsFault(key.split('/'))
}

function textFault(text: string): string | null {
  if (!text.isWellFormed()) return 'is not well-formed Unicode'
  if (UNPRINTABLE.test(text)) return 'has a control character'
  if (Buffer.byteLength(text) > MAX_BYTES) return `is longer than ${MAX_BYTES} bytes`
  return null
}

function segmentsFault(segments: string[]): string | null {
  if (segments[0] === RESERVED) return 'is reserved for the store itself'
  if (segments.includes('')) return 'has an empty segment'
  if (segments.some((segment) => segment === '.' || segment === '..')) return 'has a "." or ".." segment'
  return null
}
