import type { Field } from '../snapshots/diff-record.ts'

/** Characters of a value that a sample shows. */
const shown = 500

/** A value as a sample shows it: long text is cut, and says how long it is. */
export function excerpt(field: Field): Field {
  const text = typeof field === 'string' ? field : null
  if (text === null || text.length <= shown) return field
  return `${text.slice(0, shown)}… (${text.length.toLocaleString('en')} characters in all)`
}
