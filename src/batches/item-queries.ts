import type { EntityManager } from '../platform/database.ts'
import { lockItems } from './queries.ts'
import { itemStates, type ItemFilter, type ItemState } from './item.ts'

/** An item as lists show it. Times as PostgreSQL prints them. */
export interface ItemRow {
  id: string
  position: string
  state: ItemState
  payload: Record<string, unknown> | null
  attempts: number
  failures: number
  result: Record<string, unknown> | null
  error: { code: string; detail: string } | null
  notBefore: string | null
  settledAt: string | null
  worker: string | null
  leaseExpiresAt: string | null
}

const columns = `i.id, i.position, i.state, i.payload, i.attempts, i.failures, i.result, i.error,
  i.not_before AS "notBefore", i.settled_at AS "settledAt", l.worker, l.expires_at AS "leaseExpiresAt"`

const withLease = `LEFT JOIN batch_leases l ON i.state = 'leased' AND l.id = i.lease_id`

/** What failed items are grouped by: as the index batch_items_by_error has it. */
const errorGroup = `left(CASE WHEN error ->> 'code' = 'FAILED' THEN error ->> 'detail' ELSE error ->> 'code' END, 200)`

/** Which part of a list of items is wanted. */
export interface ItemsPart {
  /** The last item of the page before: its position, or its id where that is the order. */
  after: string | null
  limit: number
  /** The last first. */
  isDown?: boolean
}

/** Items of a batch in their order; where they are looked for by the beginning of their ids, in the order of those. */
export async function listItems(
  em: EntityManager,
  batchId: string,
  filter: ItemFilter,
  part: ItemsPart,
): Promise<ItemRow[]> {
  if (filter.id !== undefined) return searchItems(em, batchId, filter, filter.id, part)
  if (filter.error !== undefined) return listFailed(em, batchId, filter, filter.error, part)
  const { limit } = part
  const { past, direction, from } = positionsOf(part)
  const states = filter.status === undefined ? itemStates : [filter.status]
  return em.execute<ItemRow[]>(
    `SELECT ${columns} FROM json_array_elements_text(?) AS s (state)
     CROSS JOIN LATERAL (
       SELECT * FROM batch_items WHERE batch_id = ? AND state = s.state AND position ${past} ? ORDER BY position ${direction} LIMIT ?
     ) AS i ${withLease} ORDER BY i.position ${direction} LIMIT ?`,
    [JSON.stringify(states), batchId, from, limit, limit],
  )
}

async function listFailed(
  em: EntityManager,
  batchId: string,
  { status }: ItemFilter,
  error: string,
  part: ItemsPart,
): Promise<ItemRow[]> {
  const { past, direction, from } = positionsOf(part)
  if (status !== undefined && status !== 'failed') return []
  return em.execute<ItemRow[]>(
    `SELECT ${columns} FROM batch_items i ${withLease}
     WHERE i.batch_id = ? AND i.state = 'failed' AND ${errorGroup} = ? AND i.position ${past} ?
     ORDER BY i.position ${direction} LIMIT ?`,
    [batchId, error, from, part.limit],
  )
}

/** Positions are above 0 and within a bigint. */
function positionsOf({ after, isDown = false }: ItemsPart) {
  return isDown
    ? { past: '<', direction: 'DESC', from: after ?? '9223372036854775807' }
    : { past: '>', direction: 'ASC', from: after ?? '0' }
}

/** By the primary key's index alone, until a page is full; whatever the collation, no id sorts before how it begins. */
async function searchItems(
  em: EntityManager,
  batchId: string,
  filter: ItemFilter,
  begins: string,
  { after, limit, isDown = false }: ItemsPart,
): Promise<ItemRow[]> {
  const [condition, values] = conditionOf(filter)
  const direction = isDown ? 'DESC' : 'ASC'
  const past = after === null ? null : isDown ? '<' : '>'
  return em.execute<ItemRow[]>(
    `SELECT ${columns} FROM (
       SELECT * FROM batch_items WHERE batch_id = ? AND id >= ? ${past === null ? '' : `AND id ${past} ?`} ${condition}
       ORDER BY id ${direction} LIMIT ?) AS i ${withLease} ORDER BY i.id ${direction}`,
    [batchId, begins, ...(after === null ? [] : [after]), ...values, limit],
  )
}

/** In SQL over the table of items, with its values. */
function conditionOf({ status, error, id }: ItemFilter): [condition: string, values: string[]] {
  const parts = [
    ...(status === undefined ? [] : [['state = ?', status]]),
    ...(error === undefined ? [] : [[`state = 'failed' AND ${errorGroup} = ?`, error]]),
    ...(id === undefined ? [] : [['starts_with(id, ?)', id]]),
  ] as [string, string][]
  return [parts.map(([sql]) => `AND ${sql}`).join(' '), parts.map(([, value]) => value)]
}

/** One item by its position; null when the batch has none there. */
export async function readItem(
  em: EntityManager,
  batchId: string,
  position: string,
): Promise<ItemRow | null> {
  const [row] = await em.execute<ItemRow[]>(
    `SELECT ${columns} FROM batch_items i ${withLease}
     WHERE i.batch_id = ? AND i.state = ANY ('{${itemStates.join(',')}}') AND i.position = ?`,
    [batchId, position],
  )
  return row ?? null
}

/** Of failed items, what they failed with. */
export interface ErrorGroup {
  /** Its code, or how its text begins where it has none of its own. */
  error: string
  /** One of them. */
  code: string
  detail: string
  items: number
  /** There are more than were counted. */
  more: boolean
}

/** How many items of one error are counted, and how many errors are looked at. */
const counted = 1000
const looked = 500

/** What failed items failed with, the most frequent first. */
export async function listErrors(em: EntityManager, batchId: string, limit = 20): Promise<ErrorGroup[]> {
  return em.execute(
    `WITH RECURSIVE groups AS (
       (SELECT ${errorGroup} AS error FROM batch_items WHERE batch_id = ? AND state = 'failed' ORDER BY 1 LIMIT 1)
       UNION ALL
       SELECT (SELECT ${errorGroup} FROM batch_items WHERE batch_id = ? AND state = 'failed'
         AND ${errorGroup} > g.error ORDER BY 1 LIMIT 1)
       FROM groups g WHERE g.error IS NOT NULL
     )
     SELECT g.error, one.code, one.detail, least(c.items, ?) AS items, c.items > ? AS more
     FROM (SELECT error FROM groups WHERE error IS NOT NULL LIMIT ?) AS g
     CROSS JOIN LATERAL (SELECT count(*)::int AS items FROM (SELECT FROM batch_items
       WHERE batch_id = ? AND state = 'failed' AND ${errorGroup} = g.error LIMIT ?) AS these) AS c
     CROSS JOIN LATERAL (SELECT error ->> 'code' AS code, error ->> 'detail' AS detail FROM batch_items
       WHERE batch_id = ? AND state = 'failed' AND ${errorGroup} = g.error ORDER BY position LIMIT 1) AS one
     ORDER BY c.items DESC, g.error LIMIT ?`,
    [batchId, batchId, counted, counted, looked, batchId, counted + 1, batchId, limit],
  )
}

/** Which failed items are to be done again. */
export type Retried = { all: true } | { ids: string[] } | { error: string } | { matching: ItemFilter }

/** Makes failed items pending again, in a transaction, with all attempts before them. @returns how many */
export async function retryItems(em: EntityManager, batchId: string, retried: Retried): Promise<number> {
  const [condition, values] = retriedCondition(retried)
  await lockItems(em, batchId)
  const rows = await em.execute(
    `UPDATE batch_items SET state = 'pending', failures = 0, lease_id = NULL, reported_by = NULL, not_before = NULL
     WHERE batch_id = ? AND state = 'failed' ${condition} RETURNING 1`,
    [batchId, ...values],
  )
  return rows.length
}

function retriedCondition(retried: Retried): [condition: string, values: string[]] {
  if ('matching' in retried) return conditionOf(retried.matching)
  if ('ids' in retried)
    return ['AND id IN (SELECT json_array_elements_text(?))', [JSON.stringify(retried.ids)]]
  if ('error' in retried)
    return [`AND (error ->> 'code' = ? OR error ->> 'detail' = ?)`, [retried.error, retried.error]]
  return ['', []]
}
