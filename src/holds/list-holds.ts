import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { readTypedKey } from '../datasets/read-typed-key.ts'
import { decodeCursor, encodeCursor } from '../platform/cursors.ts'
import { invalid } from '../platform/problem-answers.ts'
import { findHolds } from './find-holds.ts'
import { keyText, type Hold } from './hold.ts'

const Position = Type.Tuple([Type.String({ format: 'uuid' })])

export interface HoldsQuery {
  dataset?: string
  /** One record's of `dataset`, its key as people type it. */
  key?: string
  limit?: number
  cursor?: string
}

/** A page of holds, newest first. @throws Problem CURSOR_INVALID, VALIDATION_FAILED or SCOPE_INVALID for the key */
export async function listHolds(
  app: FastifyInstance,
  { dataset, key, limit = 50, cursor }: HoldsQuery,
): Promise<{ holds: Hold[]; nextCursor: string | null }> {
  if (key !== undefined && dataset === undefined)
    throw invalid([{ pointer: 'query:key', detail: 'needs the dataset that the record is of' }])
  const record = key === undefined ? undefined : keyText(readTypedKey(app.datasets.get(dataset!), key))
  const [before] = decodeCursor(cursor, Position) ?? []
  const found = await findHolds(app.orm.em, { dataset, key: record }, limit + 1, before)
  const last = found.length > limit ? found[limit - 1] : undefined
  return { holds: found.slice(0, limit), nextCursor: last === undefined ? null : encodeCursor([last.id]) }
}
