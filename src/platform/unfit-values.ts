import type { InputError } from './errors.ts'

/**
 * Finds what no schema of ours would ever want, before any schema sees it: names that would change JavaScript's own
 * prototypes when copied, and text that PostgreSQL cannot hold (NUL) or that is no Unicode (half a surrogate pair).
 * @param value parsed JSON or a form; not deeper than JSON bodies may be
 */
export function findUnfit(value: unknown, pointer = ''): InputError[] {
  if (typeof value === 'string') return isFit(value) ? [] : [{ pointer, detail: unfitText }]
  if (value === null || typeof value !== 'object') return []
  return Object.entries(value).flatMap(([name, member]) => {
    const place = `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (!isFit(name)) return [{ pointer, detail: `has a name that ${unfitText}` }]
    return poisons(name, member)
      ? [{ pointer: place, detail: 'is a name that is not allowed' }]
      : findUnfit(member, place)
  })
}

/** JSON text that needs no closer look. Raw NULs and broken UTF-8 never get as far as this. */
export function isSurelyFit(text: string): boolean {
  return !/__proto__|constructor|\\u/i.test(text)
}

export const unfitText = 'holds a character that text cannot have (NUL, or half a surrogate pair)'

export function isFit(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

function poisons(name: string, member: unknown): boolean {
  if (name === '__proto__') return true
  return (
    name === 'constructor' &&
    typeof member === 'object' &&
    member !== null &&
    Object.hasOwn(member, 'prototype')
  )
}
