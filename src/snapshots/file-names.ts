import type { Dataset } from '../datasets/definition.ts'
import { keysOf, type Scope } from '../datasets/scope.ts'

const artifactSuffix = '.json.zst'
const manifestSuffix = '.manifest.json'

/** The folder of a dataset's snapshots in the store: as its `backup` says, or one of its own. */
export function snapshotDirectory({ name, policies }: Dataset): string {
  const declared = policies.backup?.directory?.split('/').filter(Boolean).join('/')
  return declared || `backups/${name}`
}

/**
 * The key that a snapshot's first attempt is stored under.
 * @param directory the folder of the dataset's snapshots in the store
 */
export function artifactKey(
  directory: string,
  { id, scope, createdAt }: { id: string; scope: Scope; createdAt: Date },
): string {
  return `${directory}/${scopeSlug(scope)}/${compactTime(createdAt)}-${id}${artifactSuffix}`
}

/**
 * Each attempt has a key of its own, so that one that was given up and wakes up later overwrites nothing.
 * @param key of any attempt at the same snapshot
 * @param attempt from 1
 */
export function attemptKey(key: string, attempt: number): string {
  const base = key.slice(0, -artifactSuffix.length).replace(/\.\d+$/, '')
  return `${base}${attempt === 1 ? '' : `.${attempt}`}${artifactSuffix}`
}

/** @param key an artifact's key */
export function manifestKey(key: string): string {
  return `${key}${manifestSuffix}`
}

/** Tells what lies under a key of the store, and the artifact's key that it belongs to; null for anything else. */
export function recognise(key: string): { kind: 'artifact' | 'manifest'; artifact: string } | null {
  if (key.endsWith(artifactSuffix)) return { kind: 'artifact', artifact: key }
  if (!key.endsWith(artifactSuffix + manifestSuffix)) return null
  return { kind: 'manifest', artifact: key.slice(0, -manifestSuffix.length) }
}

/** The name that people get a file under: `<dataset>_<scope>_<time>.<extension>`, the one rule for all downloads. */
export function fileName(dataset: string, scope: Scope, at: Date, extension: string): string {
  return `${dataset}_${scopeSlug(scope)}_${compactTime(at)}.${extension}`
}

/** `20261120T190619Z`: sorts by time, and is a file name everywhere. */
export function compactTime(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`
}

/** A scope in a file name: to be read, not to be unique. */
export function scopeSlug(scope: Scope): string {
  const keys = keysOf(scope)
  if (keys !== null) return keys.length === 1 ? slug(keys[0]!.join('-')) : `${keys.length}-records`
  if ('all' in scope) return 'all'
  if ('month' in scope) return scope.month
  const { from = 'start', to = 'end' } = scope as { from?: string; to?: string }
  return slug(`${from}_${to}`)
}

/** Letters and digits of any script stay; at most 60 characters, 240 bytes: a file name has 255. */
function slug(text: string): string {
  const safe = text
    .normalize('NFC')
    .replace(/[^\p{L}\p{N}_]+/gu, '-')
    .replace(/^-+|-+$/g, '')
  return [...safe].slice(0, 60).join('') || 'record'
}
