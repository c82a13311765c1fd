import { wordScope, wordTime } from '../platform/wording.ts'
import type { Rendering } from './rendering.ts'

/** Said wherever somebody could take an export for a backup. */
export const notForRestoring =
  'An export is for reading, not for restoring: types, keys and references are not kept exactly. To restore, take a snapshot.'

/** What lies beside the tables in a zip. @param names of their files */
export function readMe(names: string[], { dataset, scope, takenAt, title }: Rendering): string {
  const lines = [
    title ?? dataset.title,
    `${dataset.title}: ${wordScope(scope)}, as of ${wordTime(takenAt)} (${takenAt.toISOString()}).`,
    '',
    ...names,
    '',
    'Each file is CSV as RFC 4180 has it, in UTF-8. Rows of child tables begin with the keys of the rows above them. Empty is NULL, "" is empty text. A cell that a spreadsheet would run as a formula has an apostrophe in front.',
    notForRestoring,
  ]
  return lines.map((line) => `${line}\r\n`).join('')
}
