import Type from 'typebox'
import { Cursor } from './cursors.ts'

/** A text field of a page's filter. */
export const TextFilter = Type.Optional(Type.String({ maxLength: 500 }))

/** A day, such as `2026-11-20`. */
export const DayFilter = Type.Optional(Type.String({ format: 'date' }))

/** The query of a list's page: its filters, and where the page before ended. */
export function FilterQuery<Filters extends Type.TProperties>(filters: Filters) {
  return Type.Object({ ...filters, cursor: Type.Optional(Cursor) }, { additionalProperties: false })
}

/** A text as a pattern that matches wherever it stands, its own % and _ meaning themselves. */
export function likePattern(text: string): string {
  return `%${text.replace(/[\\%_]/g, '\\$&')}%`
}

/** The condition that a text contains another, whatever its case. */
export function containing(text: string) {
  return { $ilike: likePattern(text) }
}

/** The start of a day in UTC as an RFC 3339 time. */
export function startOfDay(day: string): string {
  return `${day}T00:00:00Z`
}

/** RFC 3339 times as a condition: at or after the one, before the other. */
export function timesBetween(from: string | undefined, to: string | undefined) {
  return {
    ...(from !== undefined && { $gte: new Date(from) }),
    ...(to !== undefined && { $lt: new Date(to) }),
  }
}

/**
 * Links of a list's page: to what follows and, from further down, back to the top.
 * @param link makes a link from a query
 */
export function pagesOf(
  link: (query: Record<string, unknown>) => string,
  { cursor, ...filter }: { cursor?: string } & Record<string, unknown>,
  nextCursor: string | null,
) {
  return {
    next: nextCursor === null ? null : link({ ...filter, cursor: nextCursor }),
    first: cursor === undefined ? null : link(filter),
  }
}
