import Type from 'typebox'
import type { ChosenScope } from '../datasets/scope-link.ts'
import type { Scope } from '../datasets/scope.ts'
import { invalidField, keysOfLines } from '../datasets/typed-keys.ts'
import { Problem } from '../platform/errors.ts'
import type { Column } from '../source/catalog.ts'

/** The fields of views/partials/scope.eta. Only those of the kind that `which` names are read. */
export const scopeFields = {
  which: Type.Enum(['all', 'month', 'period', 'keys']),
  month: Type.Optional(Type.String({ maxLength: 20 })),
  from: Type.Optional(Type.String({ maxLength: 40 })),
  to: Type.Optional(Type.String({ maxLength: 40 })),
  keys: Type.Optional(Type.String({ maxLength: 500_000 })),
}

/**
 * The scope that a form asks for, as the API takes it.
 * @param key the columns of the dataset's key
 * @throws VALIDATION_FAILED pointing at the field that is missing
 */
export function scopeOfForm(fields: ChosenScope, key: readonly Column[]): Record<string, unknown> {
  const { which, month, from, to, keys } = fields
  if (which === 'keys') return { keys: keysOfLines(keys ?? '', key) }
  if (which === 'month') return { month: required(month, 'month', 'is required: a month such as 2026-10') }
  if (which === 'all') return { all: true }
  if (from === undefined && to === undefined)
    throw invalidField('from', 'is required: the first day, unless there is a last')
  return { ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
}

/** A scope that is still being typed: null until it is one. */
export function whenClear(read: () => Scope): Scope | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof Problem && error.status < 500) return null
    throw error
  }
}

function required(value: string | undefined, field: string, detail: string): string {
  if (value === undefined) throw invalidField(field, detail)
  return value
}
