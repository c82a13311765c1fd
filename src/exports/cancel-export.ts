import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { exportProblems } from './errors.ts'
import { describeFailure, fail } from './fail-export.ts'
import { requireExport } from './attempts.ts'
import { trySettleStore } from './settle-store.ts'
import type { Export } from './export.ts'

/**
 * Cancels an export that is still being made; whoever makes it learns so by the signal. Again is fine.
 * @throws Problem EXPORT_NOT_FOUND, EXPORT_FINISHED when it ended otherwise
 */
export async function cancelExport(app: FastifyInstance, id: string, cause: Cause): Promise<Export> {
  const exported = await app.orm.em.fork().transactional(async (em) => {
    const exported = await requireExport(em, id)
    if (exported.error?.code === 'EXPORT_CANCELLED') return exported
    if (!exported.isUnfinished()) throw exportProblems.EXPORT_FINISHED(`Export ${id} is ${exported.status}.`)
    const by = exportProblems.EXPORT_CANCELLED(`Cancelled by ${cause.actor.name}.`)
    await fail(app, em, exported, describeFailure(by), cause)
    return exported
  })
  await trySettleStore(app, id)
  return exported
}
