import Type, { type Static, type TSchema } from 'typebox'
import { defineProblems } from './errors.ts'
import { valueOfJson } from './json-text.ts'
import { isShaped } from './validation.ts'

export const listProblems = defineProblems({
  CURSOR_INVALID: {
    status: 400,
    title: 'The cursor is not one of this list',
    hint: 'Take `nextCursor` from the answer before as it is, or leave `cursor` out to start at the top.',
  },
})

/** `limit` of a list: how many items one answer has. */
export const Limit = Type.Integer({
  minimum: 1,
  maximum: 200,
  default: 50,
  description: 'How many items to answer with.',
})

/** `cursor` of a list: where the answer before ended. */
export const Cursor = Type.String({
  minLength: 1,
  maxLength: 2000,
  description: '`nextCursor` of the answer before; opaque.',
})

/** `nextCursor` of a list's answer. */
export const NextCursor = Type.Union([Type.String(), Type.Null()], {
  description: 'Asks for what follows; null at the end.',
})

/** The schema of a list's answer. @param item of one item */
export function ListOf<Item extends TSchema>(item: Item) {
  return Type.Object({ items: Type.Array(item), nextCursor: NextCursor }, { additionalProperties: false })
}

/**
 * Turns the place where an answer ended into an opaque cursor.
 * @param position what orders the list, of its last item, such as `[id]` or `[takenAt, id]`: JSON values
 */
export function encodeCursor(position: readonly (string | number | boolean | null)[]): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

/**
 * Reads a cursor back. It carries no secret and grants nothing: one that was altered but still has the right shape is
 * merely another place in the same list.
 * @param position schema of what was encoded, such as `Type.Tuple([Type.String({ format: 'uuid' })])`, made once
 * @returns null without a cursor: the list starts at the top
 * @throws CURSOR_INVALID
 */
export function decodeCursor<Position extends TSchema>(
  cursor: string | undefined,
  position: Position,
): Static<Position> | null {
  if (cursor === undefined) return null
  const value = parse(cursor)
  if (!isShaped(position, value)) throw listProblems.CURSOR_INVALID('The cursor cannot be read.')
  return value
}

function parse(cursor: string): unknown {
  const text = Buffer.from(cursor, 'base64url').toString()
  if (text.includes('\\u0000')) return undefined // PostgreSQL takes no NUL in text
  return valueOfJson(text)
}
