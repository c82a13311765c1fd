import { Problem, type InputError } from '../platform/errors.ts'
import { platformProblems } from '../platform/problem-answers.ts'
import type { NewItem } from './queries.ts'
import { parseItem } from './read-items.ts'

/** Lines that are named when they are wrong; the others are counted. */
const named = 20

/**
 * Items as people type or paste them into a form: one a line, its id alone or as JSON with its payload.
 * @throws Problem VALIDATION_FAILED pointing at `items`, with every line that is wrong
 */
export function itemsOfLines(text: string): NewItem[] {
  const errors: InputError[] = []
  const items = text.split(/\r?\n/).flatMap((line, i) => {
    try {
      return line.trim() === '' ? [] : itemOf(line.trim(), `line ${i + 1}`)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      errors.push({ pointer: '/items', detail: error.message })
      return []
    }
  })
  if (errors.length > 0) throw malformed(errors)
  return items
}

function itemOf(line: string, pointer: string): NewItem {
  return parseItem(line.startsWith('{') ? line : JSON.stringify({ id: line }), pointer)
}

function malformed(errors: InputError[]): Problem {
  const more = errors.length - named
  const rest = more > 0 ? [{ pointer: '/items', detail: `and ${more} more lines are wrong` }] : []
  return platformProblems.VALIDATION_FAILED('The items cannot be read.', {
    errors: [...errors.slice(0, named), ...rest],
  })
}
