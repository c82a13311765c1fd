import type { Dataset } from './definition.ts'
import { parseScope, type Scope } from './scope.ts'
import { keysOfLines, valueOf } from './typed-keys.ts'

/** A scope as a query string gives it: one record a `key`, a JSON array where the key has several columns. */
export interface ScopeQuery {
  all?: true
  key?: string | string[]
  month?: string
  from?: string
  to?: string
}

/**
 * @returns the scope; all when the query names none
 * @throws Problem VALIDATION_FAILED, SCOPE_INVALID, DATASET_WITHOUT_DATES
 */
export function scopeOfQuery({ key, ...others }: ScopeQuery, dataset: Dataset): Scope {
  const columns = dataset.root.key
  const typed = (text: string) =>
    columns.length === 1 ? valueOf(text, columns[0]!) : keysOfLines(text, columns)[0]!
  const keys = key && [key].flat().map(typed)
  const given = Object.entries({ ...others, keys }).filter(([, value]) => value !== undefined)
  return parseScope(given.length === 0 ? undefined : Object.fromEntries(given), dataset, 'query:')
}
