import type { EntityManager } from '../platform/database.ts'
import { Restore } from './restore.ts'

/** The restores that took this one back, or are about to, newest first. */
export async function findUndos(em: EntityManager, id: string): Promise<Restore[]> {
  return em.fork().find(Restore, { undoes: id }, { orderBy: { id: 'desc' } })
}
