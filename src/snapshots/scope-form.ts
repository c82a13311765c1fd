import Type, { type Static } from 'typebox'
import { invalidField, keysOfLines } from '../datasets/typed-keys.ts'
import type { Column } from '../source/catalog.ts'

/** The fields of views/partials/scope.eta. Only those of the kind that `which` names are read. */
export const scopeFields = {
  which: Type.Enum(['all', 'month', 'period', 'keys']),
  month: Type.Optional(Type.String({ maxLength: 20 })),
  from: Type.Optional(Type.String({ maxLength: 40 })),
  to: Type.Optional(Type.String({ maxLength: 40 })),
  keys: Type.Optional(Type.String({ maxLength: 500_000 })),
}

const Fields = Type.Object(scopeFields)

/**
 * The scope that a form asks for, as the API takes it.
 * @param key the columns of the dataset's key
 * @throws VALIDATION_FAILED pointing at the field that is missing
 */
export function scopeOfForm(fields: Static<typeof Fields>, key: readonly Column[]): Record<string, unknown> {
  const { which, month, from, to, keys } = fields
  if (which === 'keys') return { keys: keysOfLines(keys ?? '', key) }
  if (which === 'month') return { month: required(month, 'month', 'is required: a month such as 2026-10') }
  if (which === 'all') return { all: true }
  return {
    from: required(from, 'from', 'is required: the first day'),
    to: required(to, 'to', 'is required: the day after the last'),
  }
}

function required(value: string | undefined, field: string, detail: string): string {
  if (value === undefined) throw invalidField(field, detail)
  return value
}
