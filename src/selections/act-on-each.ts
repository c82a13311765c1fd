import type { FastifyRequest } from 'fastify'
import { Problem } from '../platform/errors.ts'
import type { Outcome } from './outcome.ts'
import type { SelectionAction } from './selectable.ts'

/** A browser doesn't wait for ever, nor do proxies. What is left is done by asking again. Milliseconds. */
const patienceMs = 20_000

/**
 * Does something with each of several things, one after the other. A problem with one keeps none of the others from
 * being done, and is recorded as it would be by itself.
 * @param patience milliseconds after which no other is begun
 */
export async function actOnEach(
  request: FastifyRequest,
  ids: readonly string[],
  { act }: Pick<SelectionAction, 'act'>,
  patience = patienceMs,
): Promise<Outcome> {
  const over = AbortSignal.timeout(patience)
  const refused: { id: string; code: string }[] = []
  let tried = 0
  for (const id of ids) {
    if (over.aborted) break
    tried++
    try {
      await act(request, id)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      await request.server.recordRefusal(request, error)
      refused.push({ id, code: error.code })
    }
    request.concern = null
  }
  return { done: tried - refused.length, refused: byCode(refused), left: ids.length - tried }
}

function byCode(refused: { id: string; code: string }[]): Outcome['refused'] {
  const groups = [...Map.groupBy(refused, ({ code }) => code)]
  return groups.map(([code, group]) => ({ code, count: group.length, ids: group.map(({ id }) => id) }))
}
