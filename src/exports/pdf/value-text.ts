import type { Reference, TableNode } from '../../datasets/definition.ts'
import { artifactColumns } from '../../snapshots/capture-queries.ts'

/** A column of a table as people read it. */
export interface Field {
  name: string
  /** Numbers stand at the right. */
  numeric: boolean
  text(value: unknown): string
}

/** What stands for NULL. */
export const nothing = '–'

const numeric = /^(int2|int4|int8|float4|float8|numeric|money)$/

/** @param known columns that the place of the row says already */
export function fieldsOf(node: TableNode): Field[] {
  return artifactColumns(node).map((column) => {
    const reference = node.references.find(({ columns }) => columns[0] === column)
    if (reference !== undefined) return { name: column.name, numeric: false, text: wordReference(reference) }
    const isInstant = column.baseType === 'timestamptz' || column.baseType === 'timestamp'
    return {
      name: column.name,
      numeric: numeric.test(column.baseType),
      text: isInstant ? wordInstant : wordValue,
    }
  })
}

function wordValue(value: unknown): string {
  if (value === null || value === undefined) return nothing
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** `2026-11-20 10:00:00 UTC`; without a zone where the database knows none. */
function wordInstant(value: unknown): string {
  if (typeof value !== 'string') return nothing
  return value.replace(/^(-?\d+-\d\d-\d\d)T/, '$1 ').replace(/\+00:00/, ' UTC')
}

/** The stable key of the row it points at, with what was read along. */
function wordReference({ key, include }: Reference): (value: unknown) => string {
  return (value) => {
    if (typeof value !== 'object' || value === null) return wordValue(value)
    if ('unresolved' in value) return `unresolved ${[value.unresolved].flat().join(', ')}`
    if (Array.isArray(value)) return value.map(wordValue).join(', ')
    const { key: found, ...included } = value as Record<string, unknown>
    const named = include.map(({ name }) => `${name}: ${wordValue(included[name])}`)
    const keys = key.length === 1 ? wordValue(found) : [found].flat().map(wordValue).join(', ')
    return named.length === 0 ? keys : `${keys} (${named.join(', ')})`
  }
}
