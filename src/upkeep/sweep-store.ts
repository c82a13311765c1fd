import type { FastifyInstance } from 'fastify'
import type { RunOutcome } from '../schedules/schedules.ts'

/** No upload takes longer: jobs themselves end after a day. */
const oldestUploadMs = 2 * 86_400_000

/**
 * Removes what uploads left behind that died half-way.
 * @throws Problem STORE_UNREACHABLE
 */
export async function sweepStore({ stores, clock }: FastifyInstance): Promise<RunOutcome> {
  const removed = await stores.main.sweep(new Date(clock.now().getTime() - oldestUploadMs))
  return { counts: { removed } }
}
