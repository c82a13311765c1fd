import type { Column } from '../source/catalog.ts'

const textual = new Set(['text', 'varchar', 'bpchar', 'name'])

/** Whether a column holds text, citext or a domain over text among it. */
export function isText(column: Column): boolean {
  return textual.has(column.baseType) || isCitext(column)
}

/** Whether a column holds citext, an extension's text that is equal whatever its case. The schema is the user's choice. */
export function isCitext({ baseType }: Column): boolean {
  return baseType.endsWith('.citext')
}
