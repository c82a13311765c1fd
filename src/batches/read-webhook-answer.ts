import type { GuardedAnswer } from '../notifications/guarded-fetch.ts'
import { retryAfterMs } from '../notifications/delivery-failure.ts'
import { readJson } from '../platform/json-text.ts'
import type { Report } from './group-commit.ts'
import type { ClaimedItem } from './lease-queries.ts'
import { backoffMs } from './work.ts'

interface ItemError {
  code: string
  detail: string
}

/** What is kept of one item's answer, in characters of JSON. */
const longestResult = 16_384

/** Refusals that say nothing about the next try. */
const worthTryingAgain = new Set([408, 409, 423, 425, 429])

/**
 * What a webhook's answer says of the items. 2xx: they are done, and its JSON is kept; where several were sent it names
 * each in `results`. 408, 409, 423, 425, 429 and 5xx: to be tried again. Anything else: failed for good.
 */
export function outcomesOf(
  items: ClaimedItem[],
  answer: GuardedAnswer,
  areSeveral: boolean,
  now: Date,
): Report[] {
  if (!answer.ok) {
    const error = {
      code: `HTTP_${answer.status}`,
      detail: answer.text.slice(0, 500) || `answered ${answer.status}`,
    }
    const isTemporary = answer.status >= 500 || worthTryingAgain.has(answer.status)
    return failuresOf(items, error, now, {
      isFinal: !isTemporary,
      restMs: retryAfterMs(answer.headers['retry-after'], now) ?? 0,
    })
  }
  const said = answer.cut ? undefined : valueOf(answer.text)
  if (!areSeveral) return [completed(items[0]!, said ?? textOf(answer))]
  const results = new Map(resultsOf(said).map((result) => [result.id, result]))
  return items.map((item) => {
    const result = results.get(item.id)
    if (result === undefined) return failuresOf([item], notNamed, now)[0]!
    if (result.error === undefined) return completed(item, result.result)
    return failuresOf([item], asError(result.error), now)[0]!
  })
}

const notNamed = { code: 'NOT_ANSWERED', detail: 'The answer’s `results` do not name the item.' }

/** @param how for good or for now, and how long the other side wants to be left alone, in milliseconds */
export function failuresOf(
  items: ClaimedItem[],
  error: ItemError,
  now: Date,
  { isFinal = false, restMs = 0 } = {},
): Report[] {
  return items.map(({ id, attempt }) => {
    const retryAt = new Date(now.getTime() + Math.max(backoffMs(attempt), restMs))
    return { id, outcome: { completed: false, error, final: isFinal, retryAt } }
  })
}

function completed({ id }: ClaimedItem, value: unknown): Report {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  const result = value === undefined || value === null ? null : isObject ? value : { value }
  const isLong = JSON.stringify(result).length > longestResult
  return { id, outcome: { completed: true, result: isLong ? { cut: true } : result } }
}

function valueOf(text: string): unknown {
  const read = readJson(text)
  return 'fault' in read ? undefined : read.value
}

/** What isn't JSON, as far as PostgreSQL can hold it. */
function textOf({ text }: GuardedAnswer): object | null {
  return text === '' ? null : { text: text.slice(0, 1000).replaceAll('\0', '\ufffd').toWellFormed() }
}

interface ItemResult {
  id: string
  result?: unknown
  error?: unknown
}

function resultsOf(said: unknown): ItemResult[] {
  const { results } = (said ?? {}) as { results?: unknown }
  return Array.isArray(results) ? results.filter((one): one is ItemResult => typeof one?.id === 'string') : []
}

function asError(error: unknown): ItemError {
  const { code, detail } = (error ?? {}) as { code?: unknown; detail?: unknown }
  if (typeof code === 'string')
    return { code: code.slice(0, 100), detail: String(detail ?? '').slice(0, 500) }
  return { code: 'FAILED', detail: String(error).slice(0, 500) }
}
