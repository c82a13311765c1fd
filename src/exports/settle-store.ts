import { LockMode } from '@mikro-orm/core'
import type { FastifyInstance } from 'fastify'
import { failpoint } from '../platform/failpoints.ts'
import { Export } from './export.ts'
import { removeStored } from './stored-exports.ts'

/**
 * Removes what must go from the store after a change that has been committed. It can be done again at any time; until it
 * has been, the row says that it is due. The row's lock lets one at a time do it.
 * @throws Problem STORE_UNREACHABLE and other problems of the store: it stays due
 */
export async function settleStore({ orm, stores }: FastifyInstance, id: string): Promise<void> {
  await orm.em.fork().transactional(async (em) => {
    const lock = { lockMode: LockMode.PESSIMISTIC_WRITE } as const
    const exported = await em.findOne(Export, { id, storeDue: true }, lock)
    if (exported === null) return
    exported.storeDue = false
    await removeStored(stores.main, exported)
    if (exported.deletedAt !== null) em.remove(exported)
    await failpoint('export.settled')
  })
}

/**
 * Like `settleStore`, for the end of a verb whose change counts already: what can't be done now is done by the next
 * reconciliation.
 */
export async function trySettleStore(app: FastifyInstance, id: string): Promise<void> {
  await settleStore(app, id).catch((error: unknown) =>
    app.log.warn({ err: error, export: id }, 'the store has to be brought in line later'),
  )
}
