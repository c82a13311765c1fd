import type { Scope } from '../datasets/scope.ts'
import { compactTime, scopeSlug } from '../snapshots/file-names.ts'

/**
 * The key that an export's first attempt is stored under.
 * @param extension of the file, without a dot
 */
export function exportKey(
  dataset: string,
  { id, scope, createdAt }: { id: string; scope: Scope; createdAt: Date },
  extension: string,
): string {
  return `exports/${dataset}/${scopeSlug(scope)}/${compactTime(createdAt)}-${id}.${extension}`
}

/**
 * Each attempt has a key of its own, so that one that was given up and wakes up later overwrites nothing.
 * @param key of any attempt at the same export
 * @param attempt from 1
 */
export function attemptKey(key: string, attempt: number): string {
  const [, base, extension] = /^(.*?)(?:\.\d+)?\.(\w+)$/.exec(key)!
  return `${base}${attempt === 1 ? '' : `.${attempt}`}.${extension}`
}

/** @param key an export's key */
export function manifestKey(key: string): string {
  return `${key}.manifest.json`
}
