import { defineProblems } from './errors.ts'
import { valueOfJson } from './json-text.ts'

export const staleProblems = defineProblems({
  CHANGED_MEANWHILE: {
    status: 409,
    title: 'Someone changed it in the meantime',
    hint: 'The page shows what is there now, and the form what you typed. Send it again to put yours in its place.',
  },
})

/** What a form that edits something was filled with, by field. */
export type Filled = Record<string, string | null>

/** The value of the form's hidden field `seen`. */
export function seenOf(filled: Filled): string {
  return JSON.stringify(filled)
}

/**
 * Refuses a form that was filled before somebody else changed what it edits. Inside the transaction, with the row locked.
 * @param seen what came back in its hidden field
 * @param present what it would be filled with now
 * @throws CHANGED_MEANWHILE saying what the fields are now; with what was typed shown again, sending it again does it
 */
export function requireUnchanged(seen: string | undefined, present: Filled): void {
  if (seen === undefined || seen === seenOf(present)) return
  const before = Object(valueOfJson(seen)) as Partial<Filled>
  const errors = Object.entries(present)
    .filter(([name, value]) => before[name] !== value)
    .map(([name, value]) => ({
      pointer: `/${name}`,
      detail: value === null ? 'is empty now' : `is now “${value}”`,
    }))
  throw staleProblems.CHANGED_MEANWHILE(
    'Nothing was saved yet. What you typed is still in the form: send it again to put it in the place of what is there now.',
    { errors },
  )
}
